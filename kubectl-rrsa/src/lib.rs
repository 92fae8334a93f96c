//! `kubectl rrsa`: shows and proves RRSA (RAM Roles for Service Accounts) of Alibaba Cloud's Kubernetes.

pub mod checker;
pub mod cli;
pub mod cloud;
pub mod collect;
pub mod commands;
mod completion;
pub mod context;
pub mod error;
pub mod facts;
mod fingerprint;
pub mod gate;
pub mod helper;
pub mod identity;
pub mod live;
pub mod offline;
pub mod permissions;
pub mod render;
pub mod report;
pub mod rules;
pub mod shell;
pub mod skipped;
pub mod stale;
pub mod subjects;
pub mod words;

pub use cli::main;
