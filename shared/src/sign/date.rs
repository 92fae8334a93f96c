//! The one way the APIs write a time.

use jiff::Timestamp;
use jiff::tz::Offset;

/// `YYYY-MM-DDThh:mm:ssZ`; a fraction of a second is dropped. A cache hit writes two of them, and has no use for a parser of formats.
#[must_use]
pub fn date(time: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(time);
    let (date, clock) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        date.month(),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn a_time_is_written_in_whole_seconds_of_utc() {
        assert_eq!(date("2024-01-02T04:04:05.999+01:00".parse().unwrap()), "2024-01-02T03:04:05Z");
    }
}
