//! Files that are read: the machine's, or a map in tests.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// What belongs to users that a container does not know.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

/// Read access to files.
#[derive(Clone, Debug)]
pub struct Files(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Real,
    Fake(Arc<BTreeMap<PathBuf, Vec<u8>>>),
}

impl Files {
    /// The file system of this machine.
    #[must_use]
    pub fn real() -> Self {
        Self(Inner::Real)
    }

    /// A file system that holds `files` and nothing else.
    pub fn fake<P: Into<PathBuf>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        Self(Inner::Fake(Arc::new(files.into_iter().map(|(p, b)| (p.into(), b.into())).collect())))
    }

    /// What is written to this process; nothing in tests.
    ///
    /// # Errors
    /// As the operating system reports them; more than `max` bytes.
    pub fn read_stdin(&self, max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if matches!(self.0, Inner::Real) {
            io::Read::read_to_end(&mut io::Read::take(io::stdin().lock(), max + 1), &mut bytes)?;
        }
        if bytes.len() as u64 > max { Err(too_large(max)) } else { Ok(bytes) }
    }

    /// The same from somebody who may never end it: no longer than `patience`.
    ///
    /// # Errors
    /// As [`read_stdin`](Self::read_stdin), and [`io::ErrorKind::TimedOut`].
    pub fn read_stdin_within(&self, max: u64, patience: Duration) -> io::Result<Vec<u8>> {
        let (send, receive) = mpsc::channel();
        let files = self.clone();
        // It may outlive the wait; the process ends all the same.
        std::thread::spawn(move || {
            let _ = send.send(files.read_stdin(max));
        });
        receive.recv_timeout(patience).unwrap_or_else(|_| {
            let words = format!("nobody ended it within {} s", patience.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, words))
        })
    }

    /// Octal permission bits, owner and group of a file, such as `644 0:65532`; `None` where files have no such thing.
    ///
    /// # Errors
    /// As the operating system reports them.
    pub fn mode(&self, path: &Path) -> io::Result<Option<String>> {
        match &self.0 {
            #[cfg(unix)]
            Inner::Real => {
                use std::os::unix::fs::MetadataExt as _;
                let found = std::fs::metadata(path)?;
                Ok(Some(format!("{:o} {}:{}", found.mode() & 0o7777, found.uid(), found.gid())))
            }
            #[cfg(not(unix))]
            Inner::Real => std::fs::metadata(path).map(|_| None),
            Inner::Fake(files) if files.contains_key(path) => Ok(None),
            Inner::Fake(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Why a file may say what this process's user never meant, and what mends that: another user's, or one that others may
    /// write to or put another in the place of. Nothing where files have no such thing.
    #[must_use]
    pub fn exposed(&self, path: &Path) -> Option<String> {
        match &self.0 {
            #[cfg(unix)]
            Inner::Real => {
                use std::os::unix::fs::MetadataExt as _;
                let shown = path.display();
                let found = match std::fs::metadata(path) {
                    Ok(found) => found,
                    Err(error) => return Some(format!("{shown}: {error}")),
                };
                if found.uid() != rustix::process::geteuid().as_raw() {
                    return Some(format!("{shown} belongs to another user; keep one of your own"));
                }
                if found.mode() & 0o022 != 0 {
                    return Some(format!("others may write to {shown}; chmod go-w {shown}"));
                }
                // Who is in another group than root's and the user's private one, of the user's number, is not known here.
                let own = [0, rustix::process::geteuid().as_raw()];
                let is_open = |folder: &std::fs::Metadata| {
                    let by_group = folder.mode() & 0o020 != 0 && !own.contains(&folder.gid());
                    folder.mode() & 0o1000 == 0 && (folder.mode() & 0o002 != 0 || by_group)
                };
                let open = |folder: &Path, is_next: bool| {
                    let found = std::fs::metadata(folder);
                    // In a container the folders above may be of somebody who has no number there.
                    let is_foreign = |uid: u32| !own.contains(&uid) && (is_next || uid != NOBODY);
                    found.is_ok_and(|f| is_open(&f) || is_foreign(f.uid()))
                };
                // Each link on the way, and what it leads to, can be put in another's place.
                let all: Vec<PathBuf> = links(path).chain(canonical(path)).collect();
                let folders = all.iter().flat_map(|path| path.ancestors().skip(1).enumerate());
                let mut folders = folders.filter(|(_, folder)| !folder.as_os_str().is_empty());
                let open =
                    folders.find(|(index, folder)| open(folder, *index == 0)).map(|(_, folder)| folder);
                open.map(|folder| {
                    let folder = folder.display();
                    format!(
                        "others may write to {folder}, and so put another in its place; see that the folder is yours, and chmod go-w \
                         {folder}"
                    )
                })
            }
            #[cfg(not(unix))]
            Inner::Real => std::fs::metadata(path).err().map(|error| format!("{}: {error}", path.display())),
            Inner::Fake(_) => None,
        }
    }

    /// The folder that this process is in.
    #[must_use]
    pub fn current_folder(&self) -> Option<PathBuf> {
        match &self.0 {
            Inner::Real => std::env::current_dir().ok(),
            Inner::Fake(_) => Some(PathBuf::from("/")),
        }
    }

    /// Whether a path leads to what this very process was started with, such as `/dev/stdin`: of another process the same path leads
    /// elsewhere.
    #[must_use]
    pub fn is_descriptor(&self, path: &Path) -> bool {
        let is_one = |path: &Path| {
            path.starts_with("/dev/fd")
                || path.starts_with("/proc") && path.components().any(|part| part.as_os_str() == "fd")
        };
        match &self.0 {
            Inner::Real => links(path).any(|path| is_one(&path)),
            Inner::Fake(_) => is_one(path),
        }
    }

    /// What tells the program that a path leads to from any other, if it is one that can be run: the path, and which file that is
    /// by now.
    #[must_use]
    pub fn program(&self, path: &Path) -> Option<Vec<u8>> {
        let name = path.as_os_str().as_encoded_bytes().to_vec();
        match &self.0 {
            Inner::Real => {
                let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
                Some([name, which(&found)?].concat())
            }
            Inner::Fake(files) => files.contains_key(path).then_some(name),
        }
    }

    /// The bytes of a regular file of no more than `max` bytes: neither a pipe, on which reading may never end, nor a
    /// device.
    ///
    /// # Errors
    /// As the operating system reports them; a file that is something else, or too large.
    pub fn read_small(&self, path: &Path, max: u64) -> io::Result<Vec<u8>> {
        if matches!(self.0, Inner::Real) {
            let found = std::fs::metadata(path)?;
            if !found.is_file() {
                return Err(io::Error::other("it is not a regular file"));
            }
            if found.len() > max {
                return Err(too_large(max));
            }
        }
        let bytes = self.read(path)?;
        if bytes.len() as u64 > max { Err(too_large(max)) } else { Ok(bytes) }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// As the operating system reports them.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match &self.0 {
            Inner::Real => std::fs::read(path),
            Inner::Fake(files) => {
                files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            }
        }
    }
}

/// A path, and each that a link on its end leads to; a chain that does not end leads nowhere.
fn links(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = |path: &PathBuf| {
        let link = std::fs::read_link(path).ok()?;
        Some(path.parent().map_or_else(|| link.clone(), |folder| folder.join(&link)))
    };
    std::iter::successors(Some(path.to_owned()), next).take(40)
}

/// The whole path of a file, links resolved, as other programs take it too: on Windows without the `\\?\` before its drive.
///
/// # Errors
/// As the operating system reports them.
pub fn canonical(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let whole = std::fs::canonicalize(path)?;
    Ok(if cfg!(windows) { without_prefix(whole) } else { whole })
}

fn without_prefix(whole: PathBuf) -> PathBuf {
    // What is longer is a path only with it.
    const LONGEST: usize = 259;
    let plain = whole.to_str().and_then(|text| text.strip_prefix(r"\\?\"));
    let plain = plain.filter(|text| text.get(1..3) == Some(r":\") && text.len() <= LONGEST);
    plain.map(PathBuf::from).unwrap_or(whole)
}

fn too_large(max: u64) -> io::Error {
    io::Error::other(format!("it is larger than {max} bytes"))
}

/// Which file a program is, as a link may lead to another by now, or another be written over it; nothing for one that cannot be
/// run.
#[cfg(unix)]
fn which(found: &std::fs::Metadata) -> Option<Vec<u8>> {
    use std::os::unix::fs::MetadataExt as _;
    // The time of what is written can be set back, and that of the change cannot.
    let changed = [found.ctime().cast_unsigned(), found.ctime_nsec().cast_unsigned()];
    let tells = [found.dev(), found.ino(), found.len(), changed[0], changed[1]];
    (found.mode() & 0o111 != 0).then(|| tells.map(u64::to_le_bytes).concat())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not every file can be run")]
fn which(found: &std::fs::Metadata) -> Option<Vec<u8>> {
    let written = found.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let written = written.unwrap_or_default().as_nanos();
    Some([&found.len().to_le_bytes()[..], &written.to_le_bytes()[..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In place, as `cp` does it, or another put where it was.
    #[cfg(unix)]
    #[test]
    fn a_program_that_is_written_over_is_another() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let put = |text: &str| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            Files::real().program(&path).unwrap()
        };
        let before = put("1");
        assert_eq!(Files::real().program(&path).as_ref(), Some(&before));
        assert_ne!(put("12"), before);
        // As large, and as old as it says, as `cp -p` leaves it.
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        let before = Files::real().program(&path).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        put("21");
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        assert_ne!(Files::real().program(&path).unwrap(), before);
    }

    #[test]
    fn a_drive_needs_nothing_before_it_and_a_share_does() {
        let plain = |text: &str| without_prefix(PathBuf::from(text)).to_str().unwrap().to_owned();
        assert_eq!(plain(r"\\?\C:\a\b.exe"), r"C:\a\b.exe");
        let long = format!(r"\\?\C:\{}", "a".repeat(300));
        for kept in [r"\\?\UNC\server\share\a", r"\\?\Volume{1}\a", "/usr/bin/a", long.as_str()] {
            assert_eq!(plain(kept), kept);
        }
    }
}
