//! The world file as it is written, and how its gaps are filled.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use super::random::alphanumeric;
use super::{
    AccessKey, AttachedPolicy, ClusterWorld, Fault, OidcProvider, Permission, PolicyKind, RRSA_AUDIENCE,
    Role, World, check, issuance_limit_hours, session_seconds, shape,
};

/// Why a world file is no world; the text names the place.
#[derive(Debug, PartialEq, Eq)]
pub struct WorldError(String);

impl WorldError {
    pub(super) fn at(place: impl fmt::Display, trouble: impl fmt::Display) -> Self {
        Self(format!("{place}: {trouble}"))
    }
}

impl fmt::Display for WorldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the world file is not usable: {}", self.0)
    }
}

impl std::error::Error for WorldError {}

/// The fields of a world file; what is absent is decided in [`resolve`].
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WorldFile {
    account_id: Option<String>,
    region: Option<String>,
    cluster_id: Option<String>,
    issuer: Option<String>,
    rrsa_enabled: Option<bool>,
    oidc_providers: Option<Vec<OidcProvider>>,
    roles: Option<Vec<Role>>,
    access_keys: Option<Vec<AccessKeyFile>>,
    permissions: Option<Vec<Permission>>,
    ecs_role: Option<String>,
    ack_issuers: Option<Vec<String>>,
    faults: Vec<Fault>,
    clock_offset_seconds: i64,
    cluster: ClusterWorld,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessKeyFile {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default = "active")]
    active: bool,
}

fn active() -> bool {
    true
}

/// The RAM user of the default access key.
const DEFAULT_USER: &str = "rrsa-admin";

pub(super) fn parse(yaml: &str) -> Result<World, WorldError> {
    // A snippet of the file would show the secrets that stand near the mistake.
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    let unreadable = |error: serde_saphyr::Error| WorldError(error.to_string());
    let shaped: Value = serde_saphyr::from_str_with_options(yaml, options.clone()).map_err(unreadable)?;
    shape::check(&shaped)?;
    let file: Option<WorldFile> = serde_saphyr::from_str_with_options(yaml, options).map_err(unreadable)?;
    resolve(file.unwrap_or_default())
}

/// Fills the gaps: each default is decided here, from what the file says.
pub(super) fn resolve(file: WorldFile) -> Result<World, WorldError> {
    let region = file.region.unwrap_or_else(|| "cn-hangzhou".to_owned());
    let cluster_id = file.cluster_id.unwrap_or_else(|| "c0123456789abcdef0123456789abcdef".to_owned());
    let issuer = file
        .issuer
        .unwrap_or_else(|| format!("https://oidc-ack-{region}.oss-{region}.aliyuncs.com/{cluster_id}"));
    let access_keys = file.access_keys.unwrap_or_else(|| {
        vec![AccessKeyFile { id: None, secret: None, user: Some(DEFAULT_USER.to_owned()), active: true }]
    });
    let mut world = World {
        account_id: file.account_id.unwrap_or_else(|| "1234567890123456".to_owned()),
        region,
        cluster_id,
        issuer,
        rrsa_enabled: file.rrsa_enabled.unwrap_or(true),
        oidc_providers: Vec::new(),
        roles: Vec::new(),
        access_keys: access_keys.into_iter().map(AccessKeyFile::resolve).collect(),
        permissions: file.permissions.unwrap_or_else(default_permissions),
        ecs_role: file.ecs_role,
        ack_issuers: file.ack_issuers,
        faults: file.faults,
        clock_offset_seconds: file.clock_offset_seconds,
        cluster: file.cluster,
    };
    world.oidc_providers = file.oidc_providers.unwrap_or_else(|| vec![cluster_provider(&world)]);
    world.roles = file.roles.unwrap_or_else(|| vec![demo_role(&world)]);
    check::check(&world)?;
    Ok(world)
}

impl AccessKeyFile {
    fn resolve(self) -> AccessKey {
        AccessKey {
            id: self.id.unwrap_or_else(|| format!("LTAI{}", alphanumeric(20))),
            secret: self.secret.unwrap_or_else(|| alphanumeric(30)),
            user: self.user,
            active: self.active,
        }
    }
}

fn cluster_provider(world: &World) -> OidcProvider {
    OidcProvider {
        name: world.cluster_provider_name(),
        issuer: world.issuer.clone(),
        client_ids: vec![RRSA_AUDIENCE.to_owned()],
        issuance_limit_hours: issuance_limit_hours(),
        fingerprints: Vec::new(),
        jwks: super::Jwks::Published,
    }
}

