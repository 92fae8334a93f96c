//! Text from a cluster may hold anything; a terminal must not obey it.

/// The text with control characters, and characters that change the direction of writing, shown as `\u{…}`.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || directs(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a character changes the direction of writing, or is there and not seen.
#[must_use]
pub fn directs(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// JSON in which such characters, and those that control a terminal, are written out. They stand within texts only, where
/// that says the same.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        let layout = matches!(c, '\n' | '\t' | '\r');
        if (c.is_control() && !layout) || directs(c) {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_json};

    #[test]
    fn json_says_the_same_without_what_a_terminal_would_obey() {
        let odd = serde_json::json!({"a": "\u{9b}31m \u{202e}\u{200b} é\n"});
        let text = printable_json(&serde_json::to_string_pretty(&odd).unwrap());
        assert!(text.contains("\\u009b31m \\u202e\\u200b é\\n"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), odd);
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{202e}c é"), "a\\u{1b}[2Jb\\n\\u{202e}c é");
    }
}
