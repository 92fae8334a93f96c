//! Lines that fit a terminal of 80 columns. Words that are longer, such as ARNs, stay whole: they are to be copied.

use textwrap::{Options, WordSeparator, WordSplitter};

/// Columns of a terminal.
const WIDTH: usize = 80;

/// `text` behind `head`, its further lines indented by `indent` columns.
#[must_use]
pub fn hanging(head: &str, indent: usize, text: &str) -> String {
    let (first, rest) = (" ".repeat(indent), " ".repeat(indent));
    // Chinese has no blanks to break at; a URL has none either, and stays whole for that.
    let chinese = text.chars().any(|c| ('\u{3000}'..='\u{9fff}').contains(&c));
    let separator = if chinese { WordSeparator::UnicodeBreakProperties } else { WordSeparator::AsciiSpace };
    let options = Options::new(WIDTH)
        .word_separator(separator)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .initial_indent(&first)
        .subsequent_indent(&rest);
    let wrapped = textwrap::fill(text, options);
    // The head takes the place of the first indent; it may hold colour, which has no width.
    format!("{head}{}", wrapped.get(indent.min(wrapped.len())..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::hanging;

    #[test]
    fn further_lines_stand_below_the_first() {
        let shown = hanging("  a ", 4, &"word ".repeat(30));
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= 80), "{shown}");
        assert!(lines[0].starts_with("  a word") && lines[1].starts_with("    word"));
    }

    #[test]
    fn what_is_to_be_copied_stays_whole() {
        let arn = format!("acs:ram::1:role/{}", "x".repeat(80));
        assert!(hanging("- ", 2, &arn).contains(&arn));
        assert_eq!(hanging("- ", 2, ""), "- ");
    }

    #[test]
    fn chinese_takes_two_columns_a_character() {
        let shown = hanging("", 0, &"集群未开启".repeat(20));
        assert!(shown.lines().all(|line| line.chars().count() <= 40), "{shown}");
    }
}
