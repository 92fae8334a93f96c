//! What makes two findings the same trouble, so that a baseline knows it again: pods come and go, and the clock runs.

use sha2::{Digest as _, Sha256};

use crate::collect::lasting;
use crate::facts::Facts;
use crate::rules::{Also, Evidence, Finding};

/// The fingerprint of a finding: its rule, whose trouble it is, and what it says without names of pods, counts, times and
/// request ids.
#[must_use]
pub(crate) fn fingerprint(facts: &Facts, finding: &Finding) -> String {
    let workload = match &facts.pod {
        Some(pod) => pod.owner.as_deref().map_or_else(|| format!("pod/{}", pod.name), lasting),
        None => String::new(),
    };
    let said = |text: &str| {
        let text = match &facts.pod {
            Some(pod) if pod.owner.is_some() => {
                // Of a template it is the same trouble as of the pod that it makes.
                let text = text.replace(&pod.place(&facts.namespace), &workload);
                // What a template is called is no pod's name.
                if pod.name.is_empty() || pod.is_template {
                    text
                } else {
                    renamed(&text, &pod.name, &workload)
                }
            }
            _ => text.to_owned(),
        };
        steady(&text)
    };
    digest(&[
        finding.rule,
        &facts.namespace,
        &facts.service_account_name,
        // What is said of a namespace or of the webhook is said of it whoever runs there.
        if said(&finding.place).contains(&workload) { &workload } else { "" },
        &said(&finding.seen),
        &said(&finding.place),
    ])
}

/// The text with another name in the place of `name`, where that stands as a name of its own.
fn renamed(text: &str, name: &str, other: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let is_part = before.ends_with(inner)
            || renamed.ends_with(inner) && before.is_empty()
            || after.starts_with(inner);
        renamed.push_str(before);
        renamed.push_str(if is_part { name } else { other });
        rest = after;
    }
    renamed + rest
}

/// Gives a finding its fingerprint, and one of their own to the other containers that break its rule.
pub(crate) fn identify(facts: &Facts, finding: &mut Finding) {
    finding.fingerprint = fingerprint(facts, finding);
    for (container, evidence) in std::mem::take(&mut finding.others) {
        let Evidence { expected, seen, place, .. } = evidence;
        let what = match seen == finding.seen {
            true => format!("container {container}"),
            false => format!("container {container}: {seen}"),
        };
        let other = Finding { expected, seen, place, ..finding.clone() };
        finding.also.push(Also { what, fingerprint: fingerprint(facts, &other) });
    }
}

/// The fingerprint of a trouble that is all of an owner's, such as `deployment/demo`.
#[must_use]
pub(crate) fn of_owner(facts: &Facts, rule: &str, owner: &str) -> String {
    digest(&[rule, &facts.namespace, &lasting(owner)])
}

fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The text without numbers that stand alone, and without UUIDs.
pub(crate) fn steady(text: &str) -> String {
    let word = |c: char| c.is_alphanumeric() || "-_./:@".contains(c);
    let mut steady = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| word(c) != word(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let bare = part.trim_end_matches(['.', ':']);
        let is_number = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
        let is_uuid = bare.len() == 36
            && bare.matches('-').count() == 4
            && bare.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
        steady.push_str(if is_number || is_uuid { "#" } else { part });
        rest = after;
    }
    steady
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_none_within_another() {
        for (text, told) in
            [("pod demo of rrsa-demo", "pod X of rrsa-demo"), ("demo-2, n/demo", "demo-2, n/X"), ("x", "x")]
        {
            assert_eq!(renamed(text, "demo", "X"), told);
        }
    }

    #[test]
    fn what_changes_from_run_to_run_does_not_count() {
        for (text, same) in [
            ("none of its 3 pods has one", "none of its # pods has one"),
            ("it expired 17 s ago", "it expired # s ago"),
            ("request 3D57EAD2-8723-1F26-B69C-F8707D8B565D: no", "request # no"),
            ("acs:ram::1234567890123456:role/demo2", "acs:ram::1234567890123456:role/demo2"),
            ("role demo-2", "role demo-2"),
            ("", ""),
        ] {
            assert_eq!(steady(text), same, "{text}");
        }
    }
}
