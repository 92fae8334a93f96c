//! The role's trust policy must let the token in: a statement that allows sts:AssumeRole to the cluster's OIDC
//! provider, its conditions met by the token's claims. (RAM, policy elements; RRSA guide.)
//!
//! One mismatch makes one finding: of the statements, the one that comes nearest is explained, by the first element of it
//! that does not fit, or by each of its conditions that does not.

use rrsa_shared::arn::{OidcProviderArn, RoleArn, is_placeholder};
use rrsa_shared::policy::{
    self, Claims, Condition, ConditionEvaluation, ConditionValue, Document, Effect, Evaluation, Operator,
    Statement, StatementEvaluation, Verdict as Fits,
};

use super::finding::{Evidence, Severity, Verdict};
use super::shell::word;
use crate::facts::{AUDIENCE, ExchangeOutcome, Facts, IssuerShape, Seen};

/// The keys that a condition on a token may have.
const CLAIM_KEYS: [&str; 3] = ["oidc:iss", "oidc:aud", "oidc:sub"];

/// A policy, what it was evaluated for, and the outcome.
struct Judged {
    role: String,
    /// STS has the last word where it has spoken.
    granted: bool,
    document: Document,
    claims: Claims,
    evaluation: Evaluation,
}

fn judged(facts: &Facts) -> Result<Judged, Box<Verdict>> {
    let unseen = |why: &str| Box::new(Verdict::Unseen(why.to_owned()));
    let role = facts.account.role.as_result().map_err(unseen)?;
    let role = role.as_ref().ok_or_else(|| Box::new(Verdict::NotApplicable))?;
    let document = Document::parse(&role.trust_policy).map_err(|error| unseen(&error.to_string()))?;
    let provider_arn = match facts.provider_in_use.as_result() {
        Ok(arn) => arn.clone(),
        // A policy in a file is held against the provider that it seems to be about.
        Err(_) if facts.offline => meant_provider(&document, facts),
        Err(why) => return Err(unseen(why)),
    };
    let claims = match facts.token.value().filter(|token| token.problem.is_none()) {
        Some(token) => Claims {
            provider_arn,
            issuer: token.claims.issuer.clone(),
            audiences: token.claims.audiences.clone(),
            subject: token.claims.subject.clone(),
        },
        None => Claims {
            issuer: match facts.cluster.issuer.as_result() {
                Ok(issuer) => Some(issuer.clone()),
                // It is what the provider's cluster has, as far as the policy tells.
                Err(_) if facts.offline => meant_issuer(&document, &provider_arn),
                Err(why) => return Err(unseen(why)),
            },
            provider_arn,
            audiences: vec![AUDIENCE.to_owned()],
            subject: Some(facts.token_subject()),
        },
    };
    let evaluation = policy::evaluate(&document, &claims);
    Ok(Judged { role: role.arn.clone(), granted: facts.was_granted(), document, claims, evaluation })
}

/// Why a policy that was seen says nothing.
#[must_use]
pub fn unreadable(facts: &Facts) -> Option<String> {
    let role = facts.account.role.value()?.as_ref()?;
    let error = Document::parse(&role.trust_policy).err()?;
    Some(error.to_string())
}

/// The OIDC provider that a policy names wherever it names one, and that comes nearest to letting the workload in.
fn meant_provider(document: &Document, facts: &Facts) -> String {
    let principals = document.statements.iter().map(|statement| &statement.principal);
    let named = principals.flat_map(|p| p.federated.iter().chain(&p.ram).chain(&p.service));
    let mut providers: Vec<&String> = named.filter(|arn| OidcProviderArn::parse(arn).is_ok()).collect();
    providers.dedup();
    let claims = |provider: &String| Claims {
        provider_arn: provider.clone(),
        issuer: meant_issuer(document, provider),
        audiences: vec![AUDIENCE.to_owned()],
        subject: Some(facts.token_subject()),
    };
    let admits = |provider: &&&String| policy::evaluate(document, &claims(provider)).verdict == Fits::Match;
    let found = providers.iter().find(admits).or(providers.first());
    found
        .map_or_else(|| "acs:ram::ACCOUNT:oidc-provider/ack-rrsa-CLUSTER_ID".to_owned(), |arn| (*arn).clone())
}

