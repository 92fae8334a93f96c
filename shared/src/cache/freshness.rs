//! Whether a cached session is good enough.

use super::Entry;

/// How good an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Enough of its life is left; nobody need be asked.
    Fresh,
    /// It works still, and a new one should be asked for.
    Usable,
    /// It has ended, or ends before a caller could use it.
    Gone,
}

/// The least that is left of a fresh entry, seconds.
const LEAST: i64 = 120;
/// The least that is left of a usable entry, seconds.
const SPARE: i64 = 60;

/// Judges `entry` at `now`, Unix seconds. Fresh is what has more than the larger of two minutes and a fifth of its life left;
/// `jitter`, 0 to 255, adds up to a tenth to that, so that many processes do not refresh in the same second. An entry of the
/// future, beyond a clock's usual error, was made by another clock and is gone.
#[must_use]
pub fn freshness(entry: &Entry, now: i64, jitter: u8) -> Freshness {
    let life = entry.expires - entry.made;
    let left = entry.expires - now;
    let bound = LEAST.max(life / 5);
    let bound = bound + bound * i64::from(jitter) / 2550;
    if left < SPARE || entry.made > now + LEAST {
        Freshness::Gone
    } else if left > bound {
        Freshness::Fresh
    } else {
        Freshness::Usable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Kept;
    use crate::sts::AccessKey;

    fn entry(made: i64, expires: i64) -> Entry {
        let key = AccessKey { id: String::new(), secret: "s".into(), security_token: None };
        Entry { kept: Kept::Session(key), made, expires, words: String::new(), witnesses: Vec::new() }
    }

    #[test]
    fn an_hour_is_fresh_until_a_fifth_is_left() {
        let hour = entry(0, 3600);
        for (now, jitter, expected) in [
            (0, 0, Freshness::Fresh),
            (2879, 0, Freshness::Fresh),
            (2880, 0, Freshness::Usable),
            (2879, 255, Freshness::Usable),
            (2800, 255, Freshness::Fresh),
            (3540, 0, Freshness::Usable),
            (3541, 0, Freshness::Gone),
            (4000, 0, Freshness::Gone),
            (-120, 0, Freshness::Fresh),
            (-121, 0, Freshness::Gone),
        ] {
            assert_eq!(freshness(&hour, now, jitter), expected, "{now} {jitter}");
        }
        assert_eq!(freshness(&entry(0, 300), 180, 0), Freshness::Usable);
    }
}
