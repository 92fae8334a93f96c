//! Stories: the built programs on the sandbox. They make links, modes and signals of Unix.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod account;
mod broken_links;
mod clients;
#[cfg(unix)]
mod completion;
mod documents;
mod explain;
mod flags;
mod gates;
mod helper;
mod keyrings;
mod kubectl;
mod list;
mod manifests;
#[cfg(target_os = "linux")]
mod ordinary;
mod permissions;
mod policies;
mod programs;
mod real_api_server;
mod robust;
mod set_up;
#[cfg(unix)]
mod sources;
mod stage;
mod status;
mod subjects;
mod vantage;