/// The issuer of the provider's cluster: the one that the policy asks for where it can be that cluster's, else one like it;
/// nothing where the policy asks for none, or the provider is not named after a cluster.
fn meant_issuer(document: &Document, provider: &str) -> Option<String> {
    let about = |statement: &&Statement| statement.principal.federated.iter().any(|arn| arn == provider);
    let conditions = document.statements.iter().filter(about).flat_map(|statement| &statement.conditions);
    let values = conditions.filter(|condition| condition.key == "oidc:iss").flat_map(|c| &c.values);
    let asked: Vec<&str> = values
        .filter_map(|value| match value {
            ConditionValue::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let first = asked.first()?;
    let provider = OidcProviderArn::parse(provider).ok()?;
    let Some(cluster) = provider.cluster_id() else { return Some((*first).to_owned()) };
    // An issuer of another shape may be anybody's, and so this cluster's.
    let of_cluster = |issuer: &&&str| match IssuerShape::read(issuer.trim_end_matches('/')) {
        Some(shape) => shape.cluster_id == cluster && !issuer.ends_with('/'),
        None => !is_placeholder(issuer),
    };
    if let Some(right) = asked.iter().find(of_cluster) {
        return Some((*right).to_owned());
    }
    // It may stand elsewhere in the policy, or with a slash too many.
    let anywhere = document.statements.iter().flat_map(|statement| &statement.conditions);
    let anywhere = anywhere.flat_map(|condition| &condition.values).filter_map(|value| match value {
        ConditionValue::Text(text) => Some(text.trim_end_matches('/')),
        _ => None,
    });
    let is_right = |text: &&str| IssuerShape::read(text).is_some_and(|shape| shape.cluster_id == cluster);
    let like = || format!("https://oidc-ack-REGION.oss-REGION.aliyuncs.com/{cluster}");
    Some(anywhere.into_iter().find(is_right).map_or_else(like, str::to_owned))
}

/// What keeps the token out, as the rule that says so.
enum Obstacle<'a> {
    NoStatement,
    OtherCluster(String),
    WrongPrincipal(&'a StatementEvaluation),
    WrongAction(&'a Statement),
    Denied(usize),
    WrongKey(&'a ConditionEvaluation),
    Unmet(Vec<&'a ConditionEvaluation>),
    Undecided(Vec<&'a ConditionEvaluation>),
    /// The effect of a statement is neither.
    OddEffect(usize, &'a str),
}

impl Judged {
    fn pairs(&self) -> impl Iterator<Item = (usize, &Statement, &StatementEvaluation)> {
        let evaluated = self.evaluation.statements.iter();
        self.document.statements.iter().zip(evaluated).enumerate().map(|(i, (s, e))| (i, s, e))
    }

    fn obstacle(&self) -> Option<Obstacle<'_>> {
        if self.granted || self.evaluation.verdict == Fits::Match {
            return None;
        }
        let mut pairs = self.pairs();
        if let Some((index, ..)) =
            pairs.find(|(_, s, e)| s.effect == Effect::Deny && e.outcome == Fits::Match)
        {
            return Some(Obstacle::Denied(index));
        }
        let odd = self.pairs().find_map(|(index, s, e)| match &s.effect {
            Effect::Unknown(effect) if e.outcome != Fits::NoMatch => Some((index, effect.as_str())),
            _ => None,
        });
        if let Some((index, effect)) = odd {
            return Some(Obstacle::OddEffect(index, effect));
        }
        let allows: Vec<_> = self.pairs().filter(|(_, s, _)| s.effect == Effect::Allow).collect();
        // Nearest: the provider fits before all, then the action, then as many conditions as can be.
        let near = |e: &StatementEvaluation| {
            let fitting = e.conditions.iter().filter(|c| c.outcome == Fits::Match).count();
            (e.principal.outcome == Fits::Match, e.action.outcome == Fits::Match, fitting)
        };
        let Some((_, statement, evaluated)) = allows.iter().max_by_key(|(_, _, e)| near(e)).copied() else {
            return Some(Obstacle::NoStatement);
        };
        if evaluated.principal.outcome == Fits::NoMatch {
            return Some(self.principal_obstacle(&allows, evaluated));
        }
        if evaluated.action.outcome == Fits::NoMatch {
            return Some(Obstacle::WrongAction(statement));
        }
        let unmet = || evaluated.conditions.iter().filter(|c| c.outcome != Fits::Match);
        if let Some(condition) = unmet().find(|c| wrong_key(&c.key)) {
            return Some(Obstacle::WrongKey(condition));
        }
        let differing: Vec<_> = unmet().filter(|c| c.outcome == Fits::NoMatch).collect();
        if !differing.is_empty() {
            return Some(Obstacle::Unmet(differing));
        }
        let undecided: Vec<_> = unmet().collect();
        // What the Allow leaves nothing to doubt of, a Deny may still refuse.
        let denies = self.pairs().filter(|(_, s, e)| s.effect == Effect::Deny && e.outcome == Fits::Unknown);
        let denies = denies.flat_map(|(_, _, e)| e.conditions.iter().filter(|c| c.outcome == Fits::Unknown));
        Some(Obstacle::Undecided(if undecided.is_empty() { denies.collect() } else { undecided }))
    }

    fn principal_obstacle<'a>(
        &'a self,
        allows: &[(usize, &'a Statement, &'a StatementEvaluation)],
        nearest: &'a StatementEvaluation,
    ) -> Obstacle<'a> {
        let wanted = OidcProviderArn::parse(&self.claims.provider_arn).ok();
        let issuer = self.claims.issuer.as_deref().and_then(IssuerShape::read);
        // The provider that RRSA has made for this cluster, where somebody has made another one for it.
        let is_own = |named: &OidcProviderArn| {
            let is_made_beside =
                |wanted: &OidcProviderArn| wanted.cluster_id().is_none() && wanted.account == named.account;
            wanted.as_ref().is_some_and(is_made_beside)
                && issuer.as_ref().is_some_and(|shape| Some(shape.cluster_id) == named.cluster_id())
        };
        for (_, statement, _) in allows {
            let principal = &statement.principal;
            let misplaced =
                principal.ram.iter().chain(&principal.service).any(|p| *p == self.claims.provider_arn);
            if misplaced || principal.federated.iter().any(|arn| arn.contains(":saml-provider/")) {
                return Obstacle::WrongPrincipal(nearest);
            }
            let other = principal.federated.iter().find_map(|arn| {
                let named = OidcProviderArn::parse(arn).ok()?;
                let is_other = named.cluster_id().is_some() && Some(&named) != wanted.as_ref();
                (is_other && !is_own(&named)).then(|| arn.clone())
            });
            if let Some(other) = other {
                return Obstacle::OtherCluster(other);
            }
        }
        Obstacle::NoStatement
    }
}

fn obstacle(facts: &Facts, pick: impl FnOnce(&Judged, Obstacle<'_>) -> Option<Evidence>) -> Verdict {
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    match judged.obstacle().and_then(|obstacle| pick(&judged, obstacle)) {
        Some(mut evidence) => {
            if let Some(ExchangeOutcome::Refused(fault)) = facts.exchange.value().map(|e| &e.outcome) {
                evidence.seen = format!("{}; STS: {fault}", evidence.seen);
            }
            // A policy in a file has no role that could be asked for.
            match RoleArn::parse(&judged.role) {
                Ok(role) => evidence.command(compare(facts, &role.name)).into(),
                Err(_) => evidence.into(),
            }
        }
        None => Verdict::Holds,
    }
}

/// What shows the policy beside the claims, and the least change as a diff.
pub(super) fn compare(facts: &Facts, role: &str) -> String {
    let (account, namespace) = (word(&facts.service_account_name), word(&facts.namespace));
    if let (true, Seen::Known { from: file, .. }) = (facts.offline, &facts.account.role) {
        return format!("kubectl rrsa trust-policy sa/{account} -n {namespace} --file {}", word(file));
    }
    let command = format!("kubectl rrsa trust-policy sa/{account} -n {namespace} --role {}", word(role));
    match facts.provider_in_use.value() {
        Some(arn) if facts.cluster.provider_arn.value() != Some(arn) => {
            format!("{command} --oidc-provider-arn {}", word(arn))
        }
        _ => command,
    }
}

/// Whether a pattern stands where none is read.
fn is_literal_pattern(condition: &ConditionEvaluation) -> bool {
    let literal = matches!(condition.operator, Operator::StringEquals | Operator::StringEqualsIgnoreCase);
    // One that would not fit as a pattern either differs in more than that.
    literal && !fitting(condition).is_empty()
}

/// The values that would fit what the token has if they were read as patterns.
fn fitting(condition: &ConditionEvaluation) -> Vec<&str> {
    let fits = |value: &&str| {
        value.contains(['*', '?']) && condition.seen.iter().any(|seen| policy::fits_pattern(value, seen))
    };
    condition.expected.iter().map(String::as_str).filter(fits).collect()
}

fn place(judged: &Judged) -> String {
    format!("trust policy of {}", judged.role)
}

/// A statement for this workload, ready to paste.
fn statement(claims: &Claims) -> String {
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "ISSUER".to_owned());
    serde_json::json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Federated": [claims.provider_arn]},
        "Condition": {"StringEquals": {
            "oidc:iss": [value(&claims.issuer)],
            "oidc:aud": [AUDIENCE],
            "oidc:sub": [value(&claims.subject)],
        }},
    })
    .to_string()
}

/// Whether the policy lets the token in.
///
/// # Errors
/// Why that is not seen.
pub(super) fn admits(facts: &Facts) -> Result<bool, String> {
    match judged(facts) {
        Ok(judged) => Ok(judged.obstacle().is_none()),
        Err(verdict) => Err(match *verdict {
            Verdict::Unseen(why) => why,
            _ => "RAM has no such role".to_owned(),
        }),
    }
}

/// Some statement is about this cluster's provider.
pub(super) fn r01(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::NoStatement = found else { return None };
        Some(Evidence::new(
            judged.claims.provider_arn.clone(),
            match judged.document.statements.len() {
                _ if unfilled(&judged.document).is_some() => {
                    format!("{}, a placeholder", unfilled(&judged.document).unwrap_or_default())
                }
                0 => "no statement at all".to_owned(),
                1 => "one statement, which is not about it".to_owned(),
                count => format!("{count} statements, none of them about it"),
            },
            format!("Principal.Federated, {}", place(judged)),
            format!("add this statement: {}", statement(&judged.claims)),
        ))
    })
}

