//! The sandbox: a cloud half and a cluster half on loopback, sharing a clock, a world and a record of secrets.

pub mod clock;
pub mod cloud;
pub mod cluster;
pub mod issuer;
pub mod minted;
pub mod serve;
pub mod tls;
pub mod world;
