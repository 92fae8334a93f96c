//! Running a program in a container: the channels of the Kubernetes exec protocol over WebSocket.

use axum::body::Body;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::programs::{Output, View, run};
use crate::sandbox::cluster::failure::Failure;
use crate::sandbox::cluster::object::{self, list, text};

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

/// The protocols spoken, the better one first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// A message holds no more of a stream than this, bytes.
const CHUNK: usize = 32 * 1024;

/// The container that `wanted` names, or the one that is meant when it is empty.
///
/// # Errors
/// 400 when there is none of that name, or several and no name.
pub(crate) fn container<'a>(pod: &'a Value, wanted: &'a str) -> Result<&'a str, Failure> {
    let names = |group: &str| -> Vec<&str> {
        list(pod, &format!("/spec/{group}")).iter().map(|one| text(one, "/name")).collect()
    };
    let (containers, init) = (names("containers"), names("initContainers"));
    let pod_name = object::name(pod);
    match (wanted, containers.as_slice()) {
        ("", [only]) => Ok(only),
        ("", several) => {
            let mut message = format!(
                "a container name must be specified for pod {pod_name}, choose one of: [{}]",
                several.join(" ")
            );
            if !init.is_empty() {
                message.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
            }
            Err(Failure::bad_request(message))
        }
        (named, _) if containers.contains(&named) || init.contains(&named) => Ok(named),
        (named, _) => Err(Failure::bad_request(format!("container {named} is not valid for pod {pod_name}"))),
    }
}

/// Which of the streams the caller wants to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streams {
    /// Standard output.
    pub(crate) stdout: bool,
    /// Standard error.
    pub(crate) stderr: bool,
    /// A terminal, on which both are one.
    pub(crate) terminal: bool,
}

/// Upgrades the connection and runs `command` in the container that `view` shows; no view, no programs.
///
/// # Errors
/// 400 when the request is no WebSocket handshake of a known protocol.
pub(crate) fn answer(
    request: &mut Request<Body>,
    command: Vec<String>,
    view: Option<View>,
    streams: Streams,
) -> Result<Response, Failure> {
    if command.is_empty() {
        return Err(Failure::bad_request("you must specify at least 1 command for the container"));
    }
    let (key, protocol) = handshake(request.headers())?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or_else(|| Failure::bad_request("the connection cannot be upgraded"))?;
    let output = match view.and_then(|view| run(&command, &view)) {
        Some(output) => Ok(output),
        None => Err(missing(&command[0])),
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            speak(socket, output, streams).await;
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    let accept = derive_accept_key(&key);
    headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).expect("base64 is header text"));
    Ok(response)
}

/// The key and the protocol of a WebSocket handshake.
fn handshake(headers: &HeaderMap) -> Result<(Vec<u8>, &'static str), Failure> {
    let header =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    if !header(UPGRADE).eq_ignore_ascii_case("websocket") {
        return Err(Failure::bad_request(
            "the sandbox runs programs over WebSocket only: Upgrade: websocket is missing",
        ));
    }
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let offered: Vec<&str> = offered.flat_map(|value| value.split(',')).map(str::trim).collect();
    let protocol = PROTOCOLS.into_iter().find(|protocol| offered.contains(protocol)).ok_or_else(|| {
        Failure::bad_request(format!("none of the protocols {offered:?} is one of {PROTOCOLS:?}"))
    })?;
    match headers.get(SEC_WEBSOCKET_KEY) {
        Some(key) => Ok((key.as_bytes().to_vec(), protocol)),
        None => Err(Failure::bad_request("Sec-WebSocket-Key is missing")),
    }
}

/// Sends what the program wrote, then how it ended, and waits until the other side hangs up.
async fn speak<S>(mut socket: WebSocketStream<S>, output: Result<Output, Value>, streams: Streams)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (output, status) = match output {
        Ok(output) => {
            let status = ended(output.code);
            (output, status)
        }
        Err(status) => (Output::default(), status),
    };
    let errors_to = if streams.terminal { STDOUT } else { STDERR };
    let written = [
        (STDOUT, output.stdout, streams.stdout),
        (errors_to, output.stderr, streams.stderr || streams.terminal),
    ];
    let written = written.into_iter().filter(|(.., wanted)| *wanted);
    let messages = written.flat_map(|(channel, bytes, _)| {
        bytes.chunks(CHUNK).map(|chunk| frame(channel, chunk)).collect::<Vec<_>>()
    });
    for message in messages.chain([frame(STATUS, status.to_string().as_bytes())]) {
        if socket.send(message).await.is_err() {
            return;
        }
    }
    // Whoever hangs up meanwhile has got everything that was said.
    let farewell = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
    drop(socket.close(Some(farewell)).await);
    while let Some(Ok(_)) = socket.next().await {}
}

fn frame(channel: u8, bytes: &[u8]) -> Message {
    Message::binary([&[channel], bytes].concat())
}

/// The status of a program that ended.
fn ended(code: u8) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}

/// The status of a program that is not there, as the container runtime words it.
fn missing(program: &str) -> Value {
    let why = if program.starts_with('/') {
        format!("stat {program}: no such file or directory")
    } else {
        "executable file not found in $PATH".to_owned()
    };
    let why = format!(
        "error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec \
         failed: exec failed: unable to start container process: exec: {program:?}: {why}: unknown"
    );
    json!({
        "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
        "message": format!("Internal error occurred: {why}"),
        "details": {"causes": [{"message": why}]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_named_or_the_only_one() {
        let pod = |names: &[&str]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({
                "metadata": {"name": "p"},
                "spec": {"containers": containers, "initContainers": [{"name": "i"}]},
            })
        };
        for (pod, wanted, chosen) in [
            (pod(&["a"]), "", Ok("a")),
            (pod(&["a", "b"]), "b", Ok("b")),
            (pod(&["a", "b"]), "i", Ok("i")),
            (
                pod(&["a", "b"]),
                "",
                Err(
                    "a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [i]",
                ),
            ),
            (pod(&["a"]), "c", Err("container c is not valid for pod p")),
        ] {
            let found = container(&pod, wanted).map_err(|failure| failure.message);
            assert_eq!(found, chosen.map_err(str::to_owned));
        }
    }

    #[test]
    fn a_handshake_needs_a_key_and_a_known_protocol() {
        let headers = |protocol: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("abc"));
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(protocol).unwrap());
            headers
        };
        assert_eq!(
            handshake(&headers("v4.channel.k8s.io, v5.channel.k8s.io")).unwrap().1,
            "v5.channel.k8s.io"
        );
        assert_eq!(handshake(&headers("v4.channel.k8s.io")).unwrap().1, "v4.channel.k8s.io");
        assert_eq!(handshake(&headers("channel.k8s.io")).unwrap_err().code, 400);
        assert_eq!(handshake(&HeaderMap::new()).unwrap_err().code, 400);
    }
}
