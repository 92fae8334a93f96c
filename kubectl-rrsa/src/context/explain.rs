//! Why the API server gave no answer, in words that help.

use std::error::Error as StdError;

use super::connect::KubeContext;
use crate::error::Error;
use crate::skipped::rbac;

/// What a failed call means to somebody at a terminal.
#[must_use]
pub fn explain(error: kube::Error, context: &KubeContext) -> Error {
    let server = &context.server;
    if let kube::Error::Api(status) = &error {
        let words = format!("{} {}", status.code, status.message);
        return match status.code {
            401 => Error::could_not_tell(format!(
                "{server} does not accept the credentials of {}",
                user(context)
            ))
            .caused_by(words.trim())
            .hint("log in again; kubectl auth whoami tells who you are"),
            403 => {
                let hint = grant_of(&status.message).map(|grant| format!("RBAC that lets it: {grant}"));
                let error = Error::could_not_tell(format!("{server} forbids it")).caused_by(words);
                Error { hint, ..error }
            }
            _ => Error::could_not_tell(format!("{server} refused")).caused_by(words),
        };
    }
    if let kube::Error::SerdeError(cause) = &error {
        return Error::could_not_tell(format!(
            "an answer of the API server {server} is not of the shape of its kind"
        ))
        .caused_by(cause)
        .hint("kubectl get of the same kind shows what it answers");
    }
    let chain: Vec<String> = causes(&error);
    let text = chain.join(": ").to_lowercase();
    let innermost = chain.last().cloned().unwrap_or_default();
    let of_certificate = innermost.to_lowercase();
    let hint = if of_certificate.contains("certificate") || of_certificate.contains("unknownissuer") {
        NOT_ACCEPTED
    } else if text.contains("timed out") || text.contains("deadline") || text.contains("elapsed") {
        "it did not answer in time; is a VPN or proxy needed? --request-timeout sets the limit"
    } else if text.contains("refused") && context.proxy.is_some() {
        NOT_LET_THROUGH
    } else if text.contains("refused") {
        "nothing listens there; is the cluster running, and the context the right one?"
    } else if text.contains("lookup") || text.contains("dns") || text.contains("resolve") {
        "the host's name does not resolve; is a VPN needed, or the context another one?"
    } else if text.contains("certificate") || text.contains("unknownissuer") || text.contains("tls") {
        NOT_ACCEPTED
    } else if text.contains("tunnel") || text.contains("proxy") {
        NOT_LET_THROUGH
    } else {
        "kubectl version tells whether kubectl reaches it"
    };
    let through =
        context.proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
    Error::could_not_tell(format!("cannot reach the API server {server}{through}"))
        .caused_by(innermost)
        .hint(hint)
}

const NOT_ACCEPTED: &str =
    "its certificate was not accepted; --certificate-authority and --tls-server-name say what to accept";
const NOT_LET_THROUGH: &str =
    "the proxy did not let it through; HTTPS_PROXY, NO_PROXY and proxy-url decide which proxy is used";

/// What to grant, as the API server's own words name it: `User "x" cannot list resource "pods" in API group "" in the namespace
/// "n"`.
fn grant_of(message: &str) -> Option<String> {
    let (verb, rest) = message.split_once(" cannot ")?.1.split_once(" resource \"")?;
    let (resource, place) = rest.split_once('"')?;
    let namespace = place.split_once("in the namespace \"").and_then(|(_, name)| name.split('"').next());
    let place = namespace.map(|name| format!(" in {name}")).unwrap_or_default();
    Some(rbac(&format!("{verb} {resource}{place}")))
}

fn user(context: &KubeContext) -> String {
    context.user.as_ref().map_or_else(|| "this user".to_owned(), |user| format!("user {user}"))
}

fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts
}
