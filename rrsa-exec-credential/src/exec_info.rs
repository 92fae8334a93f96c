//! What kubectl says to an exec plugin, `KUBERNETES_EXEC_INFO`: the version to answer in, and which cluster. A kubeconfig names a
//! cluster and its region with it and nothing else: neither an address, nor a command, nor a source.

use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use rrsa_shared::sts::is_region;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, exit};

const GROUP: &str = "client.authentication.k8s.io/";
/// The version without anybody's word: the one that is here to stay.
const LATEST: &str = "client.authentication.k8s.io/v1";

/// What matters of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecInfo {
    /// `apiVersion` to answer with.
    pub(crate) api_version: String,
    /// Cluster id of the cluster's extension.
    pub(crate) cluster_id: Option<String>,
    /// Region id of the cluster's extension; anything that can be none is passed over.
    pub(crate) region: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    api_version: String,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    cluster: Option<Cluster>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cluster {
    /// Whatever somebody wrote there; another program's is nothing to us.
    config: Value,
}

impl ExecInfo {
    /// Reads the environment.
    ///
    /// # Errors
    /// A text that is no ExecCredential, or of a version that nobody can answer in.
    pub(crate) fn read(env: &Env) -> Result<Self, Error> {
        let broken =
            |why: String| Error::new(exit::USAGE, format!("{}: {why}", env_vars::KUBERNETES_EXEC_INFO));
        let none = |why: &str| {
            broken(format!("no ExecCredential ({why})"))
                .hint("kubectl sets it; by hand it is best left unset")
        };
        if env.is_garbled(env_vars::KUBERNETES_EXEC_INFO) {
            return Err(none("it is not text"));
        }
        let Some(text) = env.var(env_vars::KUBERNETES_EXEC_INFO) else {
            return Ok(Self { api_version: LATEST.to_owned(), cluster_id: None, region: None });
        };
        let object: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| none(&error.to_string()))?;
        if let Some(kind) = object.get("kind").filter(|kind| **kind != "ExecCredential") {
            return Err(none(&format!("its kind is {kind}")));
        }
        let info: Info =
            serde_json::from_value(Value::Object(object)).map_err(|error| none(&error.to_string()))?;
        match info.api_version.strip_prefix(GROUP) {
            Some("v1" | "v1beta1") => {}
            _ => {
                return Err(broken(format!("apiVersion {:?} is not one that is known", info.api_version))
                    .hint(format!("write apiVersion: {LATEST} in the kubeconfig")));
            }
        }
        let config = info.spec.cluster.as_ref().map(|cluster| &cluster.config);
        let region =
            config.and_then(|config| ["regionId", "region"].iter().find_map(|key| config[*key].as_str()));
        let region = region.filter(|region| is_region(region)).map(str::to_owned);
        let cluster_id = match config.map(|config| &config["clusterId"]) {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(other) => Some(other.to_string()),
        };
        Ok(Self { api_version: info.api_version, cluster_id, region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExecInfo, Error> {
        ExecInfo::read(&Env::fake([(env_vars::KUBERNETES_EXEC_INFO, text)]))
    }

    #[test]
    fn the_version_that_was_asked_is_answered_and_any_other_refused() {
        let v = |v: &str| {
            format!(
                r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/{v}","spec":{{"interactive":false}}}}"#
            )
        };
        assert_eq!(read(&v("v1beta1")).unwrap().api_version, "client.authentication.k8s.io/v1beta1");
        assert_eq!(ExecInfo::read(&Env::fake::<&str, &str>([])).unwrap().api_version, LATEST);
        assert!(read(&v("v1alpha1")).unwrap_err().message.contains("v1alpha1"));
        for wrong in ["[]", r#"["client.authentication.k8s.io/v1beta1",{}]"#, &v("v1").replace("ExecC", "C")]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_the_clusters_extension_only_id_and_region_are_read() {
        let text = r#"{"apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://x",
            "config":{"clusterId":"c1","region":"cn-x","stsEndpoint":"https://evil","command":["x"]}}}}"#;
        let read_from = |text: &str| {
            let info = read(text).unwrap();
            (info.cluster_id, info.region)
        };
        assert_eq!(read_from(text), (Some("c1".to_owned()), Some("cn-x".to_owned())));
        assert_eq!(read_from(&text.replace("cn-x", "evil.example.com/")).1, None);
    }
}
