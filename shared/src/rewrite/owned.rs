//! Whose a file is and who may do what with it, so that one in its place is the same.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::inherited::OwnersMask;

/// No file that we change is larger, bytes.
pub(super) const LONGEST: u64 = 16 << 20;

/// The owner of a file, its mode and its access control list.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    mode: Option<fs::Permissions>,
    /// User and group.
    #[cfg(unix)]
    owner: Option<(u32, u32)>,
    #[cfg(target_os = "linux")]
    acl: Option<Vec<u8>>,
}

/// The attribute in which Linux keeps the access control list of a file.
#[cfg(target_os = "linux")]
const ACL: &str = "system.posix_acl_access";

impl Owned {
    /// As the file is; where there is none, as a new one in its folder: what root makes in another user's folder is that user's.
    /// Nothing for a file that is another user's, which nobody but root can write in that user's name.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let own = rustix::process::geteuid();
        let Ok(found) = fs::metadata(path) else {
            return Some(Self { owner: above(path), ..Self::default() });
        };
        let is_ours = own.is_root() || own.as_raw() == found.uid();
        is_ours.then(|| Self {
            mode: Some(found.permissions()),
            owner: Some((found.uid(), found.gid())),
            #[cfg(target_os = "linux")]
            acl: acl(path),
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere a file may be another user's")]
    pub(super) fn of(path: &Path) -> Option<Self> {
        Some(Self { mode: fs::metadata(path).ok().map(|found| found.permissions()) })
    }

    /// The same user's alone.
    pub(super) fn privately(&self) -> Self {
        Self {
            #[cfg(unix)]
            owner: self.owner,
            ..Self::default()
        }
    }

    /// Makes a new file, which nobody has read yet, as this one.
    pub(super) fn give(&self, file: &fs::File) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt as _, fchown};
            let mut is_whole = true;
            if let Some((user, group)) = self.owner {
                fchown(file, Some(user), None)?;
                is_whole = fchown(file, None, Some(group)).is_ok();
            }
            // What the folder gives to all that is new in it this one never had.
            #[cfg(target_os = "linux")]
            if self.acl.is_none() {
                let _ = rustix::fs::fremovexattr(file, ACL);
            }
            #[cfg(target_os = "linux")]
            if let (true, Some(acl)) = (is_whole, &self.acl) {
                is_whole = rustix::fs::fsetxattr(file, ACL, acl, rustix::fs::XattrFlags::empty()).is_ok();
                if is_whole {
                    return Ok(());
                }
            }
            // Where its group or its list cannot be had, a group has no more than everybody.
            if let Some(mode) = self.mode.as_ref().filter(|_| !is_whole) {
                let bits = mode.mode();
                let group = ((bits & 0o007) << 3) & bits & 0o070;
                return file.set_permissions(fs::Permissions::from_mode(bits & !0o070 | group));
            }
        }
        match &self.mode {
            Some(mode) => file.set_permissions(mode.clone()),
            None => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
fn acl(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4096];
    let size = rustix::fs::getxattr(path, ACL, &mut bytes).ok()?;
    bytes.truncate(size);
    Some(bytes)
}

/// Makes a folder and those above it, and tells which there were not; what root makes in another user's is that user's.
pub(super) fn make(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let _mask = OwnersMask::set();
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    let mut made = Vec::new();
    for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        match builder().create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(()) => made.push(folder.to_owned()),
        }
        #[cfg(unix)]
        if let Some((user, group)) = above(folder) {
            std::os::unix::fs::lchown(folder, Some(user), Some(group))?;
        }
    }
    Ok(made)
}

#[cfg(unix)]
fn builder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(not(unix))]
fn builder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

/// User and group of the folder above, where root makes something in another user's.
#[cfg(unix)]
fn above(folder: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(folder.parent()?).ok()?;
    (rustix::process::geteuid().is_root() && found.uid() != 0).then(|| (found.uid(), found.gid()))
}

/// Whether root would be led out of another user's folder, by a link of that user to what is not theirs.
#[cfg(unix)]
pub(super) fn leads_astray(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    rustix::process::geteuid().is_root()
        && path.ancestors().any(|path| {
            let link = fs::symlink_metadata(path).ok().filter(|found| found.is_symlink() && found.uid() != 0);
            let owner = || fs::metadata(path).ok().map(|found| found.uid());
            link.is_some_and(|link| owner() != Some(link.uid()))
        })
}

#[cfg(not(unix))]
pub(super) fn leads_astray(_: &Path) -> bool {
    false
}

/// What a copy of a file says: a regular file of the same user, and no link. Nothing for anything else that has its name.
pub(super) fn read_copy(copy: &Path, of: &Path) -> io::Result<Option<String>> {
    let Some(mut file) = open_copy(copy, of)? else { return Ok(None) };
    let mut text = String::new();
    file.by_ref().take(LONGEST).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// A copy as [`read_copy`] takes it.
#[cfg(unix)]
pub(super) fn open_copy(copy: &Path, of: &Path) -> io::Result<Option<fs::File>> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = match fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(copy) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // What is a link the system refuses so.
        Err(error) if fs::symlink_metadata(copy).is_ok_and(|found| found.is_symlink()) => {
            drop(error);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let found = file.metadata()?;
    let owner = fs::metadata(of).map_or_else(|_| rustix::process::geteuid().as_raw(), |found| found.uid());
    Ok((found.is_file() && found.uid() == owner).then_some(file))
}

#[cfg(not(unix))]
pub(super) fn open_copy(copy: &Path, _: &Path) -> io::Result<Option<fs::File>> {
    match fs::File::open(copy) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// The path with more at the end of its name.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(more);
    path.with_file_name(name)
}

/// How files are made that nobody else reads.
#[cfg(unix)]
pub(super) fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// How files are made that nobody else reads: those of a folder of one's own.
#[cfg(not(unix))]
pub(super) fn private() -> fs::OpenOptions {
    fs::OpenOptions::new()
}
