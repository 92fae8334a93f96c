//! TokenRequest: a token for a ServiceAccount.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::body;
use super::call::{Call, Target};
use super::server::Answer;
use crate::sandbox::cluster::Cluster;
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object::{self, list, text};
use crate::sandbox::cluster::resource::Resource;
use crate::sandbox::cluster::store::{Key, Store};
use crate::sandbox::cluster::token::{Grant, SHORTEST};
use crate::sandbox::world::IN_CLUSTER_ISSUER;

/// The life of a token that is asked for without one, seconds.
const USUAL: i64 = 3600;

pub(super) fn answer(
    cluster: &Cluster,
    call: &Call,
    target: &Target,
    body: &[u8],
) -> Result<Answer, Failure> {
    if call.verb != "create" {
        return Err(Failure::method_not_allowed());
    }
    let mut request = body::of_kind(call, body, "authentication.k8s.io/v1", "TokenRequest")?;
    let (namespace, name) = (target.namespace(), target.name()?);
    let seconds = match &request["spec"]["expirationSeconds"] {
        Value::Null => USUAL,
        given => given.as_i64().ok_or_else(|| Failure::bad_request("expirationSeconds is no number"))?,
    };
    let wrong = |why: &str| {
        let field = "spec.expirationSeconds";
        let (kind, group) = ("TokenRequest", "authentication.k8s.io");
        Err(Failure::invalid(
            kind,
            group,
            "",
            field,
            "FieldValueInvalid",
            &format!("Invalid value: {seconds}: {why}"),
        ))
    };
    match seconds {
        ..SHORTEST => return wrong("may not specify a duration less than 10 minutes"),
        4_294_967_297.. => return wrong("may not specify a duration larger than 2^32 seconds"),
        _ => {}
    }
    let grant = {
        let store = cluster.store();
        let resource = Resource::core("serviceaccounts");
        let account = store.find(&Key::new(resource, namespace, name));
        let account = account.ok_or_else(|| Failure::not_found(resource, name))?;
        let audiences = list(&request, "/spec/audiences").iter().filter_map(Value::as_str).map(str::to_owned);
        Grant {
            namespace: namespace.to_owned(),
            account: name.to_owned(),
            account_uid: object::uid(account).to_owned(),
            audiences: audiences.collect(),
            seconds,
            bound: bound(&request, namespace, name, &store)?,
        }
    };
    let token = cluster.tokens.mint(&grant, cluster.clock.now(), &cluster.access);
    request["metadata"] =
        json!({"name": name, "namespace": namespace, "creationTimestamp": timestamp(token.issued)});
    if grant.audiences.is_empty() {
        request["spec"]["audiences"] = json!([IN_CLUSTER_ISSUER]);
    }
    request["spec"]["expirationSeconds"] = token.expires.duration_since(token.issued).as_secs().into();
    request["status"] = json!({"token": token.jwt, "expirationTimestamp": timestamp(token.expires)});
    let ceiling = cluster.tokens.ceiling();
    let warning = format!(
        "requested expiration of {seconds} seconds shortened to {ceiling} seconds to match the server's limit"
    );
    Ok(Answer { warning: (seconds > ceiling).then_some(warning), ..Answer::created(request) })
}

/// What `boundObjectRef` names, and for a pod the node that it runs on.
fn bound(
    request: &Value,
    namespace: &str,
    account: &str,
    store: &Store,
) -> Result<Vec<(&'static str, String, String)>, Failure> {
    let reference = &request["spec"]["boundObjectRef"];
    if reference.is_null() {
        return Ok(Vec::new());
    }
    let (kind, claim, plural) = match (text(reference, "/apiVersion"), text(reference, "/kind")) {
        ("v1" | "", "Pod") => ("Pod", "pod", "pods"),
        ("v1" | "", "Secret") => ("Secret", "secret", "secrets"),
        ("v1" | "", "Node") => ("Node", "node", "nodes"),
        (version, kind) => {
            let message = format!(
                "cannot bind token for serviceaccount {account:?} to object of type {version}, Kind={kind}"
            );
            return Err(Failure::bad_request(message));
        }
    };
    let (resource, name) = (Resource::core(plural), text(reference, "/name"));
    let found = store.find(&Key::new(resource, namespace, name));
    let found = found.ok_or_else(|| Failure::not_found(resource, name))?;
    let uid = object::uid(found);
    let wanted = text(reference, "/uid");
    if !wanted.is_empty() && wanted != uid {
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
        );
        return Err(Failure::conflict(resource, name, &why));
    }
    if kind == "Pod" && text(found, "/spec/serviceAccountName") != account {
        let message = format!(
            "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
        );
        return Err(Failure::bad_request(message));
    }
    let mut bound = vec![(claim, name.to_owned(), uid.to_owned())];
    let node = text(found, "/spec/nodeName");
    if let Some(found) = store.core("nodes", "", node).filter(|_| kind == "Pod") {
        bound.push(("node", node.to_owned(), object::uid(found).to_owned()));
    }
    Ok(bound)
}

fn timestamp(time: Timestamp) -> String {
    time.strftime("%FT%TZ").to_string()
}
