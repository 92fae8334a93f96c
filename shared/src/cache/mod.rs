//! Sessions that STS gave, kept where the operating system keeps secrets, so that most runs ask nobody.
//!
//! A hit reads one entry and parses no configuration. A miss is flown by one process at a time.

mod entry;
mod folder;
mod freshness;
mod key;
mod lock;
mod refusal;
mod stores;
mod witness;

pub use entry::{Entry, Kept};
pub use folder::{Folder, FolderError};
pub use freshness::{Freshness, freshness};
pub use key::{CacheKey, KeyInputs};
pub use lock::Flight;
pub use refusal::{REMEMBERED_SECONDS, Refusal};
pub use stores::{Listed, Mode, Put, StoreError, Stores};
pub use witness::{MAX_CONFIGURATION, Witness};
