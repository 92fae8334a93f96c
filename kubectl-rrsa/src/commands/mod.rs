//! One file a command: what can be typed, then what it does.

pub mod check;
pub mod completion;
pub mod describe;
pub mod explain;
pub mod files;
pub mod kubeconfig;
pub mod list;
pub mod profile;
pub mod status;
pub mod trust_policy;
pub mod version;
pub mod who_can_assume;
