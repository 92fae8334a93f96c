//! kubectl's global options, spelt as kubectl spells them.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser as _;
use rrsa_shared::secret::Secret;

use super::duration;
use crate::shell::word;

/// Options of kubectl; each is taken at any depth.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kubernetes options")]
pub struct KubeFlags {
    /// Path to the kubeconfig file; the list in KUBECONFIG, else ~/.kube/config without it
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Name of the kubeconfig context to use
    #[arg(long, global = true)]
    pub context: Option<String>,

    /// Name of the kubeconfig cluster to use
    #[arg(long, global = true)]
    pub cluster: Option<String>,

    /// Name of the kubeconfig user to use
    #[arg(long, global = true)]
    pub user: Option<String>,

    /// Namespace; the context's own without it
    #[arg(short, long, global = true)]
    pub namespace: Option<String>,

    /// Address and port of the API server
    #[arg(short, long, global = true, value_name = "URL")]
    pub server: Option<String>,

    /// Bearer token for the API server
    #[arg(long, global = true, value_parser = clap::builder::NonEmptyStringValueParser::new().map(Secret::from))]
    pub token: Option<Secret>,

    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,

    /// UID to impersonate
    #[arg(long, global = true, value_name = "UID")]
    pub as_uid: Option<String>,

    /// Group to impersonate; may be given several times
    #[arg(long, global = true, value_name = "GROUP")]
    pub as_group: Vec<String>,

    /// Time to wait for one answer of the API server, such as 10s, 1m30s or 30; 0 waits for ever [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration::parse)]
    pub request_timeout: Option<Duration>,

    /// PEM file with the certificate authority of the API server
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,

    /// PEM file with a client certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub client_certificate: Option<PathBuf>,

    /// PEM file with the key of the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<PathBuf>,

    /// Do not check the API server's certificate
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,

    /// Tell every request on stderr: method, address, status and time; no headers and no bodies
    #[arg(
        short,
        long,
        global = true,
        value_name = "LEVEL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = clap::value_parser!(u8).map(|level| level > 0),
    )]
    pub verbose: Option<bool>,

    /// Name that the API server's certificate must be for
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
}

impl KubeFlags {
    /// The options that choose a cluster, as words of a shell for another command that is to go to the same one.
    #[must_use]
    pub fn chosen(&self) -> String {
        let kubeconfig = self.kubeconfig.as_ref().map(|path| path.display().to_string());
        let server = self.server.as_deref().map(without_user);
        let authority = self.certificate_authority.as_ref().map(|path| path.display().to_string());
        let options = [
            ("--kubeconfig", &kubeconfig),
            ("--context", &self.context),
            ("--cluster", &self.cluster),
            ("--user", &self.user),
            ("--server", &server),
            ("--certificate-authority", &authority),
            ("--tls-server-name", &self.tls_server_name),
        ];
        let words =
            options.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", word(value.as_ref()?))));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// An address as it may be shown: what stands before an `@` may be a password.
#[must_use]
pub(super) fn without_user(address: &str) -> String {
    let begin = address.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = address.split_at(begin);
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_user;

    #[test]
    fn an_address_is_shown_without_a_password() {
        for (address, shown) in [
            ("https://u:p@h:6443/x", "https://h:6443/x"),
            ("u:p@h", "h"),
            ("https://u:p@q@h", "https://h"),
            ("https://h/a@b", "https://h/a@b"),
            ("https://h", "https://h"),
        ] {
            assert_eq!(without_user(address), shown);
        }
    }
}
