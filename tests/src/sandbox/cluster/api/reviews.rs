//! Questions that users ask about themselves.

use serde_json::{Value, json};

use super::body;
use super::call::Call;
use super::server::Answer;
use crate::sandbox::cluster::Cluster;
use crate::sandbox::cluster::access::{Deed, User};
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object::text;

/// SelfSubjectAccessReview: may I?
pub(super) fn access(cluster: &Cluster, user: &User, call: &Call, body: &[u8]) -> Result<Answer, Failure> {
    let mut review = body::of_kind(call, body, "authorization.k8s.io/v1", "SelfSubjectAccessReview")?;
    let spec = &review["spec"];
    let allowed = match (spec.get("resourceAttributes"), spec.get("nonResourceAttributes")) {
        (Some(wanted), None) => {
            let resource = match text(wanted, "/subresource") {
                "" => text(wanted, "/resource").to_owned(),
                subresource => format!("{}/{subresource}", text(wanted, "/resource")),
            };
            cluster.access.allows(
                user,
                &Deed::Resource {
                    verb: text(wanted, "/verb"),
                    group: text(wanted, "/group"),
                    resource: &resource,
                    namespace: text(wanted, "/namespace"),
                    name: text(wanted, "/name"),
                },
            )
        }
        (None, Some(wanted)) => {
            let (verb, path) = (text(wanted, "/verb"), text(wanted, "/path"));
            cluster.access.allows(user, &Deed::Path { verb, path })
        }
        _ => {
            let why =
                "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let kind = "SelfSubjectAccessReview";
            let field = "spec.resourceAttributes";
            return Err(Failure::invalid(kind, "authorization.k8s.io", "", field, "FieldValueInvalid", why));
        }
    };
    review["status"] = if allowed {
        json!({"allowed": true, "reason": "the sandbox's rules allow it"})
    } else {
        json!({"allowed": false})
    };
    Ok(created(review))
}

/// SelfSubjectReview: who am I?
pub(super) fn identity(_: &Cluster, user: &User, call: &Call, body: &[u8]) -> Result<Answer, Failure> {
    let mut review = body::of_kind(call, body, "authentication.k8s.io/v1", "SelfSubjectReview")?;
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.clone().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    review["status"] = json!({"userInfo": info});
    Ok(created(review))
}

/// A review as it is answered: nothing is kept, so it has no name.
fn created(mut review: Value) -> Answer {
    review["metadata"] = json!({"creationTimestamp": null});
    Answer::created(review)
}
