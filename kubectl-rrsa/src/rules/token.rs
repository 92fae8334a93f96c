//! The token must be there, whole, alive, and say what STS and the trust policy will look for.
//! (Projected ServiceAccount tokens; the kubelet renews one when less than a fifth of its life is left.)

use super::finding::{Evidence, Severity, Verdict};
use super::{cluster, reach, volume};
use crate::facts::{AUDIENCE, DEFAULT_ISSUER, Facts, TokenFacts, TokenProblem, TokenSource};

/// There is a token to read.
pub(super) fn t01(facts: &Facts) -> Verdict {
    if [reach::p12, volume::p15, volume::p16].iter().any(|rule| rule(facts).is_broken()) {
        return Verdict::NotApplicable;
    }
    if reach::waits_for_injection(facts) {
        return Verdict::NotApplicable;
    }
    if let Some(why) = &facts.token_instead {
        return Verdict::Unseen(why.clone());
    }
    judge(facts, false, |token| {
        let seen = match token.problem.as_ref()? {
            TokenProblem::Missing => "no such file".to_owned(),
            TokenProblem::Empty => "the file is empty".to_owned(),
            TokenProblem::Unreadable(why) => why.clone(),
            TokenProblem::Malformed(_) | TokenProblem::Surrounded | TokenProblem::TooLong(_) => return None,
        };
        let denied = matches!(token.problem, Some(TokenProblem::Unreadable(_)));
        Some(Evidence::new(
            "a token",
            seen,
            place(token),
            if denied {
                "the user that the container runs as may not read it: leave defaultMode of the volume out (0644), or set \
                 securityContext.fsGroup"
            } else {
                "look at the pod's events (kubectl describe pod) for why the kubelet could not project the token"
            },
        ))
    })
}

/// The file holds a token and nothing else.
pub(super) fn t02(facts: &Facts) -> Verdict {
    judge(facts, false, |token| {
        let seen = match token.problem.as_ref()? {
            TokenProblem::Malformed(why) => why.clone(),
            TokenProblem::Surrounded => "white space before or after the token".to_owned(),
            _ => return None,
        };
        Some(Evidence::new(
            "a JWT of three parts and nothing around it",
            seen,
            place(token),
            "mount the projected token itself, not a copy of it: no SDK trims what it reads",
        ))
    })
}

/// The token is signed as STS wants it.
pub(super) fn t03(facts: &Facts) -> Verdict {
    judge(facts, true, |token| {
        let seen = token.algorithm.as_deref().unwrap_or("none");
        (seen != "RS256").then(|| {
            Evidence::new(
                "RS256",
                seen,
                format!("alg of {}", place(token)),
                "mount the token that this cluster's kubelet projects: ACK signs with RS256",
            )
        })
    })
}

/// The key that it names signed it.
pub(super) fn t10(facts: &Facts) -> Verdict {
    let known = [cluster::c10, cluster::c02, t07, t03].iter().any(|rule| rule(facts).is_broken());
    let token = match facts.token.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(token) if token.problem.is_some() || known => return Verdict::NotApplicable,
        Ok(token) => token,
    };
    match token.signature.as_result() {
        // STS has verified it.
        Err(_) if facts.was_granted() => Verdict::Holds,
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok(None) => Verdict::Holds,
        Ok(Some(fault)) => Evidence::new(
            "a signature by the key that the token names",
            fault,
            format!("signature of {}", place(token)),
            "something changed the token on its way, or another cluster has a key of the same id: mount the projected \
             token itself",
        )
        .into(),
    }
}

/// The token's life has begun.
pub(super) fn t05(facts: &Facts) -> Verdict {
    judge(facts, true, |token| {
        let begins = token.claims.not_before.max(token.claims.issued_at)?;
        let ahead = begins - facts.seen_at(token);
        let offset = facts.exchange.value().and_then(|exchange| exchange.clock_offset_seconds);
        (ahead > CLOCK_SLACK).then(|| {
            Evidence::new(
                "a token issued in the past",
                match offset {
                    Some(_) => format!("issued {ahead} s from now, by STS's clock"),
                    None => format!("issued {ahead} s from now"),
                },
                format!("claims iat and nbf of {}", place(token)),
                match offset {
                    Some(_) => "set the clock of the API server, which issued it",
                    None => "set the clock of the machine that is off: this one, or the API server's",
                },
            )
        })
    })
}

/// The token is bound to the pod that has it.
pub(super) fn t09(facts: &Facts) -> Verdict {
    judge(facts, true, |token| {
        let pod = facts.pod.as_ref().filter(|_| token.is_of_the_pod())?;
        let (bound, uid) = (token.claims.pod_uid.as_ref()?, pod.uid.as_ref()?);
        (bound != uid).then(|| {
            Evidence::new(
                format!("pod {} ({uid})", pod.name),
                format!("pod {} ({bound})", token.claims.pod.as_deref().unwrap_or("without a name")),
                format!("claim kubernetes.io of {}", place(token)),
                "mount the pod's own projected token: this one ends with the pod it was made for",
            )
        })
    })
}

