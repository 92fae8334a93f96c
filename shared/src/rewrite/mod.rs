//! Files of other programs, changed where we mean to and nowhere else: comments, order and fields that we do not know stay
//! as they are.

mod block;
mod document;
mod error;
mod file;
mod json;
mod lock;
mod owned;

pub use document::{Entry, Unclear, put, read};
pub use error::ChangeError;
pub use file::{TextFile, copies};
pub use json::{edit_list, remove_members};