/// A provider of the manual that nobody has filled in.
fn unfilled(document: &Document) -> Option<&str> {
    let named = document.statements.iter().flat_map(|statement| &statement.principal.federated);
    named.map(String::as_str).find(|arn| is_placeholder(arn))
}

/// The statement names this cluster's provider, not another cluster's.
pub(super) fn r02(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::OtherCluster(other) = found else { return None };
        Some(Evidence::new(
            judged.claims.provider_arn.clone(),
            other,
            format!("Principal.Federated, {}", place(judged)),
            format!(
                "add a statement for this cluster, and leave the other one alone while that cluster lives: {}",
                statement(&judged.claims)
            ),
        ))
    })
}

/// `oidc:iss` is the token's issuer.
pub(super) fn r03(facts: &Facts) -> Verdict {
    differs(facts, "oidc:iss", "write the issuer to the byte, without a slash at the end")
}

/// `oidc:aud` is the token's audience.
pub(super) fn r04(facts: &Facts) -> Verdict {
    differs(facts, "oidc:aud", "write sts.aliyuncs.com, whatever STS host is used")
}

/// `oidc:sub` is the ServiceAccount's subject.
pub(super) fn r05(facts: &Facts) -> Verdict {
    differs(
        facts,
        "oidc:sub",
        "write system:serviceaccount:NAMESPACE:NAME of the ServiceAccount, not of the workload",
    )
}

