//! A pod: what its containers see of RRSA.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use rrsa_shared::env_vars;
use serde::Serialize;

use super::ClusterFacts;
use super::env_from::EnvSource;
use super::{INJECTION_LABEL, Seen};

/// The parts of a Pod that RRSA reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodFacts {
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Option<String>,
    /// `spec.serviceAccountName`, `default` when empty.
    pub service_account: String,
    /// `status.phase`.
    pub phase: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether there is no such pod yet: it is what a workload would make, or what a file holds.
    pub is_template: bool,
    /// What makes a new pod in its place, such as `deployment/demo` or `job/nightly-1`; `None` for a pod nobody owns.
    pub owner: Option<String>,
    /// Whether it is being deleted.
    pub is_leaving: bool,
    /// How many more the same owner has made that are like it, where all of them were looked at.
    pub alike: usize,
    /// Projected ServiceAccount tokens of all volumes.
    pub projections: Vec<TokenProjection>,
    /// `metadata.creationTimestamp`, Unix seconds.
    pub created_at: Option<i64>,
    /// Whether the kubelet made it from a file of its own (a static pod).
    pub is_static: bool,
    /// Operating system it is for, where the spec says: `linux`, `windows`.
    pub os: Option<String>,
    /// `securityContext.fsGroup`.
    pub fs_group: Option<i64>,
    /// `automountServiceAccountToken` of its spec.
    pub automount: Option<bool>,
    /// Volumes that hold something of interest besides projected tokens.
    pub volumes: Vec<VolumeFacts>,
    /// Containers in the order of the spec, init containers first.
    pub containers: Vec<ContainerFacts>,
}

/// One `serviceAccountToken` source of a projected volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenProjection {
    /// Name of the volume.
    pub volume: String,
    /// `audience`; `None` gives a token for the API server.
    pub audience: Option<String>,
    /// `expirationSeconds`; 3600 when left out.
    pub expiration_seconds: Option<i64>,
    /// `path` below the mount.
    pub path: String,
    /// `defaultMode` of the volume, 0644 when left out.
    pub mode: Option<i32>,
}

/// A volume, as far as RRSA cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeFacts {
    /// Name.
    pub name: String,
    /// Where its contents come from.
    pub kind: VolumeKind,
}

/// Where the contents of a volume come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum VolumeKind {
    /// A Secret of that name.
    Secret(String),
    /// A ConfigMap of that name.
    ConfigMap(String),
    /// Empty at first; containers fill it.
    EmptyDir,
    /// A folder of the node.
    HostPath,
}

/// What a workload does with its pods when its template has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Rollout {
    /// Replaces them.
    #[default]
    Replaces,
    /// Nothing, until it is resumed.
    Paused,
    /// Keeps some of them at least until somebody deletes them: `OnDelete`, or a partition.
    Keeps,
    /// It may not be looked at.
    Unseen,
}

impl Rollout {
    /// Of what was asked for.
    #[must_use]
    pub fn of(owner: &Seen<OwnerFacts>) -> Self {
        match owner.as_result() {
            Ok(facts) => facts.rollout,
            Err(why) if super::is_forbidden(why) => Self::Unseen,
            Err(_) => Self::default(),
        }
    }
}

/// What makes a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerFacts {
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
    /// What it does with its pods when its template has changed.
    pub rollout: Rollout,
    /// The pod it makes, before any webhook has seen it.
    pub template: PodFacts,
}

/// The kind of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ContainerKind {
    /// Of `initContainers`.
    Init,
    /// Of `containers`.
    #[default]
    App,
    /// Of `ephemeralContainers`.
    Ephemeral,
}

/// The parts of a container that RRSA reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerFacts {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: ContainerKind,
    /// Image.
    pub image: Option<String>,
    /// User id it runs as, the pod's own when the container names none.
    pub run_as_user: Option<i64>,
    /// Environment: the variables of [`SHOWN_ENV`](super::SHOWN_ENV) with their values, every other variable by name only.
    pub env: BTreeMap<String, EnvFact>,
    /// Those of the variables that are looked at that are set to nothing: no SDK takes them for set, the webhook does not set them,
    /// and no source does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_emptied: Vec<String>,
    /// `envFrom` sources, such as `secret/app`, of which it is not known what they set.
    pub env_from: Vec<EnvSource>,
    /// All that it takes from elsewhere, known by now or not, in words that tell one from another.
    #[serde(skip)]
    pub sources: Vec<String>,
    /// Volume mounts.
    pub mounts: Vec<MountFacts>,
    /// Where a property of the Java machine names an access key: `JAVA_TOOL_OPTIONS`, or `its command`.
    pub java_key: Option<&'static str>,
    /// Codes of STS in what the container said when it last ended; of its words nothing else is kept.
    pub last_codes: Vec<String>,
    /// The refusal of a service in the same words.
    pub last_denial: Option<Denial>,
}

