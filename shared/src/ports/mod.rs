//! The seams to the machine. Each port is a small concrete type with a real and a fake inside, so that
//! everything behind it is tested without a network, a clock or an environment.

mod certificates;
pub mod clock;
pub mod env;
pub mod files;
pub mod http;
pub mod net;
pub mod proxies;
pub mod random;
