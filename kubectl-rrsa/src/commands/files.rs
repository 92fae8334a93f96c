//! What commands that change a file of another program have in common.

use std::path::Path;

use rrsa_shared::rewrite::{ChangeError, TextFile, copies};

use crate::cli::{Outcome, say};
use crate::error::{Error, exit};
use crate::render::{self, Ours};

/// What is to be done with the file.
#[derive(clap::Args, Debug)]
pub struct Doing {
    /// Write it into the file; the change is shown, and a copy of the file is kept
    #[arg(long, conflicts_with = "undo")]
    pub write: bool,

    /// Make it the current one
    #[arg(long = "use", requires = "write")]
    pub select: bool,

    /// Put the file back as it was before the last --write
    #[arg(long)]
    pub undo: bool,
}

/// Writes the changed text, and shows the change. `next` is what to do then, `undo` what undoes it.
///
/// # Errors
/// When the file cannot be changed; it is then as it was.
pub fn write(file: &TextFile, after: &str, next: &str, undo: &str) -> Result<Outcome, Error> {
    if file.text() == after {
        say(&format!("{} says so already; {next}", file.path().display()));
        return Ok(Outcome { text: String::new(), code: exit::HEALTHY });
    }
    let text = render::change(&file.path().display().to_string(), file.text(), after, Ours::Added);
    let backup = file.replace(after).map_err(refused)?;
    say(&format!("written; {next}"));
    say(&format!("{undo} puts back what it was, which is kept in {}", backup.display()));
    Ok(Outcome { text, code: exit::HEALTHY })
}

/// Puts the file back as it was. Where it has been changed since, `instead` knows what to type, by what it says now.
///
/// # Errors
/// When it has been changed since.
pub fn undo(path: &Path, instead: impl Fn(&str) -> Option<String>) -> Result<Outcome, Error> {
    let file = TextFile::open(path).map_err(refused)?;
    let before = file.text().to_owned();
    file.undo().map_err(|error| {
        let way = match error {
            ChangeError::NoBackup(_) => instead(&before),
            _ => None,
        };
        let refused = refused(error);
        if let Some(way) = way { refused.hint(way) } else { refused }
    })?;
    let after = TextFile::open(path).map_err(refused)?;
    let text = render::change(&path.display().to_string(), &before, after.text(), Ours::Removed);
    Ok(Outcome { text, code: exit::HEALTHY })
}

/// What one of the copies says of the time before.
pub fn in_copies(path: &Path, read: impl Fn(&str) -> Option<String>) -> Option<String> {
    let copies = copies(path).into_iter().filter_map(|copy| TextFile::open_copy(&copy, path).ok());
    copies.filter_map(|copy| read(copy.text())).next_back()
}

/// Why a file was not changed.
pub fn refused(error: ChangeError) -> Error {
    Error::usage(error.to_string()).hint(error.hint())
}
