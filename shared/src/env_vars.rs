//! Every environment variable this project reads, in one list.

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct EnvVar {
    /// Its name.
    pub name: &'static str,
    /// What it means to us.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($(#[doc = $meaning:literal])+ $name:ident = $text:literal;)+) => {
        $($(#[doc = $meaning])+ pub const $name: &str = $text;)+

        /// All of them, in the order of the documentation.
        pub const ALL: &[EnvVar] = &[$(EnvVar { name: $text, meaning: concat!($($meaning),+) }),+];
    };
}

variables! {
    /// ARN of the RAM role to assume; set in a pod by the webhook.
    ROLE_ARN = "ALIBABA_CLOUD_ROLE_ARN";
    /// ARN of the cluster's OIDC provider; set in a pod by the webhook.
    OIDC_PROVIDER_ARN = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
    /// Path of the projected ServiceAccount token; set in a pod by the webhook.
    OIDC_TOKEN_FILE = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
    /// Name of the role session, 2 to 64 of letters, digits, `.`, `@`, `-`, `_`.
    ROLE_SESSION_NAME = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
    /// STS host or URL; wins over region and VPC flag. Option `--sts-endpoint`.
    STS_ENDPOINT = "ALIBABA_CLOUD_STS_ENDPOINT";
    /// Region whose STS host is used.
    STS_REGION = "ALIBABA_CLOUD_STS_REGION";
    /// `true` selects the VPC host of the STS region.
    VPC_ENDPOINT_ENABLED = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";
    /// File of PEM certificates trusted for Alibaba Cloud's hosts, besides the machine's own. Option `--cloud-certificate-authority`.
    CLOUD_CA_FILE = "RRSA_CLOUD_CA_FILE";
    /// RAM host or URL. Option `--ram-endpoint`.
    RAM_ENDPOINT = "RRSA_RAM_ENDPOINT";
    /// IMS host or URL (OIDC providers). Option `--ims-endpoint`.
    IMS_ENDPOINT = "RRSA_IMS_ENDPOINT";
    /// ACK (`cs`) host or URL. Option `--ack-endpoint`.
    ACK_ENDPOINT = "RRSA_ACK_ENDPOINT";
    /// Host or URL that an issuer's discovery document and keys are read from instead of its own. Option `--issuer-endpoint`.
    ISSUER_ENDPOINT = "RRSA_ISSUER_ENDPOINT";
    /// Instance metadata service URL; naming it lets the service be asked for a key. Option `--imds-endpoint`.
    IMDS_ENDPOINT = "ALIBABA_CLOUD_IMDS_ENDPOINT";
    /// RAM role of the machine; naming it lets the instance metadata service be asked for a key.
    ECS_METADATA = "ALIBABA_CLOUD_ECS_METADATA";
    /// `true`: the instance metadata service is never asked.
    ECS_METADATA_DISABLED = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
    /// `true`: the instance metadata service is asked in its version 2 only.
    IMDSV1_DISABLED = "ALIBABA_CLOUD_IMDSV1_DISABLED";
    /// Access key id for signed calls.
    ACCESS_KEY_ID = "ALIBABA_CLOUD_ACCESS_KEY_ID";
    /// Access key secret for signed calls.
    ACCESS_KEY_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
    /// Security token that goes with a temporary access key.
    SECURITY_TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN";
    /// Profile of the CLI, in place of its current one, and section of the SDKs' credentials file, in place of `[default]`.
    PROFILE = "ALIBABA_CLOUD_PROFILE";
    /// `true`: profiles of the CLI are not read.
    CLI_PROFILE_DISABLED = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
    /// The CLI's configuration, in place of `~/.aliyun/config.json`.
    CLI_CONFIG_FILE = "ALIBABA_CLOUD_CONFIG_FILE";
    /// The SDKs' credentials file, in place of `~/.alibabacloud/credentials`.
    CREDENTIALS_FILE = "ALIBABA_CLOUD_CREDENTIALS_FILE";
    /// `1` or `true`: no command of a profile of the CLI is run, and no credentials address of one asked.
    EXTERNAL_PROCESS_DISABLED = "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS";
    /// Set for a command of a profile of the CLI, so that it does not ask itself through us.
    WITHIN_EXTERNAL = "RRSA_WITHIN_EXTERNAL";
    /// Address that hands out credentials.
    CREDENTIALS_URI = "ALIBABA_CLOUD_CREDENTIALS_URI";
    /// Sources of `rrsa-exec-credential` by name, in place of `config.toml` in its configuration folder.
    CONFIG_FILE = "RRSA_CONFIG_FILE";
    /// Where `rrsa-exec-credential` keeps credentials: `auto`, `kernel`, `secret-service`, `keychain`, `credential-manager`, `file` or `none`. Option `--cache`.
    CACHE = "RRSA_CACHE";
    /// Folder of `rrsa-exec-credential` for locks and sealed sessions, in place of the user's cache folder.
    CACHE_DIR = "RRSA_CACHE_DIR";
    /// Address of the session bus, on which the Secret Service is looked for.
    DBUS_SESSION_BUS_ADDRESS = "DBUS_SESSION_BUS_ADDRESS";
    /// What kubectl says to an exec plugin; set by kubectl.
    KUBERNETES_EXEC_INFO = "KUBERNETES_EXEC_INFO";
    /// Any value turns colour off.
    NO_COLOR = "NO_COLOR";
    /// Proxy for https hosts; lower case is read too.
    HTTPS_PROXY = "HTTPS_PROXY";
    /// Proxy for http hosts; lower case is read too.
    HTTP_PROXY = "HTTP_PROXY";
    /// Hosts reached without a proxy; lower case is read too.
    NO_PROXY = "NO_PROXY";
    /// Language of `explain`: one that begins with `zh` is Chinese; goes before `LC_MESSAGES` and `LANG`.
    LC_ALL = "LC_ALL";
    /// Language of `explain`, without `LC_ALL`.
    LC_MESSAGES = "LC_MESSAGES";
    /// Language of `explain`, without `LC_ALL` and `LC_MESSAGES`.
    LANG = "LANG";
    /// Image that holds `rrsa-exec-credential`, for `check --live=ephemeral|pod`; `--probe-image` goes before it.
    PROBE_IMAGE = "RRSA_PROBE_IMAGE";
    /// List of kubeconfig files.
    KUBECONFIG = "KUBECONFIG";
    /// kubectl's preferences file, or `off`.
    KUBERC = "KUBERC";
    /// `false` turns kubectl's preferences file off.
    KUBECTL_KUBERC = "KUBECTL_KUBERC";
    /// Address of the API server when running in a pod.
    KUBERNETES_SERVICE_HOST = "KUBERNETES_SERVICE_HOST";
    /// Port of the API server when running in a pod.
    KUBERNETES_SERVICE_PORT = "KUBERNETES_SERVICE_PORT";
    /// Folder of krew, in place of `~/.krew`.
    KREW_ROOT = "KREW_ROOT";
    /// Folders that hold programs.
    PATH = "PATH";
    /// Home directory.
    HOME = "HOME";
    /// Home directory on Windows, without `HOME`.
    USERPROFILE = "USERPROFILE";
}

/// Tells the CLI to take the variables before its profile: given to a command, looked for in a container, not obeyed by us.
pub const IGNORE_PROFILE: &str = "ALIBABA_CLOUD_IGNORE_PROFILE";

/// Variables of a container whose values are looked at: RRSA's own, and those that decide which STS host an SDK asks, or which source of
/// credentials.
pub const SHOWN: [&str; 12] = [
    ROLE_ARN,
    OIDC_PROVIDER_ARN,
    OIDC_TOKEN_FILE,
    ROLE_SESSION_NAME,
    STS_ENDPOINT,
    STS_REGION,
    VPC_ENDPOINT_ENABLED,
    ECS_METADATA_DISABLED,
    CLI_PROFILE_DISABLED,
    IGNORE_PROFILE,
    NO_PROXY,
    "no_proxy",
];

/// Variables of a container of which it is looked whether they are set: they choose a source of credentials, or the way to STS.
pub const NOTICED: [&str; 5] =
    [CREDENTIALS_FILE, CLI_CONFIG_FILE, CREDENTIALS_URI, HTTPS_PROXY, "https_proxy"];

/// Options of the Java machine, where a property may name an access key.
pub const JAVA_OPTIONS: &str = "JAVA_TOOL_OPTIONS";

/// Variables under which some Alibaba Cloud SDK or tool takes a static access key id. One of them in a
/// container beats the OIDC token in every default credential chain.
pub const STATIC_KEY_ALIASES: &[&str] = &[
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABACLOUD_ACCESS_KEY_ID",
    "ALICLOUD_ACCESS_KEY_ID",
    "ALICLOUD_ACCESS_KEY",
    "ACCESS_KEY_ID",
];

/// Whether a variable of a container decides whom it acts as, or by which way: those that are looked at.
#[must_use]
pub fn decides(name: &str) -> bool {
    SHOWN.contains(&name)
        || NOTICED.contains(&name)
        || name == JAVA_OPTIONS
        || STATIC_KEY_ALIASES.iter().any(|id| *id == name || secret_of(id) == name)
}

/// The variable of the secret that goes with a static access key id: without it every client passes the id over.
#[must_use]
pub fn secret_of(id: &str) -> String {
    match id.strip_suffix("_ID") {
        Some(stem) => format!("{stem}_SECRET"),
        None => id.replace("ACCESS_KEY", "SECRET_KEY"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_has_its_secret() {
        let secrets: Vec<_> = STATIC_KEY_ALIASES.iter().map(|id| secret_of(id)).collect();
        assert_eq!(
            secrets,
            [
                ACCESS_KEY_SECRET,
                "ALIBABACLOUD_ACCESS_KEY_SECRET",
                "ALICLOUD_ACCESS_KEY_SECRET",
                "ALICLOUD_SECRET_KEY",
                "ACCESS_KEY_SECRET"
            ]
        );
    }

    #[test]
    fn no_variable_is_listed_twice_and_each_has_a_meaning() {
        let mut names: Vec<_> = ALL.iter().map(|v| v.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().all(|v| v.meaning.trim().ends_with(['.', '`'])));
    }

    #[test]
    fn the_documentation_lists_each_with_its_meaning() {
        let rows: String = ALL.iter().map(|v| format!("| `{}` | {} |\n", v.name, v.meaning.trim())).collect();
        let document = include_str!("../../docs/environment.md");
        assert!(document.contains(&rows), "docs/environment.md should hold these rows:\n{rows}");
    }
}
