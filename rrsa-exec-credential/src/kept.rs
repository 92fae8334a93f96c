//! `rrsa-exec-credential cache`: what is kept, without a secret, and taking it away.

use std::fmt::Write as _;

use clap::Subcommand;
use jiff::Timestamp;
use rrsa_shared::cache::StoreError;
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::printable::printable;
use rrsa_shared::wrap::hanging;

use crate::error::{Error, exit};
use crate::wish::{Places, Wish};

/// What to do with what is kept.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Deed {
    /// Show the sessions that are kept, in words; never a secret
    List,
    /// Take all of them away
    Clear(Clear),
}

/// How much is taken away.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Clear {
    /// Also what was kept with another home or cache folder
    #[arg(long)]
    all: bool,
}

/// Does it.
///
/// # Errors
/// A session that cannot be taken away.
pub(crate) fn run(deed: Deed, env: &Env, clock: &Clock) -> Result<String, Error> {
    let stores = Wish::default().stores(env, &Places::of(env));
    let stores = if matches!(deed, Deed::Clear(_)) { stores.thoroughly() } else { stores };
    let (mut all, unseen) = stores.list();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    match deed {
        Deed::List => {
            let mut shown = String::new();
            for one in &all {
                let left = one.expires - clock.now().as_second();
                let until =
                    Timestamp::from_second(one.expires).map_or_else(|_| "?".to_owned(), |at| at.to_string());
                let head = format!("{}  {}, {}", &one.key.as_str()[..12], printable(&one.name), one.store);
                let left = if left > 0 { format!("{left} s left") } else { "over".to_owned() };
                let words = format!("{}, until {until} ({left})", printable(&one.words));
                let _ = writeln!(shown, "{head}\n{}", hanging("    ", 4, &words));
            }
            for error in unseen.into_iter().chain(stores.trouble()) {
                let _ = writeln!(shown, "{}", hanging("?   ", 4, &printable(&error.to_string())));
            }
            match stores.count_elsewhere() {
                0 => {}
                more => {
                    let words = format!(
                        "{more} more kept with other cache folders; logout --all takes them away too"
                    );
                    let _ = writeln!(shown, "{}", hanging("    ", 4, &words));
                }
            }
            Ok(shown)
        }
        Deed::Clear(Clear { all: everywhere }) => {
            let failed = |why: String| Error::new(exit::REFUSED, why);
            let unlooked = |error: StoreError| {
                let words = format!("not all could be looked at: {error}");
                failed(words).hint("what was looked at is gone; see that it answers, then once more")
            };
            let mut trouble = unseen.map(unlooked);
            for one in &all {
                if let Err(error) = stores.remove(&one.key) {
                    let words =
                        format!("session {} is not gone everywhere: {error}", &one.key.as_str()[..12]);
                    trouble = Some(failed(words).hint("make that place yours again, then once more"));
                }
            }
            stores.tidy(trouble.is_none());
            let elsewhere = stores.count_elsewhere();
            if everywhere && let Err(error) = stores.forget_elsewhere() {
                trouble = Some(unlooked(error));
            }
            if let Some(error) = trouble {
                return Err(error);
            }
            let mut told = match all.len() + if everywhere { elsewhere } else { 0 } {
                1 => "1 session taken away\n".to_owned(),
                count => format!("{count} sessions taken away\n"),
            };
            if !everywhere && elsewhere > 0 {
                let _ = writeln!(
                    told,
                    "{elsewhere} more kept with other cache folders; --all takes them away too"
                );
            }
            if let Some(error) = stores.trouble() {
                let words = format!("{error}; what may lie in it was not looked at");
                let _ = writeln!(told, "{}", hanging("", 0, &printable(&words)));
            }
            Ok(told)
        }
    }
}
