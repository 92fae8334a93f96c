//! `rrsa-exec-credential doctor`: whether what surrounds the helper is as it should be. Nothing but what --fix names is changed.

mod cli_config;
mod cloud;
mod kubeconfigs;
mod machine;
mod sources;

use std::fmt::Write as _;
use std::path::PathBuf;

use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::printable::printable;
use rrsa_shared::rewrite::copies;
use rrsa_shared::wrap::hanging;

use crate::error::exit;
use crate::wish::{Places, Wish};

use cli_config::{cli_configuration, profiles_of_no_source};
use cloud::cloud;
use kubeconfigs::kubeconfigs;
use machine::{program, stores};
use sources::{cli_files, configuration, sources};

/// Look at what surrounds this program: keyrings, kubeconfigs, the CLI's configuration, clock, STS
///
/// Exit codes: 0 nothing is wrong, 1 something is.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Take secrets away that SDKs have written into External profiles of the CLI's configuration
    #[arg(long)]
    fix: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    Doubtful,
    Bad,
    Unknown,
}

/// What was found of one thing.
struct Finding {
    mark: Mark,
    what: &'static str,
    words: String,
    next: Option<String>,
}

fn finding(mark: Mark, what: &'static str, words: impl Into<String>) -> Finding {
    Finding { mark, what, words: words.into(), next: None }
}

impl Finding {
    fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

/// Looks, and shows what was found; the exit code says whether something is wrong.
pub(crate) fn run(args: &Args, env: &Env, files: &Files, clock: &Clock) -> (String, u8) {
    let places = Places::of(env);
    let mut found = program(env);
    found.extend(stores(env, &places, clock));
    found.extend(Wish::unused_folder(env).map(|why| finding(Mark::Bad, "cache", why)));
    let sources = sources(files, &places);
    found.extend(kubeconfigs(env, &sources));
    for path in cli_files(env, files, &places).iter().filter(|path| path.exists()) {
        found.extend(cli_configuration(args.fix, files, path, None));
        found.extend(profiles_of_no_source(path, &sources));
        // Where there was no file the copy says no more than that.
        let empty = |copy: &PathBuf| std::fs::metadata(copy).is_ok_and(|found| found.len() <= 1);
        for copy in copies(path).into_iter().filter(|copy| !empty(copy)) {
            found.extend(cli_configuration(args.fix, files, &copy, Some(path)));
        }
    }
    found.extend(configuration(files, &places));
    found.extend(cloud(env, files, clock));
    let mut shown = String::new();
    for Finding { mark, what, words, next } in &found {
        let mark = match mark {
            Mark::Good => "✓",
            Mark::Doubtful => "!",
            Mark::Bad => "✗",
            Mark::Unknown => "?",
        };
        let _ = writeln!(shown, "{}", hanging(&format!("{mark} {what:<11} "), 14, &printable(words)));
        if let Some(next) = next {
            let _ = writeln!(shown, "{}", hanging(&" ".repeat(14), 14, &printable(next)));
        }
    }
    let is_bad = found.iter().any(|finding| finding.mark == Mark::Bad);
    (shown, if is_bad { exit::REFUSED } else { exit::DONE })
}
