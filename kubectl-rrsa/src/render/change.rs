//! A change of somebody else's file, as a unified diff without its secrets.

use similar::TextDiff;

use super::printable;

/// Keys whose values are secret, in kubeconfigs and in the CLI's configuration.
const SECRET: [&str; 9] = [
    "token",
    "password",
    "client-key-data",
    "access-token",
    "id-token",
    "refresh-token",
    "client-secret",
    "secret",
    "private_key",
];

/// The change of the file `name`; empty when there is none.
#[must_use]
pub fn change(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut unified = diff.unified_diff();
    let shown = unified.context_radius(2).header(name, &format!("{name}, changed")).to_string();
    shown.lines().map(|line| printable(&masked(&line.replace('\t', "    "))) + "\n").collect()
}

/// A line whose value is hidden when its key says that it is secret.
fn masked(line: &str) -> String {
    let Some((key, value)) = line.split_once(':') else { return line.to_owned() };
    let word = key.trim_matches(|c: char| !c.is_ascii_alphabetic()).to_ascii_lowercase().replace('_', "-");
    let hidden = SECRET
        .iter()
        .any(|secret| word == *secret || word.ends_with(&format!("-{}", secret.replace('_', "-"))));
    let inline = value.contains(['{', ':']) && SECRET.iter().any(|secret| value.contains(secret));
    let value = value.trim();
    if inline || (hidden && !value.is_empty() && value != "\"\"" && value != "\"\",") {
        return format!("{key}: (hidden)");
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn no_secret_is_shown() {
        let before = "users:\n- name: a\n  user:\n    token: hunter2\n    client-key-data: hunter2\n- {name: b, user: {password: hunter2}}\n";
        let after = before.replace("name: a", "name: c").replace("name: b", "name: d")
            + "\"access_key_secret\": \"hunter2\",\n\"sts_token\": \"hunter2\"\n";
        let shown = change("config", before, &after);
        assert!(!shown.contains("hunter2") && shown.contains("+- name: c"), "{shown}");
        assert_eq!(change("config", before, before), "");
    }
}
