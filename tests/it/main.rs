//! Stories: the built programs on the sandbox.

mod broken_links;
mod stage;