fn differs(facts: &Facts, key: &str, remedy: &str) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::Unmet(conditions) = found else { return None };
        let condition = conditions.into_iter().find(|c| c.key == key && !is_literal_pattern(c))?;
        let seen = condition.seen.join(", ");
        let nearest = policy::nearest(&condition.expected, &seen);
        let marked = nearest.map(|nearest| match condition.operator {
            // The case is no difference, so that it is none here.
            Operator::StringEqualsIgnoreCase => {
                mark(&nearest.to_ascii_lowercase(), &seen.to_ascii_lowercase(), false)
            }
            _ => mark(nearest, &seen, condition.operator == Operator::StringLike),
        });
        let marked = marked.unwrap_or_default();
        let negated =
            [Operator::StringNotEquals, Operator::StringNotEqualsIgnoreCase, Operator::StringNotLike];
        if negated.contains(&condition.operator) {
            return Some(Evidence::new(
                format!("a condition that {seen} meets"),
                format!("anything but {}", condition.expected.join(", ")),
                format!("{} {key}, {}", condition.operator, place(judged)),
                "the condition keeps out this very workload: take its value out, or write StringEquals to let it in",
            ));
        }
        Some(Evidence::new(
            if seen.is_empty() { format!("{key}, which the token lacks") } else { seen },
            match condition.expected.len() {
                0 => "no value".to_owned(),
                1 => format!("{}{marked}", condition.expected[0]),
                many => format!("{many} values, the nearest {}{marked}", nearest.unwrap_or_default()),
            },
            format!("{} {key}, {}", condition.operator, place(judged)),
            remedy,
        ))
    })
}

