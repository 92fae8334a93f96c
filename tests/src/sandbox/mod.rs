//! The sandbox: a cloud half and a cluster half on loopback, sharing a clock, a world and a record of secrets.

pub mod cli;
pub mod clock;
pub mod cloud;
pub mod cluster;
mod control;
mod embedded;
mod folder;
pub mod issuer;
mod kubeconfig;
mod listeners;
pub mod minted;
mod run;
pub mod serve;
mod shell;
mod signals;
pub mod tls;
mod variables;
pub mod world;

pub use embedded::{Manifest, Sandbox, SandboxOptions, StartError};
