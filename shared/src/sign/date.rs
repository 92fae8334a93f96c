//! The one way the APIs write a time.

use jiff::Timestamp;

/// `YYYY-MM-DDThh:mm:ssZ`; a fraction of a second is dropped.
pub(crate) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn a_time_is_written_in_whole_seconds_of_utc() {
        assert_eq!(date("2024-01-02T04:04:05.999+01:00".parse().unwrap()), "2024-01-02T03:04:05Z");
    }
}