/// Where two texts part, in words: ` (differs from character 23: "dem" instead of "demo")`.
fn mark(written: &str, wanted: &str, wildcards: bool) -> String {
    if written.is_empty() || wanted.is_empty() {
        return String::new();
    }
    let (from, at) = policy::parting(written, wanted, wildcards);
    let rest = |text: &str, from: usize| match text.chars().skip(from).take(12).collect::<String>() {
        rest if rest.is_empty() => "the end".to_owned(),
        rest => format!("\"{rest}\""),
    };
    format!(" (from character {} on: {} instead of {})", from + 1, rest(written, from), rest(wanted, at))
}

/// No pattern stands where patterns are not read.
pub(super) fn r06(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::Unmet(conditions) = found else { return None };
        let condition = conditions.into_iter().find(|condition| is_literal_pattern(condition))?;
        Some(Evidence::new(
            format!("StringLike for {}", fitting(condition).join(", ")),
            format!("{}, which takes * and ? literally", condition.operator),
            format!("condition on {}, {}", condition.key, place(judged)),
            "use StringLike for a pattern, or write the whole value",
        ))
    })
}

/// Every condition is on a key that RAM knows.
pub(super) fn r09(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::WrongKey(condition) = found else { return None };
        Some(Evidence::new(
            CLAIM_KEYS.join(", "),
            condition.key.clone(),
            format!("{} of {}", condition.operator, place(judged)),
            "RAM's keys for a token's claims begin with oidc:, whatever other clouds write",
        ))
    })
}

/// The action is the one that RAM asks for.
pub(super) fn r10(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::WrongAction(statement) = found else { return None };
        Some(Evidence::new(
            "sts:AssumeRole",
            statement.actions.join(", "),
            format!("Action of the provider's statement, {}", place(judged)),
            "write sts:AssumeRole: RAM checks that action for AssumeRoleWithOIDC too",
        ))
    })
}

/// The provider stands under Federated.
pub(super) fn r11(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::WrongPrincipal(evaluated) = found else { return None };
        Some(Evidence::new(
            format!("{} under Principal.Federated", judged.claims.provider_arn),
            evaluated.principal.reason.clone(),
            place(judged),
            "name the OIDC provider, acs:ram::ACCOUNT:oidc-provider/NAME, under Federated",
        ))
    })
}

/// No statement denies it.
pub(super) fn r12(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        let Obstacle::Denied(index) = found else { return None };
        Some(Evidence::new(
            "no Deny that fits the token",
            format!("statement {} denies it", index + 1),
            place(judged),
            "narrow that statement or take it away: a Deny wins over every Allow",
        ))
    })
}

/// The refusal is not of the time before the policy was changed.
pub(super) fn r20(facts: &Facts) -> Verdict {
    if !facts.was_refused_by_policy() || admits(facts) != Ok(true) {
        return Verdict::NotApplicable;
    }
    let (Some(Some(role)), Some(token)) = (facts.account.role.value(), facts.token.value()) else {
        return Verdict::NotApplicable;
    };
    let Some(changed) = role.update_date else { return Verdict::NotApplicable };
    let age = facts.seen_at(token) - changed.as_second();
    if age > PROPAGATION {
        return Verdict::Holds;
    }
    Evidence::new(
        "a trust policy that has stood for a minute or two",
        format!("changed {age} s ago, and it would let the token in"),
        format!("trust policy of {}", role.arn),
        "check again in a minute: a change takes about 30 s to bite",
    )
    .into()
}

