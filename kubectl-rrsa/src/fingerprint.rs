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
                if pod.name.is_empty() { text } else { text.replace(&pod.name, &workload) }
            }
            _ => text.to_owned(),
        };
        steady(&text)
    };
    digest(&[
        finding.rule,
        &facts.namespace,
        &facts.service_account_name,
        &workload,
        &said(&finding.seen),
        &said(&finding.place),
    ])
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