/// A refusal of a service to a caller whose identity it took: the code, and what `AccessDeniedDetail` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Denial {
    /// Such as `Forbidden.RAM`.
    pub code: String,
    /// `AuthAction`, such as `oss:GetObject`.
    pub action: Option<String>,
    /// `NoPermissionType`: `ImplicitDeny` where no policy allows it, `ExplicitDeny` where one denies it.
    pub kind: Option<String>,
    /// `PolicyType`: the kind of policy that decided.
    pub policy_type: Option<String>,
}

/// What is known of one variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EnvFact {
    /// One of [`SHOWN_ENV`](super::SHOWN_ENV) with a literal value, or one of RRSA's with the value read in the running container.
    Value(String),
    /// Another variable; its value is nobody's business.
    Set,
    /// Comes from elsewhere, and is not known.
    From(EnvSource),
}

/// One volume mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountFacts {
    /// Name of the volume.
    pub volume: String,
    /// `mountPath`.
    pub path: String,
    /// `subPath` or `subPathExpr`; a file mounted so is never refreshed.
    pub sub_path: Option<String>,
}

/// What names of volumes begin with that admission adds for the API server's token.
const API_ACCESS: &str = "kube-api-access-";

impl PodFacts {
    /// What it is like, apart from which pod it is and when. Labels that other people's selectors may ask for stay as long
    /// as RRSA has not reached it.
    #[must_use]
    pub fn likeness(mut self) -> Self {
        let ours = |key: &String, _: &mut String| key.contains(super::OURS);
        if self.is_wired() {
            self.labels.retain(ours);
        } else {
            let own = ["pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name"];
            self.labels.retain(|key, _| !own.contains(&key.as_str()) && !key.contains("controller-uid"));
        }
        self.annotations.retain(ours);
        // Every pod has its token for the API server in a volume of its own name.
        let common = |name: &mut String| {
            if name.starts_with(API_ACCESS) {
                *name = format!("{API_ACCESS}…");
            }
        };
        self.projections.iter_mut().for_each(|projection| common(&mut projection.volume));
        let mounts = self.containers.iter_mut().flat_map(|container| &mut container.mounts);
        mounts.for_each(|mount| common(&mut mount.volume));
        Self { name: String::new(), uid: None, owner: None, phase: None, created_at: None, ..self }
    }

    /// What of it decides whether RRSA works: two pods with the same wiring are as good as each other.
    #[must_use]
    pub fn wiring(&self) -> Self {
        let mut wiring = self.clone().likeness();
        wiring.labels.clear();
        for container in &mut wiring.containers {
            let telling = |name: &String, _: &mut EnvFact| {
                super::SHOWN_ENV.contains(&name.as_str())
                    || env_vars::STATIC_KEY_ALIASES.contains(&name.as_str())
            };
            container.env.retain(telling);
            container.image = None;
            container.last_codes.clear();
            container.last_denial = None;
        }
        wiring.containers.retain(|container| container.kind != ContainerKind::Ephemeral);
        wiring
    }

