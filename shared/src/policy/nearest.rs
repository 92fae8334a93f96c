//! Which of several texts somebody may have meant.

/// The value that is fewest edits away from `text`.
#[must_use]
pub fn nearest<'a>(values: &'a [String], text: &str) -> Option<&'a str> {
    values.iter().map(String::as_str).min_by_key(|value| edit_distance(value, text))
}

/// Insertions, deletions and replacements that lead from `a` to `b`.
#[must_use]
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Where `written` and `text` part, in characters of each. With `wildcards`, a `*` of `written` takes as much of the text as brings
/// what stands behind it furthest, and `?` takes one character.
#[must_use]
pub fn parting(written: &str, text: &str, wildcards: bool) -> (usize, usize) {
    let (written, text): (Vec<char>, Vec<char>) = (written.chars().collect(), text.chars().collect());
    let alike = |from: usize, at: usize| {
        let pairs = written[from..].iter().zip(&text[at.min(text.len())..]);
        pairs.take_while(|(one, other)| one == other || (wildcards && **one == '?')).count()
    };
    let (mut from, mut at) = (0, 0);
    loop {
        let piece =
            written[from..].iter().position(|c| wildcards && *c == '*').unwrap_or(written.len() - from);
        let is_first = from == 0;
        let is_last = from + piece == written.len();
        // Behind a star the piece may begin anywhere; the last one that is whole had better reach the end.
        let starts = if is_first { at..=at } else { at..=text.len() };
        let reach = |start: usize| {
            let same = alike(from, start).min(piece);
            (
                same == piece && is_last && start + piece == text.len(),
                same,
                if is_last { start } else { text.len() - start },
            )
        };
        let start = starts.max_by_key(|start| reach(*start)).unwrap_or(at);
        let same = alike(from, start).min(piece);
        if same < piece || is_last {
            return (from + same, start + same);
        }
        (from, at) = (from + piece + 1, start + piece);
        if from == written.len() {
            // A star at the end takes the rest.
            return (from, text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{edit_distance, parting};

    #[test]
    fn texts_part_where_no_star_helps_any_more() {
        for (written, text, wildcards, expected) in [
            ("a:demo", "a:demo-sa", false, (6, 6)),
            ("a:*", "a:x", false, (2, 2)),
            ("sa:*:demo-s", "sa:rrsa-demo:demo-sa", true, (11, 19)),
            ("sa:*:other", "sa:rrsa-demo:demo-sa", true, (5, 13)),
            ("sx:*", "sa:x", true, (1, 1)),
            ("sa:?emo:*", "sa:demo:x", true, (9, 9)),
            ("*", "x", true, (1, 1)),
            ("a*b*c", "aXbYd", true, (4, 5)),
            ("", "x", true, (0, 0)),
            ("x*", "", true, (0, 0)),
        ] {
            assert_eq!(parting(written, text, wildcards), expected, "{written} {text}");
        }
    }

    #[test]
    fn edit_distance_counts_the_typos() {
        for (a, b, expected) in
            [("demo-sa", "demo-sa", 0), ("demo-sa", "demosa", 1), ("", "ab", 2), ("ab", "ba", 2)]
        {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
        }
    }
}
