//! ConfigMaps that containers take variables from.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::Api;

use super::reason::why_not;
use super::shared::Shared;
use crate::facts::{ContainerFacts, EnvSource, PodFacts, Seen};

/// A ConfigMap, as far as it sets variables.
#[derive(Clone, Debug)]
struct Map {
    data: BTreeMap<String, String>,
    /// When it was last written, Unix time in seconds.
    written_at: Option<i64>,
}

/// Those that were asked for in one look.
#[derive(Debug, Default)]
pub struct ConfigMaps(Shared<Seen<Option<Map>>>);

impl ConfigMaps {
    /// Takes what ConfigMaps set for what the containers of a pod set. `began`: when the pod took them, Unix time in seconds;
    /// nothing of a template. `is_injected`: see [`PodFacts::take`].
    pub async fn settle(
        &self,
        client: &Client,
        namespace: &str,
        pod: &mut PodFacts,
        began: Option<i64>,
        is_injected: bool,
    ) {
        let sources = pod.containers.iter().flat_map(ContainerFacts::unknown_sources);
        let mut names: Vec<String> = sources.filter_map(EnvSource::config_map).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        let mut found = BTreeMap::new();
        for name in names {
            let map = self.0.of(&format!("{namespace}/{name}"), ask(client, namespace, &name)).await;
            found.insert(name, map);
        }
        pod.take(is_injected, |source| {
            let map = source.config_map().and_then(|name| found.get(name)).ok_or(None)?;
            match map.as_result() {
                Err(why) => Err(Some(why.to_owned())),
                Ok(None) => Ok(None),
                Ok(Some(map)) if began.is_some_and(|began| map.written_at.is_some_and(|at| at > began)) => {
                    Err(Some(format!("{source} was written since the pod began")))
                }
                Ok(Some(map)) => Ok(Some(map.data.clone())),
            }
        });
    }
}

async fn ask(client: &Client, namespace: &str, name: &str) -> Seen<Option<Map>> {
    match Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await {
        Ok(found) => {
            let map = found.map(|map| {
                let writes = map.metadata.managed_fields.into_iter().flatten().filter_map(|entry| entry.time);
                let written_at = writes.chain(map.metadata.creation_timestamp).map(|time| time.0.as_second());
                Map { written_at: written_at.max(), data: map.data.unwrap_or_default() }
            });
            Seen::known(map, format!("ConfigMap {namespace}/{name}"))
        }
        Err(error) => Seen::unknown(why_not(&error, &format!("get configmaps/{name} in {namespace}"))),
    }
}
