//! `rrsa-exec-credential`: credentials for kubeconfigs, SDKs and the CLI, without a trace.

mod certificate;
mod child;
mod cli;
mod command;
mod doctor;
mod error;
mod exec_info;
mod hot;
mod issue;
mod kept;
mod obtain;
mod output;
mod probe;
mod serve;
mod signals;
mod whoami;
mod wish;

pub use cli::main;
