//! `rrsa-exec-credential`: turns what RRSA gives a pod into credentials, without a trace.

mod cli;
mod error;
mod probe;
mod source;
mod whoami;

pub use cli::main;
