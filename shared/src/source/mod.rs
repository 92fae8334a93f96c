//! Where a key that signs comes from. Each source gives one of three answers, so that a chain of them can tell
//! "nothing here, ask the next" from "here, and broken".

pub mod cli_profile;
mod credentials_uri;
mod ecs_ram_role;
mod environment;
pub mod external;
pub mod ini;
mod rrsa;
mod spec;

use jiff::Timestamp;

use crate::sts::AccessKey;

pub use cli_profile::Resolved;
pub use credentials_uri::credentials_uri;
pub use ecs_ram_role::{EcsRamRole, METADATA_URL, metadata_url};
pub use environment::environment;
pub use rrsa::{Exchange, MAX_TOKEN_FILE, token_in_file};
pub use spec::{Config, ConfigError, Spec};

/// What a source says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A key.
    Found {
        /// The key.
        key: AccessKey,
        /// When it ends; `None` for a key that does not.
        expiration: Option<Timestamp>,
        /// The source in words.
        from: String,
    },
    /// The source is not configured here, and this is what it would need.
    Absent(String),
    /// The source is configured, and did not work.
    Failed(String),
    /// The source is configured, and says that it cannot now: throttled, or in trouble of its own. It may soon.
    Busy(String),
}

/// Whether an HTTP status says that the same may be asked again soon.
fn is_busy(status: u16) -> bool {
    status == 429 || status >= 500
}