/// Seconds within which a change may not have reached STS.
const PROPAGATION: i64 = 120;

/// The role may do something.
pub(super) fn r18(facts: &Facts) -> Verdict {
    match facts.account.policies.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(policies) if !policies.is_empty() => Verdict::Holds,
        Ok(_) => {
            let role = facts.role_in_use.value().map_or("ROLE", String::as_str);
            let name = role_word(role);
            Evidence::new(
                "a policy that allows what the workload does",
                "no policy is attached",
                format!("role {role}"),
                "attach one: the identity is fine, but the session may do nothing",
            )
            .command(format!(
                "aliyun ram AttachPolicyToRole --PolicyType System --PolicyName \"${{POLICY_NAME:?}}\" --RoleName {name}"
            ))
            .into()
        }
    }
}

/// The name of a role as a shell takes it; where it is not known the shell asks for it.
fn role_word(arn: &str) -> String {
    RoleArn::parse(arn).map_or_else(|_| "\"${ROLE_NAME:?}\"".to_owned(), |role| word(&role.name))
}

/// The role gives sessions of the length that is asked for.
pub(super) fn r16(facts: &Facts) -> Verdict {
    let wanted = facts.session_seconds;
    let least = rrsa_shared::proof::Plan::SESSION_SECONDS;
    let most = match facts.account.role.as_result() {
        Ok(Some(role)) => role.max_session_duration,
        Ok(None) => return Verdict::NotApplicable,
        // The least of STS needs no role to be known.
        Err(_) if wanted < least => None,
        Err(_) if facts.was_granted() => return Verdict::Holds,
        Err(why) => return Verdict::Unseen(why.to_owned()),
    };
    let most = most.unwrap_or(u32::MAX);
    if (least..=most).contains(&wanted) {
        return Verdict::Holds;
    }
    let role = facts.role_in_use.value().map_or("ROLE", String::as_str);
    let evidence = Evidence::new(
        if most == u32::MAX {
            format!("{least} seconds or more")
        } else {
            format!("{least} to {most} seconds")
        },
        format!("{wanted} seconds"),
        format!("session length asked for, against MaxSessionDuration of {role}"),
        "ask for a session within these, or raise the role's MaxSessionDuration (43200 at most)",
    );
    let name = role_word(role);
    match wanted > most && wanted <= 43_200 {
        true => evidence
            .command(format!("aliyun ram UpdateRole --RoleName {name} --NewMaxSessionDuration {wanted}"))
            .into(),
        false => evidence.into(),
    }
}

/// Every provider that the policy names exists.
pub(super) fn r21(facts: &Facts) -> Verdict {
    let known = match facts.account.providers.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(known) => known,
    };
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    // Statements of their own count as well: they are what is left of those clusters.
    let broken = |index: usize, statement: &Statement| {
        let of_account = |arn: &&String| {
            let (named, own) =
                (OidcProviderArn::parse(arn), OidcProviderArn::parse(&judged.claims.provider_arn));
            matches!((named, own), (Ok(named), Ok(own)) if named.account == own.account)
        };
        let named = statement.principal.federated.iter().filter(of_account);
        let gone: Vec<_> = named
            .filter(|arn| !known.contains(arn) && **arn != judged.claims.provider_arn)
            .cloned()
            .collect();
        (!gone.is_empty()).then(|| {
            Evidence::new(
                "OIDC providers that exist",
                gone.join(", "),
                format!("statement {} of {}", index + 1, place(&judged)),
                "take them away: a provider of that name, made again, would be let in",
            )
        })
    };
    if judged.obstacle().is_some() {
        return Verdict::NotApplicable;
    }
    let allows = judged.pairs().filter(|(_, statement, _)| statement.effect == Effect::Allow);
    let found = allows.map(|(index, statement, _)| broken(index, statement)).find_map(|found| found);
    found.map_or(Verdict::Holds, Verdict::from)
}

