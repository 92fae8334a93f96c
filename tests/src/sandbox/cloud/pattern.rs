//! Wildcards and percent-encoding as Alibaba Cloud has them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but letters, digits and `-_.~`.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes for a signature: a space is `%20`, hexadecimal digits are upper-case.
pub(super) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// The pairs of a query string or a form body, decoded, in their order.
pub(super) fn pairs(encoded: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    };
    encoded.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// Whether `text` is what `pattern` describes: `*` is any run of characters, also none, `?` is one.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // After each character of the pattern: which prefixes of the text it can have taken.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        for length in 0..=text.len() {
            next[length] = match wanted {
                '*' => reached[length] || (length > 0 && next[length - 1]),
                '?' => length > 0 && reached[length - 1],
                exact => length > 0 && reached[length - 1] && text[length - 1] == exact,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_runs_and_single_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "ac", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("system:serviceaccount:team-*:sa", "system:serviceaccount:team-a:sa", true),
            ("ABC", "abc", false),
            ("", "a", false),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pair_survives_encoding_and_decoding() {
        let (name, value) = ("key", "a+b c*~%/=&ü");
        assert_eq!(percent_encode("a b*~"), "a%20b%2A~");
        assert_eq!(
            pairs(&format!("{name}={}&flag&", percent_encode(value))),
            [(name.to_owned(), value.to_owned()), ("flag".to_owned(), String::new()),]
        );
        assert_eq!(pairs("a=b+c"), [("a".to_owned(), "b c".to_owned())]);
    }
}
