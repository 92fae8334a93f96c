//! A trust policy beside the claims of a token: what fits, and where the nearest miss parts from it.

use std::fmt::Write as _;

use rrsa_shared::policy::{
    Claims, ConditionReason, Document, Effect, Evaluation, Operator, Verdict, lets_in, nearest, parting,
    stranger,
};
use similar::TextDiff;

use super::hanging;
use super::printable;
use super::style::Style;

/// Each statement of a policy, its parts marked by whether they fit the claims.
#[must_use]
pub fn beside(document: &Document, evaluation: &Evaluation, claims: &Claims, style: Style) -> String {
    let mut shown = format!(
        "token    iss {}\n         aud {}\n         sub {}\nprovider {}\n",
        printable(claims.issuer.as_deref().unwrap_or("?")),
        printable(&claims.audiences.join(", ")),
        printable(claims.subject.as_deref().unwrap_or("?")),
        printable(&claims.provider_arn),
    );
    for (index, statement) in evaluation.statements.iter().enumerate() {
        let effect = match &statement.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
            Effect::Unknown(text) => text,
        };
        let applies = match statement.outcome {
            Verdict::Match => "applies",
            Verdict::NoMatch => "does not apply",
            Verdict::Unknown => "may apply",
        };
        let head = format!("statement {}: {} {applies}", index + 1, printable(effect));
        let _ = writeln!(shown, "\n{}", style.strong(&head));
        let mark = |outcome| match outcome {
            Verdict::Match => style.good("✓"),
            Verdict::NoMatch => style.bad("✗"),
            Verdict::Unknown => style.doubtful("?"),
        };
        if let Effect::Unknown(effect) = &statement.effect {
            line(&mut shown, &mark(Verdict::Unknown), "Effect", &effect_words(effect));
        }
        for (name, check) in [("Action", &statement.action), ("Principal", &statement.principal)] {
            line(&mut shown, &mark(check.outcome), name, &check.reason);
        }
        for condition in &statement.conditions {
            let key = printable(&condition.key);
            if condition.reason == ConditionReason::Fits {
                let fits = format!("{} {}", condition.operator, condition.expected.join(", "));
                line(&mut shown, &mark(condition.outcome), &key, &fits);
                continue;
            }
            if condition.reason != ConditionReason::Differs {
                line(&mut shown, &mark(condition.outcome), &key, &condition.words());
                continue;
            }
            let _ = writeln!(shown, "{} {key:<10} {}", mark(condition.outcome), condition.operator);
            let seen = condition.seen.join(", ");
            let near = nearest(&condition.expected, &seen).unwrap_or_default();
            let _ = writeln!(shown, "    policy   {}", printable(near));
            let _ = writeln!(shown, "    token    {}", printable(&seen));
            let (_, same) = match condition.operator {
                // The case is no difference.
                Operator::StringEqualsIgnoreCase => {
                    parting(&near.to_ascii_lowercase(), &seen.to_ascii_lowercase(), false)
                }
                _ => parting(near, &seen, condition.operator == Operator::StringLike),
            };
            let _ = writeln!(shown, "             {}{}", " ".repeat(same), style.bad("^"));
            if condition.expected.len() > 1 {
                let _ = writeln!(shown, "             the nearest of {} values", condition.expected.len());
            }
        }
        let is_open = || lets_in(document, index, claims, &stranger());
        if !statement.constrains_subject && statement.effect == Effect::Allow && is_open() {
            let is_ours = document.statements[index].principal.federated.contains(&claims.provider_arn);
            let cluster = if is_ours { "the" } else { "another" };
            let words =
                format!("no condition on oidc:sub: every ServiceAccount of {cluster} cluster is let in");
            let _ = writeln!(shown, "{} {words}", style.doubtful("!"));
        }
    }
    shown
}

/// An effect that is none of RAM's.
#[must_use]
pub fn effect_words(effect: &str) -> String {
    format!("\"{effect}\" is neither \"Allow\" nor \"Deny\"")
}

/// One element of a statement and what is to be said of it; further lines below the first.
fn line(shown: &mut String, mark: &str, name: &str, words: &str) {
    let _ = writeln!(shown, "{}", hanging(&format!("{mark} {name:<10} "), 13, &printable(words)));
}

/// Two policies as a unified diff.
#[must_use]
pub fn diff(before: &Document, after: &Document, name: &str) -> String {
    let (before, after) = (before.to_json() + "\n", after.to_json() + "\n");
    let diff = TextDiff::from_lines(&before, &after);
    let mut unified = diff.unified_diff();
    // Both are written out in one way, which is not that of a file.
    let shown =
        unified.context_radius(3).header(&format!("{name}, written out"), &format!("{name}, changed"));
    shown.to_string().lines().map(|line| printable(line) + "\n").collect()
}
