//! Which credential an SDK's default chain picks in a container, before anything fails. (Default chains of the official
//! SDKs and of the Alibaba Cloud CLI.)

use rrsa_shared::env_vars::{self, STATIC_KEY_ALIASES};

use serde::Serialize;

use crate::facts::{ContainerFacts, ContainerKind, EnvFact, PodFacts, RRSA_ENV};

/// A client with a default chain of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Client {
    /// The official SDKs for Go, Node.js and Python, whose chains are alike.
    Sdk,
    /// The official SDK for Java, which asks the JVM first.
    Java,
    /// The command line interface, and tools that read the same aliases.
    Cli,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sdk, Self::Java, Self::Cli];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sdk => "Go, Node.js, Python",
            Self::Java => "Java",
            Self::Cli => "aliyun CLI",
        }
    }
}

/// What a chain picks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Choice {
    /// An access key in this variable.
    StaticKey(&'static str),
    /// RRSA: the role, and the STS host that is asked.
    Rrsa {
        /// ARN of the role, where it is known.
        role: Option<String>,
        /// Host of STS.
        host: String,
    },
    /// Whatever the node is, through the metadata service.
    NodeRole,
    /// A credentials file in this folder or of this name, if there is any.
    File(String),
    /// Whoever answers at the address that a variable names.
    Address,
    /// Nothing.
    Nothing,
    /// It cannot be told: why.
    Unknown(String),
}

/// The identity that one client has in one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effective {
    /// Name of the container.
    pub container: String,
    /// The client.
    pub client: Client,
    /// What its default chain picks.
    pub acts_as: Choice,
    /// Whether the node's role takes its place when that fails, in silence.
    pub falls_to_node: bool,
}

/// The identity of each client in each container of a pod but those added to look around. What RRSA has not reached asks as
/// somebody else.
#[must_use]
pub fn effective(pod: &PodFacts) -> Vec<Effective> {
    let each = |container| {
        Client::ALL.map(|client| {
            let acts_as = choice(client, container);
            let proper = matches!(acts_as, Choice::Rrsa { .. });
            let container_name = container.name.clone();
            let falls_to_node = proper && falls_to_node(container);
            Effective { container: container_name, client, acts_as, falls_to_node }
        })
    };
    let own = pod.containers.iter().filter(|container| container.kind != ContainerKind::Ephemeral);
    own.flat_map(each).collect()
}

