//! A change of somebody else's file, as a unified diff without its secrets. Nothing is shown but what changes: what stands
//! around it is nobody's business.

use rrsa_shared::arn::RoleArn;
use serde_json::Value;
use similar::TextDiff;

use super::printable;

/// Keys whose values are secret, in kubeconfigs and in the CLI's configuration.
const SECRET: [&str; 13] = [
    "token",
    "password",
    "client-key-data",
    "access-token",
    "id-token",
    "refresh-token",
    "client-secret",
    "secret",
    "private-key",
    "external-id",
    "credentials-uri",
    "proxy-url",
    "value",
];

/// Keys whose values tell nobody a secret.
const PLAIN: [&str; 17] = [
    "name",
    "cluster",
    "user",
    "context",
    "namespace",
    "server",
    "command",
    "apiVersion",
    "interactiveMode",
    "installHint",
    "provideClusterInfo",
    "current-context",
    "current",
    "mode",
    "region_id",
    "language",
    "output_format",
];

/// Options of the helper that take a value.
const OPTIONS: [&str; 4] = ["--cluster-id", "--duration-minutes", "--source", "--role-arn"];

/// Which lines of a change are ours, made by this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    /// Those that come.
    Added,
    /// Those that go: what they make room for is the file as somebody else wrote it.
    Removed,
}

