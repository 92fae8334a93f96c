//! A command that is run for what it prints: as it stands, without a shell, for a while and no more than a while, and for no
//! more than a credential could be.

use std::process::Stdio;
use std::time::Duration;

use rrsa_shared::env_vars;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

/// More than any token or credential is, bytes.
const MAX_PRINTED: u64 = 1024 * 1024;
/// What is kept of its complaints, bytes.
const MAX_SAID: usize = 4096;
/// How long the rest of what it printed may take after it has ended; somebody else may hold its pipe.
const REST: Duration = Duration::from_millis(200);

/// Why there is nothing to give.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How it ended.
    pub(crate) ended: String,
    /// What it complained of, without what may be a secret.
    pub(crate) said: Option<String>,
}

impl Failure {
    fn of(ended: String) -> Self {
        Self { ended, said: None }
    }
}

/// Runs it, and gives what it prints.
///
/// # Errors
/// Why there is nothing to give, without a word of what it printed.
pub(crate) async fn printed(
    program: &str,
    arguments: &[String],
    patience: Duration,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        .env(env_vars::WITHIN_EXTERNAL, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| Failure::of(error.to_string()))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let child_id = child.id();
    let mut printed = Zeroizing::new(Vec::new());
    let mut said = Vec::new();
    let run = async {
        let status = {
            let both =
                async { tokio::try_join!(all_of(out, &mut printed), last_of(err, &mut said)).map(|_| ()) };
            tokio::pin!(both);
            tokio::select! {
                read = &mut both => {
                    read?;
                    None
                }
                status = child.wait() => {
                    let status = status.map_err(|error| error.to_string())?;
                    // What it left running does not speak for it.
                    if let Ok(read) = tokio::time::timeout(REST, &mut both).await {
                        read?;
                    }
                    Some(status)
                }
            }
        };
        match status {
            Some(status) => Ok(status),
            None => child.wait().await.map_err(|error| error.to_string()),
        }
    };
    let status = match tokio::time::timeout(patience, run).await {
        Ok(status) => status.map_err(Failure::of)?,
        Err(_) => {
            // What it has started goes with it; it is killed itself when it is dropped.
            for descendant in child_id.map(descendants).unwrap_or_default() {
                kill(descendant);
            }
            return Err(Failure::of(format!("it did not end within {} s", patience.as_secs())));
        }
    };
    if status.success() {
        return Ok(printed);
    }
    let ended = match status.code() {
        Some(code) => format!("it ended with exit status {code}"),
        None => "a signal ended it".to_owned(),
    };
    Err(Failure { ended, said: complaint(&said) })
}

/// The processes that a process has started, and those that they have, as far as the system tells.
fn descendants(of: u32) -> Vec<u32> {
    let mut found = vec![of];
    let mut at = 0;
    while let Some(parent) = found.get(at) {
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let children = children.unwrap_or_default();
        found.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        at += 1;
    }
    found.split_off(1)
}

#[cfg(unix)]
fn kill(id: u32) {
    if let Some(id) = rustix::process::Pid::from_raw(id.cast_signed()) {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}

/// Everything, up to the most that is taken.
async fn all_of(stream: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) -> Result<(), String> {
    let Some(stream) = stream else { return Ok(()) };
    stream.take(MAX_PRINTED + 1).read_to_end(bytes).await.map_err(|error| error.to_string())?;
    match bytes.len() as u64 > MAX_PRINTED {
        true => Err(format!("it printed more than {MAX_PRINTED} bytes")),
        false => Ok(()),
    }
}

/// The end of it, however much it is.
async fn last_of(stream: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) -> Result<(), String> {
    let Some(mut stream) = stream else { return Ok(()) };
    let mut buffer = [0; MAX_SAID];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(()),
            Ok(read) => {
                bytes.extend_from_slice(&buffer[..read]);
                let old = bytes.len().saturating_sub(MAX_SAID);
                drop(bytes.drain(..old));
            }
        }
    }
}