/// Everything in the policy can be decided from the token.
pub(super) fn r13(facts: &Facts) -> Verdict {
    obstacle(facts, |judged, found| {
        if let Obstacle::OddEffect(index, effect) = found {
            let evidence = Evidence::new(
                "Allow or Deny",
                format!("Effect {effect:?}"),
                format!("statement {} of the {}", index + 1, place(judged)),
                "write the effect as RAM has it: nobody knows what it makes of this one",
            );
            return Some(if facts.was_refused_by_policy() {
                evidence.severity(Severity::Error)
            } else {
                evidence
            });
        }
        let Obstacle::Undecided(conditions) = found else { return None };
        let words: Vec<_> = conditions.iter().map(|condition| condition.words()).collect();
        let slip = conditions.iter().find_map(|condition| Some((condition, meant(&condition.operator)?)));
        let remedy = match slip {
            Some((condition, meant)) => format!("write {meant} in place of {}", condition.operator),
            None => "compare these conditions with the call (source address, time, …) by hand".to_owned(),
        };
        let evidence = Evidence::new(
            "conditions on the token's claims",
            if words.is_empty() {
                "elements that are not documented for trust policies".to_owned()
            } else {
                words.join("; ")
            },
            place(judged),
            remedy,
        );
        // What cannot be decided here has been decided there.
        Some(if facts.was_refused_by_policy() { evidence.severity(Severity::Error) } else { evidence })
    })
}

/// The operator that a misspelt one was to be.
fn meant(written: &Operator) -> Option<Operator> {
    let Operator::Unknown(written) = written else { return None };
    Operator::TEXTS
        .into_iter()
        .find(|known| policy::edit_distance(&known.to_string().to_lowercase(), &written.to_lowercase()) <= 2)
}

/// A pattern for subjects is narrow enough to say who is meant.
pub(super) fn r07(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, statement| {
        let likes = subjects(statement).filter(|condition| condition.operator == Operator::StringLike);
        // What another condition or a Deny takes away again is not let in.
        let broad = likes.flat_map(texts).find(|value| {
            let somebody = is_broad(value).then(|| policy::stranger_of(value)).flatten();
            somebody.is_some_and(|who| policy::lets_in(&judged.document, index, &judged.claims, &who))
        })?;
        Some(Evidence::new(
            "one ServiceAccount, or a pattern within one namespace",
            broad.clone(),
            format!("StringLike oidc:sub, {}", place(judged)),
            "narrow the pattern: everything that it fits can act as this role",
        ))
    })
}

/// Some condition says which ServiceAccount is meant.
pub(super) fn r08(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, statement| {
        let negative = match subjects(statement).next() {
            None => "has none".to_owned(),
            Some(_) if subjects(statement).any(|condition| !condition.operator.is_negative()) => return None,
            Some(condition) => format!("has {} oidc:sub alone, which lets in all others", condition.operator),
        };
        // What keeps tokens of this cluster out, whatever it is, or nobody knows, lets nobody in.
        if !policy::lets_in(&judged.document, index, &judged.claims, &policy::stranger()) {
            return None;
        }
        Some({
            Evidence::new(
                format!("a condition oidc:sub = {}", judged.claims.subject.clone().unwrap_or_default()),
                format!("statement {} {negative}", index + 1),
                place(judged),
                "add it: without it every ServiceAccount of the cluster can act as this role",
            )
        })
    })
}

/// No negative operator has several values, which reads as something else than it does.
pub(super) fn r14(facts: &Facts) -> Verdict {
    lint(facts, |judged, _, statement| {
        let condition =
            statement.conditions.iter().find(|c| c.operator.is_negative() && c.values.len() > 1)?;
        Some(Evidence::new(
            "one value, or a positive operator",
            format!("{} with {} values", condition.operator, condition.values.len()),
            format!("condition on {}, {}", condition.key, place(judged)),
            "say what is let in instead of what is not: a negative operator must differ from every value",
        ))
    })
}

/// One statement is about one cluster.
pub(super) fn r15(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, statement| {
        let providers = statement.principal.federated.len();
        let issuers: usize =
            statement.conditions.iter().filter(|c| c.key == "oidc:iss").map(|c| c.values.len()).sum();
        (providers > 1 && issuers > 1).then(|| {
            Evidence::new(
                "one provider and its issuer in a statement",
                format!("statement {} has {providers} providers and {issuers} issuers", index + 1),
                place(judged),
                "write one statement a cluster: here any of the providers may come with any of the issuers",
            )
        })
    })
}

