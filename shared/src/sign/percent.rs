//! Percent-encoding as the signatures want it: RFC 3986 with upper-case digits.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Encodes each byte of `text` that is not an ASCII letter, a digit or one of `-_.~` as `%XX`. A space becomes
/// `%20`, never `+`.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `name=value&…` with both sides encoded, in the order given: a query or a form body.
#[must_use]
pub fn encode_pairs(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_characters_that_other_encoders_disagree_on() {
        assert_eq!(encode("a b*c~d+e/f%é"), "a%20b%2Ac~d%2Be%2Ff%25%C3%A9");
    }

    #[test]
    fn names_and_values_cannot_run_into_each_other() {
        assert_eq!(encode_pairs(&[("a", "1&b=2"), ("c=d", ""), ("", "=")]), "a=1%26b%3D2&c%3Dd=&=%3D");
        assert_eq!(encode_pairs(&[]), "");
    }

    proptest! {
        #[test]
        fn decoding_gives_back_the_text(text in any::<String>()) {
            let decoded = percent_encoding::percent_decode_str(&encode(&text)).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decoded, text);
        }

        #[test]
        fn nothing_but_unreserved_characters_and_upper_case_escapes_comes_out(text in any::<String>()) {
            let encoded = encode(&text);
            let mut rest = encoded.bytes();
            while let Some(byte) = rest.next() {
                if byte == b'%' {
                    let digit = |b: Option<u8>| b.is_some_and(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
                    prop_assert!(digit(rest.next()) && digit(rest.next()), "{}", encoded);
                } else {
                    prop_assert!(byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte), "{}", encoded);
                }
            }
        }

        #[test]
        fn unreserved_text_stays_as_it_is(text in "[A-Za-z0-9_.~-]*") {
            prop_assert_eq!(encode(&text), text);
        }
    }
}
