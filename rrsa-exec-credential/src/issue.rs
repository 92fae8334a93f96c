//! Credentials from the cache, or from their source: one process asks, the others wait for what it brings, and what still works is
//! served when asking fails.

use std::time::Duration;

use rrsa_shared::cache::{Entry, Flight, Freshness, Kept, Refusal, Witness, freshness};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;

use crate::certificate::{self, CertificateWish};
use crate::cli::runtime;
use crate::error::{Error, exit};
use crate::hot;
use crate::obtain::Seeker;
use crate::output::{Certificate, Issued};
use crate::wish::{Places, Wish};

/// How long a process waits for another one's credentials before it asks for its own: longer than asking takes with a command.
const PATIENCE: Duration = Duration::from_secs(16);
/// How long a source is waited for while what is at hand still works.
const HURRIED: Duration = Duration::from_secs(3);

/// What a source gave.
#[derive(Clone)]
pub(crate) struct Fetched {
    /// The credentials.
    pub(crate) kept: Kept,
    /// When they end, Unix seconds; what has no end is not kept.
    pub(crate) expires: Option<i64>,
    /// Where they came from, in words.
    pub(crate) words: String,
    /// What had a part in choosing them besides what their entry's name tells.
    pub(crate) witnesses: Vec<Witness>,
    /// Whether the next run would ask for the same: not with what somebody writes to this very process, nor when the clock may
    /// be another one by then.
    pub(crate) is_lasting: bool,
    /// Seconds by which STS's clock is ahead of this machine's, where STS was asked and they are too far from each other for
    /// what is signed here.
    pub(crate) clock_offset: Option<i64>,
}

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
    session(wish, env, files, clock, warn)?.issued()
}

impl Fetched {
    /// What is to be signed with it here and now.
    ///
    /// # Errors
    /// A clock by which STS takes nothing.
    pub(crate) fn for_signing(self) -> Result<Issued, Error> {
        let Some(offset) = self.clock_offset else { return self.issued() };
        let (minutes, side) = (offset.abs() / 60, if offset < 0 { "ahead of" } else { "behind" });
        let message = format!(
            "the local clock is {minutes} minutes {side} STS's, which takes nothing that was signed more than 15 minutes off"
        );
        Err(Error::new(exit::REFUSED, message).hint("set the clock, then once more"))
    }

    /// The session of it.
    ///
    /// # Errors
    /// That it is another thing.
    pub(crate) fn issued(self) -> Result<Issued, Error> {
        match self.kept {
            Kept::Session(key) => Ok(Issued { key, expires: self.expires }),
            Kept::Certificate { .. } => {
                Err(Error::new(exit::REFUSED, "a certificate is kept where a session ought to be"))
            }
        }
    }
}

/// The session that is wished for, with what is known of it.
///
/// # Errors
/// As [`issue`].
pub(crate) fn session(
    wish: &Wish,
    env: &Env,
    files: &Files,
    clock: &Clock,
    warn: &mut dyn FnMut(&str),
) -> Result<Fetched, Error> {
    if let Some(Issued { key, expires }) = hot::own_key(wish, env) {
        let (words, witnesses) = ("the environment".to_owned(), Vec::new());
        return Ok(Fetched {
            kept: Kept::Session(key),
            expires,
            words,
            witnesses,
            is_lasting: true,
            clock_offset: None,
        });
    }
    let ask = |places: &Places, hurried: bool, _: &mut dyn FnMut(&str)| {
        let seeker = Seeker::new(env, files, clock, places, wish);
        let seeker = if hurried { seeker.within(HURRIED) } else { seeker };
        runtime()?.block_on(seeker.obtain(wish))
    };
    kept_or_asked(wish, None, env, files, clock, warn, ask)
}

/// The client certificate that is wished for.
///
/// # Errors
/// As [`issue`], and what ACK refuses.
pub(crate) fn certificate(
    wanted: &CertificateWish,
    wish: &Wish,
    env: &Env,
    files: &Files,
    clock: &Clock,
    warn: &mut dyn FnMut(&str),
) -> Result<Certificate, Error> {
    // A forced refresh is of the certificate; the session that asks for it may be a kept one.
    let session = Wish { force_refresh: false, ..wish.clone() };
    let ask = |_: &Places, _: bool, warn: &mut dyn FnMut(&str)| {
        certificate::fetch(wanted, &session, env, files, clock, warn)
    };
    let fetched = kept_or_asked(wish, Some(wanted), env, files, clock, warn, ask)?;
    match fetched.kept {
        Kept::Certificate { certificate, private_key } => {
            Ok(Certificate { certificate, private_key, expires: fetched.expires })
        }
        Kept::Session(_) => {
            Err(Error::new(exit::REFUSED, "a session is kept where a certificate ought to be"))
        }
    }
}

