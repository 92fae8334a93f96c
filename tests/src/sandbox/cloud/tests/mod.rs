//! The cloud half from outside: requests in, answers out.

mod ack;
mod assume_role;
mod exchange;
mod faults;
mod metadata;
mod ram;
mod signed;
mod signer;
mod sky;