/// The policy is of the version RAM knows.
pub(super) fn r17(facts: &Facts) -> Verdict {
    lint(facts, |judged, index, _| {
        let version = judged.document.version.as_deref().filter(|version| index == 0 && *version != "1")?;
        Some(Evidence::new("Version 1", version, place(judged), "write \"Version\": \"1\""))
    })
}

/// Nobody but the workloads may assume the role.
pub(super) fn r22(facts: &Facts) -> Verdict {
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    let found = policy::open_to(&judged.document, &judged.evaluation).next();
    match found {
        None => Verdict::Holds,
        Some((index, who)) => Evidence::new(
            "OIDC providers with their conditions",
            format!("statement {} lets in {who}", index + 1),
            place(&judged),
            "review whether everybody with sts:AssumeRole in that account should be able to act as this role",
        )
        .into(),
    }
}

/// Something on each statement that lets the provider in. Silent while something keeps the token out: that comes
/// first.
fn lint(facts: &Facts, broken: impl Fn(&Judged, usize, &Statement) -> Option<Evidence>) -> Verdict {
    let judged = match judged(facts) {
        Ok(judged) => judged,
        Err(verdict) => return *verdict,
    };
    if judged.obstacle().is_some() {
        return Verdict::NotApplicable;
    }
    let found = judged
        .pairs()
        .filter(|(_, s, e)| s.effect == Effect::Allow && e.principal.outcome == Fits::Match)
        .find_map(|(index, statement, _)| broken(&judged, index, statement));
    found.map_or(Verdict::Holds, Verdict::from)
}

fn subjects(statement: &Statement) -> impl Iterator<Item = &Condition> {
    statement.conditions.iter().filter(|condition| condition.key == "oidc:sub")
}

fn texts(condition: &Condition) -> impl Iterator<Item = &String> {
    condition.values.iter().filter_map(|value| match value {
        ConditionValue::Text(text) => Some(text),
        ConditionValue::Unreadable(_) => None,
    })
}

/// Whether a pattern for subjects reaches beyond one namespace.
fn is_broad(pattern: &str) -> bool {
    let mut parts = pattern.splitn(4, ':');
    let (first, second, namespace) = (parts.next(), parts.next(), parts.next());
    let exact = |part: Option<&str>| part.is_some_and(|part| !part.contains(['*', '?']));
    !(exact(first) && exact(second) && exact(namespace))
}

/// Whether a key looks like one that other clouds, or a slip, would write for a claim.
fn wrong_key(key: &str) -> bool {
    let lower = key.to_lowercase();
    let tail = lower.rsplit([':', '/']).next().unwrap_or_default();
    let claims = ["iss", "aud", "sub", "issuer", "audience", "subject"];
    !CLAIM_KEYS.contains(&key) && claims.contains(&tail) && !lower.starts_with("acs:")
}

#[cfg(test)]
mod tests {
    use super::{is_broad, mark, wrong_key};

    #[test]
    fn a_pattern_within_one_namespace_is_narrow() {
        for (pattern, broad) in [
            ("system:serviceaccount:demo:app-*", false),
            ("system:serviceaccount:demo:*", false),
            ("system:serviceaccount:demo-*:app", true),
            ("system:serviceaccount:*", true),
            ("*", true),
        ] {
            assert_eq!(is_broad(pattern), broad, "{pattern}");
        }
    }

    #[test]
    fn keys_of_other_clouds_are_known_for_what_they_are() {
        for (key, wrong) in [
            ("oidc:sub", false),
            ("acs:SourceIp", false),
            ("sub", true),
            ("oidc:subject", true),
            ("oidc-ack.example.com/c1:sub", true),
            ("sts:ExternalId", false),
        ] {
            assert_eq!(wrong_key(key), wrong, "{key}");
        }
    }

    #[test]
    fn the_first_difference_is_marked_to_the_character() {
        assert_eq!(mark("a:demo", "a:demo-sa", false), " (from character 7 on: the end instead of \"-sa\")");
        assert_eq!(
            mark("https://i/", "https://i", false),
            " (from character 10 on: \"/\" instead of the end)"
        );
    }
}
