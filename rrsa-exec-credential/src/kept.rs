//! `rrsa-exec-credential cache`: what is kept, without a secret, and taking it away.

use std::fmt::Write as _;

use clap::Subcommand;
use jiff::Timestamp;
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
    Clear,
}

/// Does it.
///
/// # Errors
/// A session that cannot be taken away.
pub(crate) fn run(deed: Deed, env: &Env, clock: &Clock) -> Result<String, Error> {
    let stores = Wish::default().stores(env, &Places::of(env));
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
            if let Some(error) = unseen {
                let _ = writeln!(shown, "?             {}", printable(&error.to_string()));
            }
            Ok(shown)
        }
        Deed::Clear => {
            let failed = |why: String| Error::new(exit::REFUSED, why);
            let mut trouble = unseen.map(|error| failed(format!("not all could be looked at: {error}")));
            for one in &all {
                if let Err(error) = stores.remove(&one.key) {
                    trouble = Some(failed(format!(
                        "session {} cannot be taken away: {error}",
                        &one.key.as_str()[..12]
                    )));
                }
            }
            stores.tidy(trouble.is_none());
            match trouble {
                Some(error) => Err(error),
                None => Ok(match all.len() {
                    1 => "1 session taken away\n".to_owned(),
                    count => format!("{count} sessions taken away\n"),
                }),
            }
        }
    }
}
