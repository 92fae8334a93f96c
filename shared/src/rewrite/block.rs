//! Lists of YAML in block style, changed line by line.

use serde_json::Value;

use super::Entry;

/// Whether the last line belongs to a block of text (`|` or `>`) that keeps the line feed at its end.
pub(super) fn ends_in_text(text: &str) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty());
    let Some(last) = lines.next() else { return false };
    let Some(head) = lines.find(|line| indent(line) < indent(last)) else { return false };
    let head = head.split_once(" #").map_or(head, |(head, _)| head).trim_end();
    let mark = head.rsplit([' ', ':']).next().unwrap_or_default();
    mark.starts_with(['|', '>']) && !mark.contains('-')
}

/// The text with `entry` in its list; `None` where the list is written in another style.
pub(super) fn put(text: &str, entry: &Entry) -> Option<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    let Some(head) = lines.iter().position(|line| value_at(line, entry.section).is_some()) else {
        lines.push(format!("{}:\n", entry.section));
        lines.extend(item(entry, ""));
        return Some(lines.concat());
    };
    match value_at(&lines[head], entry.section)? {
        "" => {}
        "[]" | "null" | "~" => lines[head] = format!("{}:\n", entry.section),
        _ => return None,
    }
    let is_end = |line: &String| !line.starts_with([' ', '-', '#', '\n', '\r', '\t']);
    let end = (head + 1..lines.len()).find(|at| is_end(&lines[*at])).unwrap_or(lines.len());
    let first = lines[head + 1..end].iter().find(|line| line.trim_start().starts_with('-'));
    let indent = first.map_or("", |line| &line[..line.len() - line.trim_start().len()]).to_owned();
    let starts: Vec<usize> = (head + 1..end).filter(|at| begins(&lines[*at], &indent)).collect();
    let ends = |at: usize| {
        let until = starts.get(at + 1).copied().unwrap_or(end);
        // Comments and empty lines before something belong to it.
        let idle = |line: &String| line.trim().is_empty() || line.trim_start().starts_with('#');
        (starts[at]..until).rev().find(|line| !idle(&lines[*line])).map_or(until, |last| last + 1)
    };
    let spans: Vec<_> = (0..starts.len()).map(|at| starts[at]..ends(at)).collect();
    let same = spans.iter().find(|span| name_of(&lines[(*span).clone()].concat()) == entry.name);
    let place = match same {
        Some(span) => span.clone(),
        None => {
            let behind = spans.last().map_or(head + 1, |span| span.end);
            behind..behind
        }
    };
    lines.splice(place, item(entry, &indent));
    Some(lines.concat())
}

/// The text with the value of a key at the top; behind everything else where the key is missing.
pub(super) fn set(text: &str, key: &str, value: &str) -> String {
    let line = format!("{key}: {}\n", Value::from(value));
    // A plain word is written as people write it.
    let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let plain = plain
        && value.parse::<f64>().is_err()
        && value.starts_with(|first: char| first.is_ascii_alphabetic());
    let plain = plain
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&value.to_lowercase().as_str());
    let line = if plain { format!("{key}: {value}\n") } else { line };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    match lines.iter().position(|line| value_at(line, key).is_some()) {
        Some(at) => {
            lines[at] = &line;
            lines.concat()
        }
        None if text.is_empty() || text.ends_with('\n') => text.to_owned() + &line,
        None => format!("{text}\n{line}"),
    }
}

/// What a line says at `key`, when the key stands at its beginning; without its comment.
fn value_at<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(key)?.strip_prefix(':')?;
    let rest = rest.split_once(" #").map_or(rest, |(value, _)| value);
    Some(rest.trim())
}

fn begins(line: &str, indent: &str) -> bool {
    line.strip_prefix(indent)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

fn name_of(item: &str) -> String {
    let options = serde_saphyr::options! { with_snippet: false };
    let list: Result<Vec<Value>, _> = serde_saphyr::from_str_with_options(item, options);
    list.ok().and_then(|list| Some(list.first()?.get("name")?.as_str()?.to_owned())).unwrap_or_default()
}

/// The lines of a list item.
fn item(entry: &Entry, indent: &str) -> Vec<String> {
    let lines = entry.yaml.trim_end().lines().enumerate();
    lines.map(|(at, line)| format!("{indent}{}{line}\n", if at == 0 { "- " } else { "  " })).collect()
}