/// What it complained of, with no word in it that may be a secret: what this program itself said there, else the last line.
fn complaint(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let lines = || text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    if lines().any(|line| line.contains(ITSELF)) {
        return Some(format!("it {ITSELF}"));
    }
    // Of a key no line is told.
    if text.contains("PRIVATE KEY") {
        return None;
    }
    let line = lines().next()?;
    let mut words: Vec<&str> = Vec::new();
    let (mut is_named, mut is_secret) = (false, false);
    for word in line.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        // What stands between a name and its value.
        if bare.is_empty() {
            words.push(word);
            continue;
        }
        let opaque = bare.len() >= 16 || (bare.len() >= 8 && bare.bytes().any(|b| b.is_ascii_digit()));
        // A path, a host or an ARN is none, and tells where to look.
        let plain = bare.starts_with("acs:")
            || (word.starts_with('/') && !word.contains('='))
            || (bare.contains('.') && bare.split(['.', ':']).all(is_host_part));
        let valued = word.contains('=') || (bare.contains(':') && !plain);
        words.push(if is_secret || is_named || valued || (opaque && !plain) { "…" } else { word });
        let lower = word.to_ascii_lowercase();
        // What follows such a name may be of several words.
        is_secret |= SECRET.iter().any(|name| lower.contains(name));
        let is_telling = TELLING.iter().any(|name| lower.contains(name));
        let ends_open = word.ends_with(['=', ':']);
        is_named = is_telling && (!valued || ends_open);
    }
    Some(words.join(" ").chars().take(200).collect())
}

/// What is said where a command asks this program for what it is to give.
pub(crate) const ITSELF: &str = "asks this program itself";
/// What stands before a secret.
const TELLING: [&str; 4] = ["token", "key", "credential", "user"];
/// What stands before a secret of whatever length.
const SECRET: [&str; 6] = ["password", "passwd", "pwd", "secret", "bearer", "authorization"];

/// A part of a host's name.
fn is_host_part(part: &str) -> bool {
    part.len() <= 20 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn of_complaints_the_last_is_told_without_what_may_be_secret() {
        let said = b"usage: x\nerror: token eyJhbGciOiJSUzI1NiJ9.e30.x1 has expired\n\n";
        assert_eq!(complaint(said).as_deref(), Some("error: token … has expired"));
        assert_eq!(complaint(b" \n"), None);
        for (said, told) in [
            (
                "login failed for user bob with password Tr0ub4dor&3",
                "login failed for user … with password …",
            ),
            ("ghp_abcdefghijklmnopqrstuvwxyzabcdefghij", "…"),
            ("secret: correct-horse-battery-staple", "secret: …"),
            ("SecurityToken=CAISSSS is wrong", "… is wrong"),
            ("password = SECRETabc", "password = …"),
            ("pwd : SECRETabc", "pwd : …"),
            ("token= SECRETabc", "… …"),
            ("{ \"password\" : \"SECRETabc\" }", "{ \"password\" : … }"),
            ("password is SECRET abc", "password … … …"),
            ("password='SECRET abc'", "… …"),
            ("Authorization: Bearer SECRETtok", "Authorization: … …"),
            (
                "dial tcp: lookup api.prod.example.com on 10.0.0.2:53: no such host",
                "dial tcp: lookup api.prod.example.com on 10.0.0.2:53: no such host",
            ),
            ("open /home/me/.kube/config: no such file", "open /home/me/.kube/config: no such file"),
        ] {
            assert_eq!(complaint(said.as_bytes()).as_deref(), Some(told));
        }
        let inner = "error: token-command, kubectl, asks this program itself, which would run it again\nUnable to connect";
        assert_eq!(complaint(b"-----BEGIN PRIVATE KEY-----\nSECRETabc"), None);
        assert!(complaint(inner.as_bytes()).unwrap().contains(super::ITSELF));
    }
}
