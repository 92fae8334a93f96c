//! `rrsa-exec-credential exec`: a command with the credentials in its environment, and nowhere else.

use std::ffi::OsString;
use std::process::Command;

use rrsa_shared::env_vars;
use rrsa_shared::secret::Secret;

use crate::error::{Error, exit};
use crate::output::Issued;

/// Variables that would take the credentials' place in some client.
pub(crate) const CONFLICTING: [&str; 27] = [
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
    "ALIBABACLOUD_ACCESS_KEY_ID",
    "ALIBABACLOUD_ACCESS_KEY_SECRET",
    "ALIBABACLOUD_SECURITY_TOKEN",
    "ALICLOUD_ACCESS_KEY",
    "ALICLOUD_SECRET_KEY",
    "ALICLOUD_ACCESS_KEY_ID",
    "ALICLOUD_ACCESS_KEY_SECRET",
    "ALICLOUD_ACCESS_KEY_STS_TOKEN",
    "ALICLOUD_SECURITY_TOKEN",
    "ALICLOUD_ASSUME_ROLE_ARN",
    "ALICLOUD_ECS_ROLE_NAME",
    "ACK_RAM_TOOL_CREDENTIAL_TYPE",
    "ACK_RAM_TOOL_IGNORE_ENV_CREDENTIALS",
    "ACCESS_KEY_ID",
    "ACCESS_KEY_SECRET",
    "SECURITY_TOKEN",
    "ALIBABA_CLOUD_ROLE_ARN",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
    "ALIBABA_CLOUD_CREDENTIALS_URI",
    "ALICLOUD_CREDENTIALS_URI",
    "ALIBABA_CLOUD_PROFILE",
    "ALIBABACLOUD_PROFILE",
    "ALICLOUD_PROFILE",
];

/// Becomes the command, which so has our process, its signals and its exit status. On a system that cannot do that it is a
/// child, whose status is returned.
///
/// # Errors
/// A command that cannot be started.
pub(crate) fn run(command: &[OsString], issued: &Issued) -> Result<u8, Error> {
    let [program, arguments @ ..] = command else {
        return Err(Error::new(exit::USAGE, "no command was named").hint("rrsa-exec-credential exec -- CMD…"));
    };
    let mut child = Command::new(program);
    child.args(arguments);
    for name in CONFLICTING {
        child.env_remove(name);
    }
    child.env(env_vars::ACCESS_KEY_ID, &issued.key.id);
    child.env(env_vars::ACCESS_KEY_SECRET, issued.key.secret.expose());
    if let Some(token) = issued.key.security_token.as_ref().map(Secret::expose) {
        child.env(env_vars::SECURITY_TOKEN, token);
    }
    // The CLI takes its profile before the variables unless it is told not to.
    child.env(env_vars::IGNORE_PROFILE, "TRUE");
    become_it(child, program)
}

pub(crate) fn cannot(program: &OsString, error: &std::io::Error) -> Error {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let code = if missing { exit::COMMAND_MISSING } else { exit::COMMAND_UNUSABLE };
    Error::new(code, format!("{} cannot be run: {error}", program.to_string_lossy()))
}

#[cfg(unix)]
fn become_it(mut child: Command, program: &OsString) -> Result<u8, Error> {
    use std::os::unix::process::CommandExt as _;
    Err(cannot(program, &child.exec()))
}

#[cfg(not(unix))]
fn become_it(mut child: Command, program: &OsString) -> Result<u8, Error> {
    let status = child.status().map_err(|error| cannot(program, &error))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::REFUSED))
}
