//! The way to the API server, as kubectl goes it: flags, kubeconfig, exec plugin, proxy, deadlines. Where the
//! Kubernetes client library behaves otherwise than kubectl, the difference is made up for here.

mod connect;
pub mod duration;
mod entries;
mod exec_plugin;
mod explain;
mod flags;
mod kubeconfig;
mod kuberc;
mod proxy;
mod throttle;
mod trace;

pub use connect::{KubeContext, Source, connect};
pub use entries::{cluster, file as file_to_write};
pub use explain::explain;
pub use flags::KubeFlags;
