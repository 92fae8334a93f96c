//! `kubectl rrsa who-can-assume`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rrsa_shared::policy::{
    Candidate, Claims, Document, Effect, Evaluation, Operator, Statement, StatementEvaluation, Verdict,
    evaluate, lets_in, open_to, stranger, stranger_of,
};
use serde::Serialize;

use super::trust_policy::{live, read, whose_tokens, within};
use crate::checker::{Checker, Wishes};
use crate::cli::{self, Cli, Machine, Outcome};
use crate::collect::inventory::{Metadata, Scope, ServiceAccounts};
use crate::context;
use crate::error::{Error, exit};
use crate::facts::ROLE_NAME_ANNOTATION;
use crate::render::{self, Columns, effect_words, hanging, printable};

/// List the ServiceAccounts of this cluster that a role's trust policy lets in, and why.
///
/// The policy is asked for in RAM, with an access key that may do ram:GetRole, or read from --file. MEANT says whether
/// the ServiceAccount names the role itself. What is let in too broadly is said on stderr.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Name or ARN of the role
    #[arg(value_name = "ROLE")]
    role: String,

    /// The role's trust policy in a file instead, - for stdin
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// ARN of the OIDC provider, when the cluster does not tell it
    #[arg(long, value_name = "ARN")]
    oidc_provider_arn: Option<String>,

    /// Issuer of the cluster, when the cluster does not tell it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Output format; a table without it
    #[arg(short, long, value_enum)]
    output: Option<render::Format>,
}

/// One ServiceAccount that is let in, or may be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    namespace: String,
    name: String,
    /// `match`, or `unknown` where a condition cannot be decided from here.
    verdict: Verdict,
    /// The statement that lets it in, counted from 1.
    statement: usize,
    /// What the statement asks of the subject.
    because: String,
    /// Whether it names the role in its annotation.
    meant: bool,
}

/// Evaluates the policy for every ServiceAccount.
///
/// # Errors
/// When the policy or the ServiceAccounts cannot be read.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let cloud = cli.cloud.resolve(machine)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let wishes = Wishes::default();
    let checker = Checker::open(machine, &cloud, &kube, &wishes, (&kube.namespace, "default")).await?;
    let document = match &args.file {
        Some(path) => read(&path.display().to_string(), &within(machine.read_text(path)?).0)?,
        None => live(&checker, &cloud, &args.role).await?,
    };
    let (provider_arn, issuer) =
        whose_tokens(checker.cluster(), args.oidc_provider_arn.as_ref(), args.issuer.as_ref())?;
    let role = args.role.rsplit('/').next().unwrap_or_default();
    let mut pages = ServiceAccounts::of(Scope::default());
    let mut rows = Vec::new();
    while let Some(page) = pages.next(&kube.client).await.map_err(|error| context::explain(error, &kube))? {
        rows.extend(page.into_iter().filter_map(|account| {
            let candidate = Candidate {
                provider_arn: provider_arn.clone(),
                issuer: issuer.clone(),
                namespace: account.namespace.clone(),
                service_account: account.name.clone(),
            };
            row(account, &candidate.claims(), &document, role)
        }));
    }
    let anybody = Candidate {
        provider_arn: provider_arn.clone(),
        issuer: issuer.clone(),
        namespace: String::new(),
        service_account: String::new(),
    };
    for warning in broad(&document, &anybody.claims()) {
        cli::say(&format!("warning: {}", printable(&warning)));
    }
    let text = match args.output {
        Some(format) => format.write(&render::List::of(&rows))?,
        None => table(&rows),
    };
    if rows.is_empty() {
        cli::say(&format!(
            "No ServiceAccount of this cluster may assume role {} through {}; --oidc-provider-arn judges another provider.",
            printable(role),
            printable(&anybody.provider_arn)
        ));
    }
    Ok(Outcome { text, code: exit::HEALTHY })
}