/// What `client` picks in a container.
#[must_use]
pub fn choice(client: Client, container: &ContainerFacts) -> Choice {
    let set =
        |name: &str| container.is_set(name) || RRSA_ENV.contains(&name) && container.env.contains_key(name);
    if let (Client::Java, Some(place)) = (client, container.java_key) {
        return Choice::StaticKey(place);
    }
    if client == Client::Java && container.source_of(env_vars::JAVA_OPTIONS).is_some() {
        return Choice::Unknown("JAVA_TOOL_OPTIONS may name properties that go before all else".to_owned());
    }
    let says = |name: &str| container.value(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mounted = |name: &str| {
        let is_in = |path: &str| path.ends_with(name) || path.contains(&format!("{name}/"));
        let mount = container.mounts.iter().find(|mount| is_in(mount.path.trim_end_matches('/')));
        mount.map(|mount| mount.path.clone())
    };
    if let (Client::Cli, Some(path)) = (client, mounted(".aliyun").filter(|_| !ignores_profiles(container))) {
        return Choice::Unknown(format!("a profile in {path} goes first, where there is one"));
    }
    let aliases = if client == Client::Cli { STATIC_KEY_ALIASES } else { &STATIC_KEY_ALIASES[..1] };
    // An id without its secret is passed over.
    if let Some(name) = aliases.iter().find(|name| set(name) && set(&env_vars::secret_of(name))) {
        return Choice::StaticKey(name);
    }
    if let Some((name, source)) = aliases.iter().find_map(|name| Some((name, container.source_of(name)?))) {
        return Choice::Unknown(format!("{source} may set {name}"));
    }
    if !container.env_from.is_empty() {
        return Choice::Unknown(format!("{} may set variables", container.unread()));
    }
    if RRSA_ENV.iter().all(|name| set(name)) {
        let role = container.value(env_vars::ROLE_ARN).map(str::to_owned);
        return Choice::Rrsa { role, host: sts_host(client, container) };
    }
    // The CLI's configuration and the SDKs' own file are the next of their chains.
    if client != Client::Cli {
        let named = |name: &str| set(name).then(|| format!("the file that {name} names"));
        let of_cli = || mounted(".aliyun").filter(|_| !says(env_vars::CLI_PROFILE_DISABLED));
        let file =
            of_cli().or_else(|| named(env_vars::CREDENTIALS_FILE)).or_else(|| mounted(".alibabacloud"));
        if let Some(file) = file {
            return Choice::File(file);
        }
        if client == Client::Sdk && set(env_vars::CLI_CONFIG_FILE) && !says(env_vars::CLI_PROFILE_DISABLED) {
            return Choice::Unknown(format!(
                "the SDK for Go reads the file that {} names, and others do not",
                env_vars::CLI_CONFIG_FILE
            ));
        }
    }
    match says(env_vars::ECS_METADATA_DISABLED) {
        false => Choice::NodeRole,
        // The last of the SDKs' chains.
        true if client != Client::Cli && set(env_vars::CREDENTIALS_URI) => Choice::Address,
        true => Choice::Nothing,
    }
}

/// Whether the CLI passes over its profiles there.
#[must_use]
pub fn ignores_profiles(container: &ContainerFacts) -> bool {
    container.value(env_vars::IGNORE_PROFILE).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Whether the node's role is what remains when RRSA fails.
#[must_use]
pub fn falls_to_node(container: &ContainerFacts) -> bool {
    !container.value(env_vars::ECS_METADATA_DISABLED).is_some_and(|v| v.eq_ignore_ascii_case("true"))
}

/// The STS host that a client asks: the SDKs know region and VPC flag only.
fn sts_host(client: Client, container: &ContainerFacts) -> String {
    let decide: &[&str] = match client {
        Client::Cli => &[env_vars::STS_ENDPOINT, env_vars::STS_REGION, env_vars::VPC_ENDPOINT_ENABLED],
        _ => &[env_vars::STS_REGION, env_vars::VPC_ENDPOINT_ENABLED],
    };
    for name in decide {
        if let Some(source) = container.source_of(name) {
            return format!("a host of STS that {source} decides ({name})");
        }
    }
    let host = |name: &str| match container.env.get(name) {
        Some(EnvFact::Value(value)) if !value.is_empty() => Some(value.clone()),
        _ => None,
    };
    if let (Client::Cli, Some(named)) = (client, host(env_vars::STS_ENDPOINT)) {
        return named;
    }
    let vpc = host(env_vars::VPC_ENDPOINT_ENABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match (host(env_vars::STS_REGION), vpc) {
        (Some(region), true) => format!("sts-vpc.{region}.aliyuncs.com"),
        (Some(region), false) => format!("sts.{region}.aliyuncs.com"),
        (None, _) => "sts.aliyuncs.com".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::EnvSource;

    fn container(env: &[(&str, &str)]) -> ContainerFacts {
        let value = |value: &str| EnvFact::Value(value.to_owned());
        let env = env.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        ContainerFacts { env, ..ContainerFacts::default() }
    }

    const WIRED: [(&str, &str); 3] = [
        ("ALIBABA_CLOUD_ROLE_ARN", "r"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "f"),
    ];

    #[test]
    fn the_first_of_the_chain_is_picked() {
        let picked = |client, more: &[(&str, &str)]| choice(client, &container(&[&WIRED, more].concat()));
        let rrsa = |host: &str| Choice::Rrsa { role: Some("r".to_owned()), host: host.to_owned() };
        assert_eq!(picked(Client::Sdk, &[]), rrsa("sts.aliyuncs.com"));
        let vpc = [("ALIBABA_CLOUD_STS_REGION", "cn-x"), ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true")];
        assert_eq!(picked(Client::Sdk, &vpc), rrsa("sts-vpc.cn-x.aliyuncs.com"));
        let named = [("ALIBABA_CLOUD_STS_ENDPOINT", "sts.named")];
        assert_eq!(picked(Client::Sdk, &named), rrsa("sts.aliyuncs.com"));
        assert_eq!(picked(Client::Cli, &named), rrsa("sts.named"));
        let alias = [("ALICLOUD_ACCESS_KEY", "x"), ("ALICLOUD_SECRET_KEY", "x")];
        assert_eq!(picked(Client::Cli, &alias), Choice::StaticKey("ALICLOUD_ACCESS_KEY"));
        assert_eq!(picked(Client::Sdk, &alias), rrsa("sts.aliyuncs.com"));
        assert_eq!(picked(Client::Java, &[(env_vars::JAVA_OPTIONS, "-Xmx1g")]), rrsa("sts.aliyuncs.com"));
        let mut elsewhere = container(&WIRED);
        elsewhere.env.insert(env_vars::JAVA_OPTIONS.to_owned(), EnvFact::From(EnvSource::default()));
        assert!(matches!(choice(Client::Java, &elsewhere), Choice::Unknown(_)));
    }

    #[test]
    fn an_incomplete_set_falls_to_the_node_unless_that_is_forbidden() {
        assert_eq!(choice(Client::Sdk, &container(&WIRED[..2])), Choice::NodeRole);
        let forbidden = [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
        assert_eq!(choice(Client::Sdk, &container(&forbidden)), Choice::Nothing);
        assert!(!falls_to_node(&container(&forbidden)));
        let address = [forbidden[0], ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://x")];
        assert_eq!(choice(Client::Sdk, &container(&address)), Choice::Address);
        assert_eq!(choice(Client::Cli, &container(&address)), Choice::Nothing);
    }

    #[test]
    fn files_have_their_place_in_each_chain() {
        let with = |path: &str, env: &[(&str, &str)]| {
            let mounts = vec![crate::facts::MountFacts { path: path.to_owned(), ..Default::default() }];
            ContainerFacts { mounts, ..container(env) }
        };
        let file = |path: &str| Choice::File(path.to_owned());
        let of_cli = with("/root/.aliyun", &[]);
        assert_eq!(choice(Client::Sdk, &of_cli), file("/root/.aliyun"));
        assert!(matches!(choice(Client::Cli, &of_cli), Choice::Unknown(_)));
        let off = with("/root/.aliyun", &[("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")]);
        assert_eq!(choice(Client::Sdk, &off), Choice::NodeRole);
        let ignoring =
            with("/root/.aliyun", &[&WIRED[..], &[("ALIBABA_CLOUD_IGNORE_PROFILE", "TRUE")]].concat());
        assert!(matches!(choice(Client::Cli, &ignoring), Choice::Rrsa { .. }));
        let of_sdks = with("/root/.alibabacloud", &[]);
        assert_eq!(choice(Client::Java, &of_sdks), file("/root/.alibabacloud"));
        assert_eq!(choice(Client::Cli, &of_sdks), Choice::NodeRole);
        let named = container(&[("ALIBABA_CLOUD_CREDENTIALS_FILE", "/etc/x")]);
        assert_eq!(choice(Client::Sdk, &named), file("the file that ALIBABA_CLOUD_CREDENTIALS_FILE names"));
        let for_go = container(&[("ALIBABA_CLOUD_CONFIG_FILE", "/etc/x")]);
        assert!(matches!(choice(Client::Sdk, &for_go), Choice::Unknown(_)));
        assert_eq!(choice(Client::Java, &for_go), Choice::NodeRole);
    }
}
