//! The kubeconfig of the cluster half.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// The cluster's name in the kubeconfig, and the name of the administrator's context.
const NAME: &str = "sandbox";

/// A kubeconfig for the API server at `server`, with a context for each of `users` (name and token): the
/// first one's is current and named `sandbox`, another's is `sandbox-NAME`. JSON, which is YAML too.
pub(super) fn kubeconfig(server: &str, ca_pem: &str, users: &[(String, String)]) -> String {
    let contexts: Vec<_> = users
        .iter()
        .enumerate()
        .map(|(index, (user, _))| {
            let name = if index == 0 { NAME.to_owned() } else { format!("{NAME}-{user}") };
            json!({"name": name, "context": {"cluster": NAME, "user": user, "namespace": "default"}})
        })
        .collect();
    let users: Vec<_> =
        users.iter().map(|(name, token)| json!({"name": name, "user": {"token": token}})).collect();
    let cluster = json!({"server": server, "certificate-authority-data": STANDARD.encode(ca_pem)});
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": users,
        "contexts": contexts,
        "current-context": NAME,
    });
    format!("{document:#}\n")
}

/// The kubeconfig that ACK gives a user: a client certificate and its key, PEM, in YAML.
pub(super) fn user_kubeconfig(
    server: &str,
    ca_pem: &str,
    user: &str,
    (cert, key): &(String, String),
) -> String {
    let [ca, cert, key] = [ca_pem, cert, key].map(|pem| STANDARD.encode(pem));
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    server: {server}
    certificate-authority-data: {ca}
contexts:
- name: {user}
  context:
    cluster: kubernetes
    user: {user:?}
current-context: {user}
preferences: {{}}
users:
- name: {user:?}
  user:
    client-certificate-data: {cert}
    client-key-data: {key}
"
    )
}