fn row(account: Metadata, claims: &Claims, document: &Document, role: &str) -> Option<Row> {
    let evaluation = evaluate(document, claims);
    if evaluation.verdict == Verdict::NoMatch {
        return None;
    }
    let index = letting_in(&evaluation)?;
    Some(Row {
        meant: account.annotations.get(ROLE_NAME_ANNOTATION).is_some_and(|named| named == role),
        namespace: account.namespace,
        name: account.name,
        verdict: evaluation.verdict,
        statement: index + 1,
        because: because(&document.statements[index], &evaluation.statements[index])
            + &denials(document, &evaluation, index),
    })
}

/// The statement that lets in, for certain if there is one.
fn letting_in(evaluation: &Evaluation) -> Option<usize> {
    let allows =
        |wanted| evaluation.statements.iter().position(|s| s.effect != Effect::Deny && s.outcome == wanted);
    allows(Verdict::Match).or_else(|| allows(Verdict::Unknown))
}

/// Statements that may take away again what one lets in.
fn denials(document: &Document, evaluation: &Evaluation, by: usize) -> String {
    let pairs = document.statements.iter().zip(&evaluation.statements).enumerate();
    let may_deny = pairs
        .filter(|(index, (s, e))| *index != by && s.effect != Effect::Allow && e.outcome == Verdict::Unknown);
    let words = may_deny.map(|(index, (statement, evaluated))| {
        let why = match &statement.effect {
            Effect::Unknown(effect) => effect_words(effect),
            _ => {
                let open = evaluated.conditions.iter().filter(|c| c.outcome == Verdict::Unknown);
                let words: Vec<_> =
                    open.map(|c| format!("{} {} {}", c.key, c.operator, c.expected.join(", "))).collect();
                words.join(", ")
            }
        };
        format!("; statement {} may deny it: {why}", index + 1)
    });
    words.collect()
}

/// What a statement asks of the subject, in its own words.
fn because(statement: &Statement, evaluated: &StatementEvaluation) -> String {
    let of_subject: Vec<_> = statement
        .conditions
        .iter()
        .filter(|condition| condition.key == "oidc:sub")
        .map(|condition| {
            let values: Vec<_> = condition.values.iter().map(ToString::to_string).collect();
            format!("oidc:sub {} {}", condition.operator, values.join(", "))
        })
        .collect();
    let mut words = of_subject;
    if words.is_empty() {
        words.push("no condition on oidc:sub".to_owned());
    }
    let open = evaluated.conditions.iter().filter(|c| c.outcome == Verdict::Unknown && c.key != "oidc:sub");
    words.extend(
        open.map(|c| {
            format!("{} {} {}, which only the call decides", c.key, c.operator, c.expected.join(", "))
        }),
    );
    let elements = [&evaluated.action, &evaluated.principal];
    if let Effect::Unknown(effect) = &statement.effect {
        words.push(format!("{}, which nobody knows whether RAM takes", effect_words(effect)));
    }
    words.extend(
        elements.iter().filter(|check| check.outcome == Verdict::Unknown).map(|check| check.reason.clone()),
    );
    words.join("; ")
}

