//! `kubectl rrsa trust-policy`.

use std::path::PathBuf;

use rrsa_shared::arn::{RoleArn, is_role_name};
use rrsa_shared::policy::{
    Candidate, Change, ConditionEvaluation, Document, Effect, Evaluation, Statement, Verdict as Fits,
    evaluate,
};

use crate::checker::{Checker, Wishes};
use crate::cli::{self, Cli, Machine, Outcome};
use crate::collect;
use crate::context;
use crate::error::{Error, exit};
use crate::facts::{ClusterFacts, DEFAULT_ISSUER, Seen};
use crate::render::{self, Style, printable};
use crate::subjects;
use serde_json::Value;

/// Print the trust policy that lets one ServiceAccount in, or what a policy lacks for it.
///
/// Without --role and --file: the policy, as JSON, ready for `aliyun ram CreateRole`. With one of them: the token's
/// claims beside each statement, the nearest miss marked to the character, and the least change as a unified diff.
/// Nothing is changed. Exit codes: 0 admitted, or the policy was printed; 1 not admitted; 2 usage; 3 could not tell.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// sa/NAME
    #[arg(value_name = "sa/NAME")]
    subject: String,

    /// Name or ARN of a role, whose policy is asked for in RAM; needs an access key that may do ram:GetRole
    #[arg(long, value_name = "ROLE", conflicts_with = "file")]
    role: Option<String>,

    /// A policy in a file, - for stdin
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// ARN of the OIDC provider, when the cluster does not tell it
    #[arg(long, value_name = "ARN")]
    oidc_provider_arn: Option<String>,

    /// Issuer of the cluster, when the cluster does not tell it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Output format: json prints the whole policy with the change made
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// The policy as JSON
    Json,
}

/// Prints the policy, or compares one.
///
/// # Errors
/// When the issuer or the provider is not known, or the policy cannot be read.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let name = subjects::service_account(&args.subject)?;
    let file = match &args.file {
        Some(path) => Some(read(&path.display().to_string(), &within(machine.read_text(path)?).0)?),
        None => None,
    };
    let cloud = cli.cloud.resolve(machine)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let wishes = Wishes::default();
    let checker = Checker::open(machine, &cloud, &kube, &wishes, (&kube.namespace, &name)).await?;
    let account = collect::service_account(&kube.client, &kube.namespace, &name).await;
    if let Some(None) = account.value() {
        let place = printable(&kube.namespace);
        cli::say(&format!("note: there is no ServiceAccount {} in namespace {place} yet", printable(&name)));
    }
    let (provider_arn, issuer) =
        whose_tokens(checker.cluster(), args.oidc_provider_arn.as_ref(), args.issuer.as_ref())?;
    let candidate =
        Candidate { provider_arn, issuer, namespace: kube.namespace.clone(), service_account: name };
    let (what, document) = match (&args.role, file) {
        (Some(role), _) => (format!("role {role}"), live(&checker, &cloud, role).await?),
        (None, Some(document)) => {
            (args.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default(), document)
        }
        (None, None) => {
            let Candidate { provider_arn, issuer, namespace, service_account } = &candidate;
            let statement = Statement::for_service_account(provider_arn, issuer, namespace, service_account);
            let text = Document::new(vec![statement]).to_json() + "\n";
            return Ok(Outcome { text, code: exit::HEALTHY });
        }
    };
    Ok(compare(args, &candidate, &what, &document, Style::for_stdout(&machine.env)))
}

/// The OIDC provider and the issuer of the cluster's tokens, or those that were named instead.
pub(super) fn whose_tokens(
    cluster: &ClusterFacts,
    provider_arn: Option<&String>,
    issuer: Option<&String>,
) -> Result<(String, String), Error> {
    let given = |option: Option<&String>, seen: &Seen<String>, what: &str, flag: &str| match option {
        Some(text) => Ok(text.clone()),
        None => seen.as_result().cloned().map_err(|why| {
            Error::could_not_tell(format!("the cluster's {what} is not known"))
                .caused_by(why)
                .hint(format!("name it with {flag}"))
        }),
    };
    if issuer.is_none() && cluster.issuer.value().map(String::as_str) == Some(DEFAULT_ISSUER) {
        let error = "RRSA is off on this cluster (RRSA-C01): STS takes no token of its issuer, whatever a policy says";
        return Err(Error::could_not_tell(error).caused_by(format!("its issuer is {DEFAULT_ISSUER}")).hint(
            "kubectl rrsa explain RRSA-C01 says how to turn it on; --issuer names the one that it will have",
        ));
    }
    Ok((
        given(provider_arn, &cluster.provider_arn, "OIDC provider", "--oidc-provider-arn")?,
        given(issuer, &cluster.issuer, "issuer", "--issuer")?,
    ))
}

