//! Credentials from the cache, or from their source: one process asks, the others wait for what it brings, and what still works is
//! served when asking fails.

use std::time::Duration;

use rrsa_shared::cache::{Entry, Flight, Freshness, Refusal, freshness};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;

use crate::cli::runtime;
use crate::error::{Error, exit};
use crate::hot;
use crate::obtain::{Obtained, Seeker};
use crate::output::Issued;
use crate::wish::{Places, Wish};

/// How long a process waits for another one's session before it asks for its own.
const PATIENCE: Duration = Duration::from_secs(8);

/// The credentials that are wished for. `warn` is told what is wrong and does no harm, one line each.
///
/// # Errors
/// Which source is to blame, and for what.
pub(crate) fn issue(
    wish: &Wish,
    env: &Env,
    files: &Files,
    clock: &Clock,
    warn: &mut dyn FnMut(&str),
) -> Result<Issued, Error> {
    if let Some(issued) = hot::own_key(wish, env) {
        return Ok(issued);
    }
    let places = Places::of(env);
    let key = wish.key(env, files, &places);
    let stores = wish.stores(env, &places);
    let jitter = fastrand::u8(..);
    let now = || clock.now().as_second();
    // What a forced refresh passes over; another process's answer to the same wish serves.
    let passed_over = if wish.force_refresh { stores.get(&key).map(|entry| entry.key.id) } else { None };
    let mut stale: Option<Entry> = None;
    let fresh = |stale: &mut Option<Entry>| {
        let entry = stores.get(&key)?;
        if passed_over.as_ref() == Some(&entry.key.id) {
            return None;
        }
        match freshness(&entry, now(), jitter) {
            Freshness::Fresh => Some(entry),
            Freshness::Usable => {
                *stale = Some(entry);
                None
            }
            Freshness::Gone => None,
        }
    };
    if let Some(entry) = fresh(&mut stale) {
        return Ok(of_entry(entry));
    }
    let folder = stores.folder().filter(|folder| match folder.make() {
        Ok(()) => true,
        Err(error) => {
            warn(&format!("sessions are asked for without a lock: {error}"));
            false
        }
    });
    let flight = match Flight::wait(folder, &key, PATIENCE, clock, || fresh(&mut stale)) {
        Ok(flight) => flight,
        Err(entry) => return Ok(of_entry(entry)),
    };
    let remembered =
        folder.filter(|_| !wish.force_refresh).and_then(|folder| Refusal::recall(folder, &key, now()));
    let outcome = match remembered {
        Some(refusal) => {
            let error =
                Error::new(exit::REFUSED, format!("{} (said {} s ago)", refusal.words, now() - refusal.at));
            Err(match refusal.hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
        None => ask(wish, env, files, clock, &places),
    };
    let issued = match (outcome, stale) {
        (Ok(Obtained { issued, words }), _) => {
            if let Some(folder) = folder {
                Refusal::forget(folder, &key);
            }
            if let Some(expires) = issued.expires {
                let made = now();
                let entry = Entry { key: issued.key.clone(), made, expires, words };
                if made < expires
                    && let Err(error) = stores.put(&key, &entry, expires - made)
                {
                    warn(&format!("the session is not kept: {error}"));
                }
            }
            issued
        }
        (Err(error), Some(entry)) => {
            warn(&format!("{}; the session at hand serves until it ends", error.message));
            of_entry(entry)
        }
        (Err(error), None) => {
            if let Some(folder) = folder.filter(|_| error.is_refusal) {
                let refusal = Refusal { at: now(), words: error.message.clone(), hint: error.hint.clone() };
                refusal.remember(folder, &key);
            }
            return Err(error);
        }
    };
    drop(flight);
    Ok(issued)
}

fn ask(wish: &Wish, env: &Env, files: &Files, clock: &Clock, places: &Places) -> Result<Obtained, Error> {
    let runtime = runtime()?;
    runtime.block_on(Seeker::new(env, files, clock, places, wish).obtain(wish))
}

fn of_entry(entry: Entry) -> Issued {
    Issued { key: entry.key, expires: Some(entry.expires) }
}