fn kept_or_asked(
    wish: &Wish,
    wanted: Option<&CertificateWish>,
    env: &Env,
    files: &Files,
    clock: &Clock,
    warn: &mut dyn FnMut(&str),
    ask: impl FnOnce(&Places, bool, &mut dyn FnMut(&str)) -> Result<Fetched, Error>,
) -> Result<Fetched, Error> {
    if let Some(error) = wish.unknown_cache(env) {
        return Err(error);
    }
    let places = Places::of(env);
    let key = wish.key(wanted, env, files, &places);
    let stores = wish.stores(env, &places);
    let jitter = fastrand::u8(..);
    let now = || clock.now().as_second();
    let began = now();
    // What a forced refresh passes over; another process's answer to the same wish serves.
    let passed_over = if wish.force_refresh { stores.get(&key).map(|entry| entry.kept) } else { None };
    let mut stale: Option<Entry> = None;
    let fresh = |stale: &mut Option<Entry>| {
        let entry = stores.get(&key).filter(|entry| entry.is_meant(env, files))?;
        if passed_over.as_ref() == Some(&entry.kept) {
            return None;
        }
        match freshness(&entry, now(), jitter) {
            Freshness::Fresh => Some(entry),
            // To ask once more would bring no better one.
            Freshness::Usable if entry.made >= began => Some(entry),
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
    if let Some(why) = Wish::unused_folder(env) {
        warn(&why);
    }
    if stores.folder().is_none() && stores.keeps() {
        warn("credentials are asked for without a lock: there is no home folder (HOME) for it");
    }
    let folder = stores.folder().filter(|folder| match folder.make() {
        Ok(()) => true,
        Err(error) => {
            warn(&format!("credentials are asked for without a lock: {error}"));
            false
        }
    });
    // Nobody waits for another one's credentials while those at hand still work.
    let patience = if stale.is_some() { Duration::ZERO } else { PATIENCE };
    let shared = folder.filter(|_| stores.keeps());
    let flight = match Flight::wait(shared, &key, patience, clock, || fresh(&mut stale)) {
        Ok(flight) => flight,
        Err(entry) => return Ok(of_entry(entry)),
    };
    if let Some(entry) = stale.take_if(|_| shared.is_some() && !flight.is_alone()) {
        return Ok(of_entry(entry));
    }
    let remembered = stores.recall(&key, now());
    // What was said to somebody else meanwhile is said to who insists as well.
    let remembered = remembered.filter(|said| !wish.force_refresh || flight.has_waited() && said.at >= began);
    let remembered = remembered.filter(|said| said.looked_at.iter().all(|witness| witness.holds(env, files)));
    let outcome = match remembered {
        Some(refusal) => {
            let words = format!("{} (said {} s ago)", refusal.words, now() - refusal.at);
            let error = Error::new(refusal.code, words);
            Err(match refusal.hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
        None => ask(&places, stale.is_some(), warn),
    };
    let fetched = match (outcome, stale) {
        (Ok(fetched), _) => {
            stores.forget_refusal(&key);
            let mut is_kept = false;
            if let Some(expires) = fetched.expires.filter(|_| fetched.is_lasting) {
                let made = now();
                let Fetched { kept, words, witnesses, .. } = &fetched;
                let (kept, words, witnesses) = (kept.clone(), words.clone(), witnesses.clone());
                let entry = Entry { kept, made, expires, words, witnesses };
                if made >= expires {
                    warn(
                        "the credentials have ended by this machine's clock: it is ahead, or they were old already",
                    );
                } else {
                    match stores.put(&key, &entry, expires - made) {
                        Ok(put) => {
                            is_kept = put.is_kept && freshness(&entry, made, jitter) != Freshness::Gone;
                            put.news.iter().for_each(|news| warn(news));
                        }
                        Err(error) => warn(&format!("the credentials are not kept: {error}")),
                    }
                }
            }
            flight.tell(is_kept);
            fetched
        }
        (Err(error), stale) => {
            if error.is_costly {
                let Error { message, hint, code, looked_at, .. } = &error;
                let (words, hint, code, looked_at) =
                    (message.clone(), hint.clone(), *code, looked_at.clone());
                stores.remember(&key, &Refusal { at: now(), words, hint, code, looked_at });
            }
            let Some(entry) = stale else {
                // Whoever asked meanwhile may have had an answer.
                let late = if folder.is_some() && !wish.force_refresh { fresh(&mut None) } else { None };
                return late.map(of_entry).ok_or(error);
            };
            warn(&format!("{}; the credentials at hand serve until a minute before they end", error.message));
            of_entry(entry)
        }
    };
    drop(flight);
    Ok(fetched)
}

fn of_entry(entry: Entry) -> Fetched {
    let Entry { kept, expires, words, witnesses, .. } = entry;
    Fetched { kept, expires: Some(expires), words, witnesses, is_lasting: true, clock_offset: None }
}