fn compare(args: &Args, candidate: &Candidate, what: &str, document: &Document, style: Style) -> Outcome {
    let change = candidate.admitted_by(document);
    let evaluation = evaluate(document, &candidate.claims());
    let undecided = evaluation.verdict == Fits::Unknown;
    let code = match (&change, undecided) {
        (Change::None, _) => exit::HEALTHY,
        (_, true) => exit::COULD_NOT_TELL,
        (_, false) => exit::FINDINGS,
    };
    let changed = match &change {
        Change::Extended(_, changed) | Change::Added(changed) | Change::Spelt(_, changed) => changed,
        Change::None | Change::Denied(_) | Change::Unclear(_) => document,
    };
    if args.output == Some(Output::Json) {
        return Outcome { text: changed.to_json() + "\n", code };
    }
    let claims = candidate.claims();
    let mut text = render::beside(document, &evaluation, &claims, style);
    if let Some(version) = document.version.as_deref().filter(|version| *version != "1") {
        let words = format!("Version {version:?}, which RAM does not know (RRSA-R17): write \"1\"");
        text.push_str(&format!("\n{} {}\n", style.doubtful("!"), render::hanging("", 2, &printable(&words))));
    }
    let subject = format!("{}/{}", candidate.namespace, candidate.service_account);
    let filled = |words: &str| render::hanging("", 0, &printable(words));
    let words = match &change {
        Change::None => style.good(&filled(&format!("Admitted: {what} lets {subject} in."))),
        Change::Denied(index) if undecided => style.doubtful(&filled(&format!(
            "Could not tell: statement {} may deny it (see the ? above); narrow that statement.",
            index + 1
        ))),
        Change::Denied(index) => style.bad(&filled(&format!(
            "Not admitted: statement {} denies it; narrow that statement, no other can overrule it.",
            index + 1
        ))),
        Change::Spelt(index, _) => style.doubtful(&filled(&format!(
            "Could not tell whether {what} lets {subject} in (see the ? above). With the effect of statement {} written out it does:",
            index + 1
        ))),
        Change::Unclear(index) => style.doubtful(&filled(&format!(
            "Could not tell whether {what} lets {subject} in: what RAM makes of the effect of statement {} nobody knows. Write \
             Allow or Deny there, or take the statement out, then look again.",
            index + 1
        ))),
        _ if undecided => {
            let (mut misspelt, doubts): (Vec<_>, Vec<_>) = doubts(&evaluation)
                .into_iter()
                .partition(|condition| {
                    let is_known = ["oidc:iss", "oidc:aud", "oidc:sub"].contains(&condition.key.as_str());
                    !is_known && condition.key.to_ascii_lowercase().starts_with("oidc:")
                });
            misspelt.dedup_by(|one, other| one.key == other.key);
            let told = |c: &&ConditionEvaluation| format!("{} {} {}", c.key, c.operator, c.expected.join(", "));
            let mut lost = match doubts.iter().map(told).collect::<Vec<_>>().join("; ").as_str() {
                "" => String::new(),
                doubts => format!(
                    " It does not ask for {doubts}, as the policy does now: add that where it is wanted."
                ),
            };
            if !misspelt.is_empty() {
                let keys: Vec<_> = misspelt.iter().map(|condition| condition.key.as_str()).collect();
                let keys = keys.join(", ");
                lost.push_str(&format!(" No token of RRSA has {keys} (RRSA-R09): take what asks for that out."));
            }
            style.doubtful(&filled(&format!(
                "Could not tell whether {what} lets {subject} in (see the ? above). With this change it is certain.{lost}"
            )))
        }
        Change::Extended(index, _) => {
            let words = format!("Not admitted. The least change adds a value to statement {}:", index + 1);
            style.bad(&words)
        }
        Change::Added(_) => style.bad("Not admitted. The least change adds a statement:"),
    };
    text.push_str(&format!("\n{words}\n"));
    if changed != document {
        text.push_str(&format!("\n{}", render::diff(document, changed, what)));
    }
    Outcome { text, code }
}

/// The conditions that cannot be decided from here, in the policy's words.
fn doubts(evaluation: &Evaluation) -> Vec<&ConditionEvaluation> {
    let open =
        evaluation.statements.iter().filter(|s| s.effect == Effect::Allow && s.outcome == Fits::Unknown);
    open.flat_map(|s| s.conditions.iter().filter(|c| c.outcome == Fits::Unknown)).collect()
}

/// A role's policy, as RAM has it.
pub(super) async fn live(
    checker: &Checker<'_>,
    cloud: &crate::cloud::Cloud,
    role: &str,
) -> Result<Document, Error> {
    let arn = match RoleArn::parse(role) {
        Ok(arn) => Some(arn),
        Err(_) if is_role_name(role) => None,
        Err(_) => {
            return Err(Error::usage(format!("\"{role}\" is no role")).hint("write its name, or its ARN"));
        }
    };
    let (name, account) = match &arn {
        Some(arn) => (arn.name.as_str(), Some(arn.account.as_str())),
        None => (role, None),
    };
    match collect::named_role(&cloud.account, checker.key(), name, account).await.as_result() {
        Ok(Some(found)) => read(&format!("the trust policy of role {name}"), &found.trust_policy),
        Ok(None) => {
            Err(Error::usage(format!("RAM has no role {name}"))
                .hint("aliyun ram ListRoles shows what there is"))
        }
        Err(why) => Err(Error::could_not_tell(format!("role {name} cannot be seen"))
            .caused_by(why)
            .hint("set an access key that may do ram:GetRole, or name the policy with --file")),
    }
}

pub(super) fn read(name: &str, text: &str) -> Result<Document, Error> {
    Document::parse(text).map_err(|error| {
        Error::usage(format!("{} is no trust policy", printable(name)))
            .caused_by(error)
            .hint("name the JSON document of a role, or what aliyun ram GetRole prints")
    })
}

/// The trust policy in what RAM's GetRole answers, and the role's ARN; any other text as it is.
pub(super) fn within(text: String) -> (String, Option<String>) {
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let answer = match serde_json::from_str::<Value>(&text) {
        // As it stands in the answer, a document in a text.
        Ok(Value::String(inner)) => return (inner, None),
        answer => answer.unwrap_or_default(),
    };
    let role = if answer["Role"].is_object() { &answer["Role"] } else { &answer };
    let arn = role["Arn"].as_str().map(str::to_owned);
    match &role["AssumeRolePolicyDocument"] {
        Value::String(policy) => (policy.clone(), arn),
        policy @ Value::Object(_) => (policy.to_string(), arn),
        _ => (text, None),
    }
}
