//! Pods: how they are admitted, started and entered.

pub(super) mod admission;
mod environment;
pub(super) mod exec;
pub(super) mod helper;
mod knobs;
pub(super) mod kubelet;
mod programs;
mod volumes;
pub(super) mod webhook;

pub(super) use programs::View as ProcessView;
pub(super) use volumes::Source;
