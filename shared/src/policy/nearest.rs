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

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn edit_distance_counts_the_typos() {
        for (a, b, expected) in
            [("demo-sa", "demo-sa", 0), ("demo-sa", "demosa", 1), ("", "ab", 2), ("ab", "ba", 2)]
        {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
        }
    }
}
