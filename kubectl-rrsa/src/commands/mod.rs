//! One file a command: what can be typed, then what it does.

pub mod check;
pub mod completion;
pub mod describe;
pub mod explain;
pub mod list;
pub mod status;
pub mod trust_policy;
pub mod version;
pub mod who_can_assume;