/// The token is no longer than STS takes.
pub(super) fn t11(facts: &Facts) -> Verdict {
    judge(facts, false, |token| {
        let TokenProblem::TooLong(length) = token.problem.as_ref()? else { return None };
        Some(Evidence::new(
            "20000 characters at most",
            format!("{length} characters"),
            place(token),
            "mount the projected token itself; something else is in the file",
        ))
    })
}

/// Seconds by which clocks may differ without anybody minding.
const CLOCK_SLACK: i64 = 60;

/// The token is alive and being renewed.
pub(super) fn t04(facts: &Facts) -> Verdict {
    judge(facts, true, |token| {
        let (issued, expires) = (token.claims.issued_at?, token.claims.expires_at?);
        let now = facts.seen_at(token);
        let (age, left) = (now - issued, expires - now);
        let evidence = |seen: String| {
            Evidence::new(
                "a token renewed before four fifths of its life are over",
                seen,
                place(token),
                "the kubelet is not renewing it: look at the node and its events, and for a subPath mount, \
                 which is never renewed; restart the pod to get a new one",
            )
        };
        if left <= 0 {
            Some(evidence(format!("expired {} s ago", -left)))
        } else if age * 5 > (expires - issued) * 4 + 5 * RENEWAL_SLACK {
            Some(evidence(format!("{age} s old, {left} s left")).severity(Severity::Warning))
        } else {
            None
        }
    })
}

/// The kubelet looks at a pod's token about once a minute, and adds up to 10 s of its own.
const RENEWAL_SLACK: i64 = 90;

/// The token is for STS.
pub(super) fn t06(facts: &Facts) -> Verdict {
    if volume::p13(facts).is_broken() {
        return Verdict::NotApplicable;
    }
    judge(facts, true, |token| {
        let audiences = &token.claims.audiences;
        (!audiences.iter().any(|audience| audience == AUDIENCE)).then(|| {
            Evidence::new(
                AUDIENCE,
                audiences.join(", "),
                format!("claim aud of {}", place(token)),
                format!("project the token for audience {AUDIENCE}"),
            )
        })
    })
}

/// The token is of this cluster's issuer.
pub(super) fn t07(facts: &Facts) -> Verdict {
    let issuer = match facts.cluster.issuer.as_result() {
        Err(why) => return Verdict::Unseen(why.to_owned()),
        Ok(issuer) => issuer,
    };
    judge(facts, true, |token| {
        let seen = token.claims.issuer.as_deref().unwrap_or("no issuer");
        // A token of the time before RRSA is C02's finding.
        let older = token.source != TokenSource::TokenRequest && seen == DEFAULT_ISSUER;
        (seen != issuer && !older).then(|| {
            Evidence::new(
                issuer,
                seen,
                format!("claim iss of {}", place(token)),
                "compare to the byte (slash, region, cluster id): the token was minted by another cluster or \
                 another API server; mount this cluster's own projected token",
            )
        })
    })
}

/// The token is of the ServiceAccount the pod runs as.
pub(super) fn t08(facts: &Facts) -> Verdict {
    judge(facts, true, |token| {
        let seen = token.claims.subject.as_deref().unwrap_or("no subject");
        let expected = facts.token_subject();
        (seen != expected).then(|| {
            Evidence::new(
                expected,
                seen,
                format!("claim sub of {}", place(token)),
                "mount the pod's own projected token, or run the pod as that ServiceAccount",
            )
        })
    })
}

fn judge(facts: &Facts, whole: bool, broken: impl FnOnce(&TokenFacts) -> Option<Evidence>) -> Verdict {
    match facts.token.as_result() {
        Err(why) => Verdict::Unseen(why.to_owned()),
        // White space around a token hides nothing of what it says.
        Ok(token) if whole && token.problem.as_ref().is_some_and(|p| *p != TokenProblem::Surrounded) => {
            Verdict::NotApplicable
        }
        Ok(token) => broken(token).map_or(Verdict::Holds, Verdict::from),
    }
}

fn place(token: &TokenFacts) -> String {
    match (&token.source, &token.file) {
        (TokenSource::Exec { container }, Some(file)) => format!("{} in container {container}", file.path),
        (TokenSource::Exec { container }, None) => format!("the token of container {container}"),
        (TokenSource::Probe | TokenSource::Beside, Some(file)) => {
            format!("{} in the probe's container", file.path)
        }
        (TokenSource::Probe | TokenSource::Beside, None) => "the token that the probe read".to_owned(),
        (TokenSource::TokenRequest, _) => "the token of TokenRequest".to_owned(),
    }
}