    /// Whether it was made from another template than this one: it runs as another ServiceAccount, lacks a container, or has other
    /// variables of RRSA, a key, sources of variables, or a token of a volume that the template does not say. `replaces`: whether the webhook replaces variables
    /// that the template sets.
    #[must_use]
    pub fn is_of_before(&self, template: &Self, replaces: bool) -> bool {
        let replaces = replaces || template.annotations.contains_key(super::OVERRIDE_ENV);
        // What the webhook has replaced comes from nowhere else any more.
        let lasting = |source: &&String| {
            !(replaces
                && source.split_once('=').is_some_and(|(name, _)| super::overriding::is_of_webhook(name)))
        };
        let sources = |of: &ContainerFacts| of.sources.iter().filter(lasting).cloned().collect::<Vec<_>>();
        let other = |container: &ContainerFacts| {
            let same = self.containers.iter().find(|one| one.name == container.name);
            let differs = |name: &&str| {
                let (now, then) = (container.value(name), same.and_then(|one| one.value(name)));
                now.is_some() && now != then
            };
            let own = !replaces && RRSA_ENV.iter().any(differs);
            // A container that the template has got since is in no pod of before; others may have been added by webhooks.
            let Some(same) = same else { return own || !self.containers.is_empty() };
            let key = |name: &&str| container.is_set(name) != same.is_set(name);
            own || env_vars::STATIC_KEY_ALIASES.iter().any(key) || sources(container) != sources(same)
        };
        let other_token = |then: &TokenProjection| {
            let mut now = template.projections.iter().filter(|now| now.volume == then.volume).peekable();
            now.peek().is_some() && now.all(|now| (&now.audience, &now.path) != (&then.audience, &then.path))
        };
        // What leaves RRSA out now did not then.
        let left_out =
            |container: &ContainerFacts| template.skips(&container.name) && !self.skips(&container.name);
        let label = template.injection();
        self.service_account != template.service_account
            || template.app_containers().any(left_out)
            || label != self.injection() && label.is_some_and(|label| label != "on")
            || template.containers.iter().any(other)
            || self.projections.iter().any(other_token)
    }

    /// Whether it names the OIDC provider of this cluster, or none, as far as is known.
    #[must_use]
    pub fn is_of(&self, cluster: &ClusterFacts) -> bool {
        let Some(own) = cluster.provider_arn.value() else { return true };
        let mut named = self.acting_containers().filter_map(|c| c.value(env_vars::OIDC_PROVIDER_ARN));
        named.all(|arn| arn == own)
    }

    /// The role that one of its containers names.
    #[must_use]
    pub fn role_arn(&self) -> Option<&str> {
        let mut named = self.acting_containers().filter_map(|container| container.value(env_vars::ROLE_ARN));
        named.find(|arn| rrsa_shared::arn::RoleArn::parse(arn).is_ok())
    }

    /// Where a finding about it is: the pod, or the template of what would make it.
    #[must_use]
    pub fn place(&self, namespace: &str) -> String {
        match &self.owner {
            Some(owner) if self.is_template => format!("pod template of {owner} in namespace {namespace}"),
            _ => format!("pod {namespace}/{}", self.name),
        }
    }

    /// Whether its containers run, as far as is known.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !matches!(self.phase.as_deref(), Some("Pending" | "Succeeded" | "Failed"))
    }

    /// Whether it has ended, or is about to.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_leaving || matches!(self.phase.as_deref(), Some("Succeeded" | "Failed"))
    }

    /// Whether its annotations keep the webhook from every container that the application runs in; who names an init container
    /// means that one.
    #[must_use]
    pub fn skips_all(&self) -> bool {
        let is_meant = |c: &ContainerFacts| c.kind == ContainerKind::Init && !self.skips(&c.name);
        let skips = |c: &ContainerFacts| self.skips(&c.name);
        self.app_containers().next().is_some()
            && self.app_containers().all(skips)
            && !self.containers.iter().any(is_meant)
    }

    /// The value of the injection label.
    #[must_use]
    pub fn injection(&self) -> Option<&str> {
        self.labels.get(INJECTION_LABEL).map(String::as_str)
    }

    /// The projection that carries RRSA's token: the one that the token file variable of some container points to, else
    /// the one of the webhook's volume, else the one for STS's audience; of several in a volume the one for STS.
    #[must_use]
    pub fn rrsa_projection(&self) -> Option<&TokenProjection> {
        let pointed_at = self.app_containers().find_map(|container| self.pointed_at(container));
        pointed_at.or_else(|| self.unnamed_projection())
    }

    /// The projection that carries RRSA's token for one container.
    #[must_use]
    pub fn projection_of(&self, container: &ContainerFacts) -> Option<&TokenProjection> {
        self.pointed_at(container).or_else(|| self.unnamed_projection())
    }

    fn pointed_at(&self, container: &ContainerFacts) -> Option<&TokenProjection> {
        let file = container.value(env_vars::OIDC_TOKEN_FILE)?;
        self.projections.iter().find(|projection| container.has_token_at(projection, file))
    }

    /// The token for STS that no variable need name: the webhook's, or one for its audience.
    #[must_use]
    pub fn unnamed_projection(&self) -> Option<&TokenProjection> {
        let ours = |p: &&TokenProjection| p.volume == super::WEBHOOK_VOLUME;
        let for_sts = |p: &&TokenProjection| p.audience.as_deref() == Some(super::AUDIENCE);
        let all = || self.projections.iter();
        all().find(|p| ours(p) && for_sts(p)).or_else(|| all().find(ours)).or_else(|| all().find(for_sts))
    }

    /// The containers in which something may ask for credentials: all but those added to look around, and init containers
    /// only where RRSA has reached them.
    pub fn acting_containers(&self) -> impl Iterator<Item = &ContainerFacts> {
        self.containers.iter().filter(|container| match container.kind {
            ContainerKind::App => true,
            ContainerKind::Init => container.has_rrsa_env(),
            ContainerKind::Ephemeral => false,
        })
    }

    /// The containers the application runs in.
    pub fn app_containers(&self) -> impl Iterator<Item = &ContainerFacts> {
        self.containers.iter().filter(|container| container.kind == ContainerKind::App)
    }

    /// The names in a list annotation; `None` without the annotation.
    #[must_use]
    pub fn listed(&self, annotation: &str) -> Option<Vec<&str>> {
        let names = self.annotations.get(annotation)?.split(',').map(str::trim);
        Some(names.filter(|name| !name.is_empty()).collect())
    }

    /// Whether the pod's annotations keep the webhook from a container.
    #[must_use]
    pub fn skips(&self, container: &str) -> bool {
        let skipped = self.listed(super::SKIP_CONTAINERS_ANNOTATION);
        let only = self.listed(super::ONLY_CONTAINERS_ANNOTATION);
        skipped.is_some_and(|names| names.contains(&container))
            || only.is_some_and(|names| !names.contains(&container))
    }

    /// Whether anything of RRSA stands in the pod.
    #[must_use]
    pub fn names_rrsa(&self) -> bool {
        self.is_wired() || self.containers.iter().any(ContainerFacts::has_rrsa_env)
    }

    /// Whether RRSA reached the pod: a token for STS, or a container with all three variables. One that sets some of them itself
    /// still waits for the webhook to add the rest.
    #[must_use]
    pub fn is_wired(&self) -> bool {
        let all = |container: &ContainerFacts| RRSA_ENV.iter().all(|name| container.env.contains_key(*name));
        self.containers.iter().any(all)
            || self.projections.iter().any(|p| p.volume == super::WEBHOOK_VOLUME)
            || self.projections.iter().any(|p| p.audience.as_deref() == Some(super::AUDIENCE))
    }
}

