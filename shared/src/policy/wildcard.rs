//! Wildcards of RAM: `*` stands for any text, the empty one too, `?` for one character.

/// Whether all of `text` fits `pattern`. Takes at most the product of both lengths, whatever the pattern.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last `*`, which then takes one character more.
    let mut last_star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                last_star = Some((p, t));
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((behind, taken)) = last_star else { return false };
                p = behind;
                t = taken + 1;
                last_star = Some((p, t));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether `text` has a wildcard.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fits;

    /// The definition, word for word; exponential.
    fn fits_by_definition(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|taken| fits_by_definition(rest, &text[taken..])),
            ['?', rest @ ..] => !text.is_empty() && fits_by_definition(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && fits_by_definition(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition(pattern in "[ab*?]{0,7}", text in "[abé*]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(fits(&pattern, &text), fits_by_definition(&chars(&pattern), &chars(&text)));
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        assert!(!fits(&"a*".repeat(2_000), &format!("{}b", "a".repeat(1_999))));
        assert!(fits(&"*".repeat(10_000), &"a".repeat(1_000)));
    }
}
