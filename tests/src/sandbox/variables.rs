//! The environment variables through which a program finds the sandbox.

use std::path::Path;

/// Hosts that no proxy may come between.
const LOOPBACK: &str = "127.0.0.1,localhost";

/// What the variables point to.
pub(super) struct Addresses<'a> {
    /// The cloud's APIs, `https://127.0.0.1:PORT`.
    pub(super) cloud: &'a str,
    /// What issuers publish, `https://127.0.0.1:PORT`.
    pub(super) issuers: &'a str,
    /// The instance metadata service and the control API, `http://127.0.0.1:PORT`.
    pub(super) plain: &'a str,
    /// The folder with the files.
    pub(super) folder: &'a Path,
    /// The kubeconfig, absent when the cloud half stands alone.
    pub(super) kubeconfig: Option<&'a Path>,
    /// The certificate of the authority that signed the sandbox's own.
    pub(super) ca: &'a Path,
}

/// Names and values, in a fixed order.
pub(super) fn variables(addresses: &Addresses<'_>) -> Vec<(String, String)> {
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let mut variables = Vec::new();
    if let Some(kubeconfig) = addresses.kubeconfig {
        variables.push(("KUBECONFIG", path(kubeconfig)));
    }
    for name in ["ALIBABA_CLOUD_STS_ENDPOINT", "RRSA_RAM_ENDPOINT", "RRSA_IMS_ENDPOINT", "RRSA_ACK_ENDPOINT"]
    {
        variables.push((name, addresses.cloud.to_owned()));
    }
    variables.push(("RRSA_ISSUER_ENDPOINT", addresses.issuers.to_owned()));
    variables.push(("ALIBABA_CLOUD_IMDS_ENDPOINT", addresses.plain.to_owned()));
    variables.push(("RRSA_CLOUD_CA_FILE", path(addresses.ca)));
    variables.push(("RRSA_SANDBOX_DIR", path(addresses.folder)));
    variables.push(("RRSA_SANDBOX_CONTROL", format!("{}/sandbox", addresses.plain)));
    for name in ["NO_PROXY", "no_proxy"] {
        variables.push((name, LOOPBACK.to_owned()));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whether a variable is a list that the sandbox adds to, rather than a value that it sets.
fn is_list(name: &str) -> bool {
    name.eq_ignore_ascii_case("no_proxy")
}

/// The variables for a child of a process whose own variables are `inherited`.
pub(super) fn for_child(
    variables: &[(String, String)],
    inherited: impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let merged = variables.iter().map(|(name, value)| {
        let present = inherited(name).filter(|present| is_list(name) && !present.is_empty());
        (name.clone(), present.map_or_else(|| value.clone(), |present| format!("{present},{value}")))
    });
    merged.collect()
}

/// The variables as lines for a POSIX shell.
pub(super) fn shell(variables: &[(String, String)]) -> String {
    let line = |(name, value): &(String, String)| match is_list(name) {
        true => format!("export {name}=\"${{{name}:+${name},}}\"{}\n", quoted(value)),
        false => format!("export {name}={}\n", quoted(value)),
    };
    variables.iter().map(line).collect()
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<(String, String)> {
        [("A", "it's $HOME"), ("NO_PROXY", LOOPBACK)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    #[test]
    fn a_child_keeps_the_hosts_that_it_reached_directly() {
        let inherited = |name: &str| (name == "NO_PROXY").then(|| "example.com".to_owned());
        let child = for_child(&some(), inherited);
        assert_eq!(child[1].1, "example.com,127.0.0.1,localhost");
        assert_eq!(for_child(&some(), |_| Some("x".to_owned()))[0].1, "it's $HOME");
        assert_eq!(for_child(&some(), |_| None)[1].1, "127.0.0.1,localhost");
    }

    #[test]
    fn a_shell_reads_the_values_back() {
        let script = shell(&some()) + "printf '%s|%s' \"$A\" \"$NO_PROXY\"";
        for (before, expected) in
            [("", "it's $HOME|127.0.0.1,localhost"), ("a.b", "it's $HOME|a.b,127.0.0.1,localhost")]
        {
            let mut command = std::process::Command::new("sh");
            let output = command.args(["-c", &script]).env("NO_PROXY", before).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        }
    }
}