/// The three variables that every SDK needs together.
pub const RRSA_ENV: [&str; 3] = [env_vars::ROLE_ARN, env_vars::OIDC_PROVIDER_ARN, env_vars::OIDC_TOKEN_FILE];

impl ContainerFacts {
    /// The value of a variable of RRSA, where it is known.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.env.get(name) {
            Some(EnvFact::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// Whether a variable is set, as far as is known.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.env.get(name).is_some_and(|fact| !matches!(fact, EnvFact::From(_)))
    }

    /// Whether at least one of RRSA's three variables is set.
    #[must_use]
    pub fn has_rrsa_env(&self) -> bool {
        RRSA_ENV.iter().any(|name| self.env.contains_key(*name))
    }

    /// Where the token of `projection` is in this container: once for each mount that holds it.
    pub fn token_paths(&self, projection: &TokenProjection) -> impl Iterator<Item = String> {
        let mounts = self.mounts.iter().filter(|mount| mount.volume == projection.volume);
        mounts.filter_map(|mount| {
            let (inner, sub) = (Path::new(&projection.path), mount.sub_path.as_deref().unwrap_or_default());
            let below = inner.strip_prefix(sub.trim_matches('/')).ok()?;
            // By itself the file lies where the mount is.
            if below.as_os_str().is_empty() {
                return Some(mount.path.clone());
            }
            Some(format!("{}/{}", mount.path.trim_end_matches('/'), below.display()))
        })
    }

    /// Whether the token of `projection` is at `file` in this container. Slashes and dots that change nothing are none.
    #[must_use]
    pub fn has_token_at(&self, projection: &TokenProjection, file: &str) -> bool {
        let file = plain(file);
        self.token_paths(projection).any(|path| plain(&path) == file)
    }
}

/// A path without what changes nothing: doubled slashes, single dots, and folders that are left again.
fn plain(path: &str) -> Vec<Component<'_>> {
    let mut plain = Vec::new();
    for component in Path::new(path).components() {
        match (component, plain.last()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            // The link of the kubelet to what a volume holds now.
            (Component::Normal(name), _) if name == "..data" => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(plain.pop()),
            _ => plain.push(component),
        }
    }
    plain
}