/// The role of the RRSA guide, with the trust policy that the guide gives it.
fn demo_role(world: &World) -> Role {
    let provider = world.provider_arn(&world.cluster_provider_name());
    Role {
        name: "demo-role-for-rrsa".to_owned(),
        trust_policy: json!({
            "Version": "1",
            "Statement": [{
                "Action": "sts:AssumeRole",
                "Effect": "Allow",
                "Principal": {"Federated": [provider]},
                "Condition": {"StringEquals": {
                    "oidc:aud": [RRSA_AUDIENCE],
                    "oidc:iss": [world.issuer],
                    "oidc:sub": ["system:serviceaccount:rrsa-demo:demo-sa"],
                }},
            }],
        }),
        max_session_duration: session_seconds(),
        policies: vec![AttachedPolicy {
            name: "AliyunCSReadOnlyAccess".to_owned(),
            kind: PolicyKind::System,
        }],
        description: String::new(),
    }
}

fn default_permissions() -> Vec<Permission> {
    let actions = ["sts:AssumeRole", "ram:Get*", "ram:List*", "cs:Describe*"];
    vec![Permission {
        who: format!("user/{DEFAULT_USER}"),
        actions: actions.map(str::to_owned).to_vec(),
        resources: super::everything(),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default_world() {
        for yaml in ["", "{}", "# nothing\n"] {
            let world = World::parse(yaml).unwrap();
            assert_eq!(world.roles[0].name, "demo-role-for-rrsa", "{yaml:?}");
            assert_eq!(world.oidc_providers[0].name, format!("ack-rrsa-{}", world.cluster_id));
            assert!(world.cluster.webhook);
        }
    }

    #[test]
    fn the_issuer_and_the_demo_follow_region_and_cluster() {
        let id = format!("c{}", "7".repeat(32));
        let world = World::parse(&format!("region: eu-central-1\ncluster_id: {id}\n")).unwrap();
        assert_eq!(world.issuer, format!("https://oidc-ack-eu-central-1.oss-eu-central-1.aliyuncs.com/{id}"));
        assert_eq!(world.oidc_providers[0].issuer, world.issuer);
        assert!(world.roles[0].trust_policy_text().contains(&world.issuer));
        assert_eq!(world.token_issuer(), world.issuer);
    }

    #[test]
    fn rrsa_off_gives_tokens_of_the_in_cluster_issuer() {
        let world = World::parse("rrsa_enabled: false").unwrap();
        assert_eq!(world.token_issuer(), "https://kubernetes.default.svc");
    }

    #[test]
    fn access_keys_are_made_up_afresh_and_hide_their_secret() {
        let (one, other) = (World::default(), World::default());
        assert_ne!(one.access_keys[0].secret, other.access_keys[0].secret);
        assert_eq!(one.access_keys[0].secret.len(), 30);
        assert!(!format!("{one:?}").contains(&one.access_keys[0].secret));
    }

    #[test]
    fn an_account_id_may_go_without_quotes() {
        assert_eq!(World::parse("account_id: 1000000000000001").unwrap().account_id, "1000000000000001");
    }

    #[test]
    fn errors_of_shape_name_the_place_and_show_no_secret() {
        let yaml = "access_keys:\n- id: LTAIx\n  secret: hidden-thing\n  usr: x\n";
        let error = World::parse(yaml).unwrap_err().to_string();
        assert!(error.contains("usr") && error.contains("access_keys[0]"), "{error}");
        assert!(!error.contains("hidden-thing"), "{error}");
        let error =
            World::parse("access_keys: [{id: LTAIx, secret: [hidden-thing]}]").unwrap_err().to_string();
        assert!(error.contains("access_keys[0].secret") && !error.contains("hidden-thing"), "{error}");
    }

    #[test]
    fn a_value_of_another_kind_or_out_of_its_range_is_refused_with_its_place() {
        for (yaml, place) in [
            ("region: 5", "region"),
            ("region: null", "region"),
            ("region: 'evil.com/'", "region"),
            ("cluster_id: c1", "cluster_id"),
            ("issuer: no url", "issuer"),
            ("rrsa_enabled: 'yes'", "rrsa_enabled"),
            ("rrsa_enabled: yes", "rrsa_enabled"),
            ("clock_offset_seconds: '5'", "clock_offset_seconds"),
            ("clock_offset_seconds: 99999999999999", "clock_offset_seconds"),
            ("oidc_providers: null", "oidc_providers"),
            ("oidc_providers: [{name: a/b c, issuer: 'https://i'}]", "oidc_providers[0].name"),
            ("faults: [{api: '*', times: -1, code: X}]", "faults[0].times"),
            ("faults: [{api: '*', code: ''}]", "faults[0].code"),
            ("permissions: [{who: user/, actions: []}]", "permissions[0].who"),
            ("cluster: {rbac: [{user: ''}]}", "cluster.rbac[0].user"),
            (
                "cluster: {faults: [{verb: get, resource: pods, code: 200, reason: R, message: m}]}",
                "cluster.faults[0].code",
            ),
        ] {
            let error = World::parse(yaml).unwrap_err().to_string();
            assert!(error.contains(place), "{yaml}: {error}");
        }
    }
}