/// The change of the file `name`; empty when there is none.
#[must_use]
pub fn change(name: &str, before: &str, after: &str, ours: Ours) -> String {
    let (before, after) = (by_lines(before), by_lines(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut unified = diff.unified_diff();
    let shown = unified.context_radius(0).header(name, &format!("{name}, changed")).to_string();
    let mark = if ours == Ours::Added { '+' } else { '-' };
    let lines = shown.lines().map(|line| line.replace('\t', "    "));
    let mut before = String::new();
    let shown = lines.map(|line| {
        let shown = match line.chars().next() {
            _ if ["+++ ", "--- ", "@@ "].iter().any(|head| line.starts_with(head)) => line.clone(),
            Some(first) if first == mark => without_secret(&line),
            // What an option of ours takes is no secret, wherever it was written.
            _ if OPTIONS.contains(&word(&before)) && !word(&line).contains([' ', ':']) => line.clone(),
            _ => plain_only(&line),
        };
        before = line;
        shown
    });
    shown.map(|line| printable(&line) + "\n").collect()
}

/// A JSON document of few lines, such as one that a program wrote, a field a line; any other text as it is.
fn by_lines(text: &str) -> String {
    let parsed = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let pretty = parsed.and_then(|value| serde_json::to_string_pretty(&value).ok());
    // A last line without an end is no other line for that.
    let whole =
        || if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    pretty.map_or_else(whole, |pretty| pretty + "\n")
}

/// A key as the lists above have it, and the value; nothing for a line that has no key.
fn field(line: &str) -> Option<(&str, &str, &str)> {
    let (head, value) = line.split_once(':')?;
    let key = head.trim_start_matches(['+', '-', ' ', '{', '"', '\'']).trim_end_matches(['"', '\'']);
    (!key.contains([' ', '{', ','])).then_some((head, key, value))
}

/// A line of ours; a field that it has kept of somebody else's may be secret.
fn without_secret(line: &str) -> String {
    let Some((head, key, value)) = field(line) else { return line.to_owned() };
    let key = key.to_ascii_lowercase().replace('_', "-");
    let named = SECRET.iter().any(|secret| key == *secret || key.ends_with(&format!("-{secret}")));
    if named && !is_empty(value) { format!("{head}: (hidden)") } else { line.to_owned() }
}

/// A line of somebody else's: what its key does not vouch for is hidden.
fn plain_only(line: &str) -> String {
    let bare = line.trim_start_matches(['+', '-', ' ']);
    if bare.is_empty() || bare.bytes().all(|b| b"{}[],".contains(&b)) {
        return line.to_owned();
    }
    let indent = &line[..line.len() - bare.len()];
    let word = word(line);
    let is_argument = ["token", "certificate", "exec-credential", "--private-address"].contains(&word);
    if is_argument || OPTIONS.contains(&word) || is_of_a_cluster(word) {
        return line.to_owned();
    }
    match field(line) {
        Some((_, key, value)) if PLAIN.contains(&key) && !value.contains(['{', ':']) => line.to_owned(),
        // Somebody else's command may have a secret among its words.
        Some((_, "process_command", value)) if value.contains("rrsa-exec-credential process") => {
            line.to_owned()
        }
        Some((head, _, value)) if is_empty(value) => format!("{head}:{value}"),
        Some((head, ..)) => format!("{head}: (hidden)"),
        None => format!("{indent}(hidden)"),
    }
}

/// The word that stands alone on the line of a list.
fn word(line: &str) -> &str {
    let item = line.get(1..).unwrap_or_default().trim_start();
    item.strip_prefix("- ").unwrap_or(item).trim_matches(['"', '\'', ','])
}

/// Whether a word is the id of an ACK cluster or the ARN of a role.
fn is_of_a_cluster(word: &str) -> bool {
    let is_id = |hex: &str| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    word.strip_prefix('c').is_some_and(is_id) || RoleArn::parse(word).is_ok()
}

fn is_empty(value: &str) -> bool {
    ["", "\"\"", "\"\",", "[", "{", "[]", "[],", "{}", "{},"].contains(&value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_whatever_its_form() {
        let before = "users:
- name: a
  user:
    token: hunter2
    client-key-data: |
      hunter2
    password:
      hunter2
    exec:
      command: x
      args: [--password, hunter2]
      env:
      - name: MY_PASSWORD
        value: hunter2
      # token: hunter2
- {name: b, user: {password: hunter2}}
clusters:
- name: a
  cluster: {proxy-url: 'http://u:hunter2@p'}
";
        let after = before.replace("name: a", "name: c").replace("name: b", "name: d")
            + "    \"access_key_secret\": \"hunter2\",\n    \"external_id\": \"hunter2\",\n    proxy-url: http://u:hunter2@p\n";
        for (before, after) in [(before, after.as_str()), ("", before), (before, "")] {
            for ours in [Ours::Added, Ours::Removed] {
                let shown = change("config", before, after, ours);
                let theirs = if ours == Ours::Added { '-' } else { '+' };
                for line in shown.lines().filter(|line| line.starts_with(theirs)) {
                    assert!(!line.contains("hunter2"), "{line}");
                }
            }
        }
        let shown = change("config", before, &after, Ours::Added);
        assert!(shown.contains("+- name: c") && shown.contains("-- name: a"), "{shown}");
        assert!(!shown.contains("\"hunter2\"") && !shown.contains("u:hunter2@p\n+"), "{shown}");
        assert_eq!(change("config", before, before, Ours::Added), "");
    }

    /// The end of a last line is no change of it, and what stands there is nobody's business.
    #[test]
    fn a_last_line_without_an_end_is_not_told() {
        let before = "users:\n- name: a\n  user:\n    password:\n      hunter2";
        let after = format!("{before}\n- name: b\n");
        assert_eq!(change("config", before, &after, Ours::Added).lines().last(), Some("+- name: b"));
        assert_eq!(change("config", &after, before, Ours::Removed).lines().last(), Some("-- name: b"));
        let theirs = r#"{"profiles":[{"name":"a","process_command":"vault --token hunter2"}]}"#;
        let ours =
            r#"{"profiles":[{"name":"a","process_command":"rrsa-exec-credential process --source s"}]}"#;
        assert!(!change("config", theirs, ours, Ours::Added).contains("hunter2"));
    }

    /// What the helper was told before, in either form of a list.
    #[test]
    fn arguments_of_the_helper_that_go_are_told() {
        let role = "acs:ram::1234567890123456:role/r";
        let id = "c0123456789abcdef0123456789abcdef";
        for (open, close) in [("- ", ""), ("\"", "\",")] {
            let list = ["--cluster-id", id, "--source", "pod", "--role-arn", role, "--key", "hunter2"];
            let before: String = list.iter().map(|word| format!("      {open}{word}{close}\n")).collect();
            let shown = change("config", &before, "", Ours::Added);
            assert!([id, "pod", role].iter().all(|word| shown.contains(word)), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn of_a_document_on_one_line_the_fields_are_told_apart() {
        let before = r#"{"current":"a","profiles":[{"name":"a","access_key_secret":"hunter2"}]}"#;
        let after = r#"{"current":"b","profiles":[{"name":"a","access_key_secret":"hunter2"},{"name":"b"}]}"#;
        let shown = change("config", before, after, Ours::Added);
        assert!(
            shown.contains("+  \"current\": \"b\",") && shown.contains("+      \"name\": \"b\""),
            "{shown}"
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