/// Statements that let in more than somebody may have meant, by the claims of a token of this cluster.
fn broad(document: &Document, claims: &Claims) -> Vec<String> {
    let evaluation = evaluate(document, claims);
    let open = open_to(document, &evaluation)
        .map(|(index, who)| format!("statement {} lets in {who}, with no condition on any token", index + 1));
    let federated = document.statements.iter().enumerate().filter(|(_, statement)| {
        statement.effect == Effect::Allow && !statement.principal.federated.is_empty()
    });
    let wide = federated.filter_map(|(index, statement)| {
        let of_subject = || statement.conditions.iter().filter(|condition| condition.key == "oidc:sub");
        let number = index + 1;
        let is_ours = statement.principal.federated.contains(&claims.provider_arn);
        let cluster = if is_ours { "the cluster" } else { "another cluster" };
        // What another condition or a Deny takes away again is not let in.
        if lets_in(document, index, claims, &stranger()) {
            if of_subject().next().is_none() {
                return Some(format!(
                    "statement {number} asks nothing of oidc:sub: it lets in every ServiceAccount of {cluster}"
                ));
            }
            if let Some(condition) = of_subject().find(|condition| condition.operator.is_negative()) {
                return Some(format!(
                    "statement {number} has {} oidc:sub alone: it lets in every other ServiceAccount of {cluster}",
                    condition.operator
                ));
            }
        }
        let namespace = |text: &str| {
            text.strip_prefix("system:serviceaccount:")
                .map_or(text, |rest| rest.split(':').next().unwrap_or(rest))
                .to_owned()
        };
        // Elsewhere a star is a star.
        let patterns = of_subject().filter(|condition| condition.operator == Operator::StringLike);
        let mut values = patterns.flat_map(|condition| condition.values.iter().map(ToString::to_string));
        let wide = values.find(|text| {
            let somebody = namespace(text).contains(['*', '?']).then(|| stranger_of(text)).flatten();
            somebody.is_some_and(|who| lets_in(document, index, claims, &who))
        })?;
        Some(format!("statement {number} lets in more than one namespace: {wide}"))
    });
    open.chain(wide).collect()
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut lines = vec![["NAMESPACE", "NAME", "ADMITTED", "MEANT", "STATEMENT"].map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        vec![
            printable(&row.namespace),
            printable(&row.name),
            if row.verdict == Verdict::Match { "yes" } else { "?" }.to_owned(),
            if row.meant { "yes" } else { "no" }.to_owned(),
            row.statement.to_string(),
        ]
    }));
    let mut shown = Columns::default().lines(&lines);
    let statements: BTreeMap<usize, &str> =
        rows.iter().map(|row| (row.statement, row.because.as_str())).collect();
    shown.push('\n');
    for (number, because) in statements {
        let head = format!("statement {number}: ");
        shown.push_str(&hanging(&head, head.len(), &printable(because)));
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_in_too_many_is_called_out() {
        let candidate = Candidate {
            provider_arn: "p".to_owned(),
            issuer: "https://i".to_owned(),
            namespace: String::new(),
            service_account: String::new(),
        };
        let claims = candidate.claims();
        let statement = |sub: &str| {
            let text = format!(
                r#"{{"Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"Federated":["p"]}},
                "Condition":{{"StringLike":{{{sub}}}}}}}]}}"#
            );
            broad(&Document::parse(&text).unwrap(), &claims).len()
        };
        assert_eq!(statement(r#""oidc:sub":"system:serviceaccount:n:*""#), 0);
        assert_eq!(statement(r#""oidc:sub":"system:serviceaccount:n*:s""#), 1);
        assert_eq!(statement(r#""oidc:sub":"*""#), 1);
        assert_eq!(statement(r#""oidc:iss":"https://i""#), 1);
        assert_eq!(statement(r#""oidc:aud":"x""#), 0);
        let other = |text: &str| broad(&Document::parse(text).unwrap(), &claims);
        let negative = r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":["p"]},
            "Condition":{"StringNotEquals":{"oidc:sub":"a"}}}]}"#;
        assert!(other(negative)[0].contains("StringNotEquals oidc:sub alone"));
        let denied = r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":["p"]}},
            {"Effect":"Deny","Principal":{"Federated":["p"]},"Action":"sts:AssumeRole",
            "Condition":{"StringNotEquals":{"oidc:sub":"a"}}}]}"#;
        assert_eq!(other(denied), [""; 0]);
        // Nobody has tokens of this provider and of that issuer.
        assert_eq!(statement(r#""oidc:iss":"https://other""#), 0);
        let foreign = negative.replace("[\"p\"]", "[\"q\"]");
        assert!(other(&foreign)[0].ends_with("of another cluster"));
        let root = r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::1234567890123456:root"]}}]}"#;
        assert!(other(root)[0].contains(":root"));
    }
}
