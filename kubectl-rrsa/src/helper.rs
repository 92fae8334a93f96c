//! Where `rrsa-exec-credential` is: to hand over to it at once, and to name it in files that outlive this run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rrsa_shared::env_vars;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::canonical;

use crate::cli::say;
use crate::error::{Error, exit};

/// The command of this program that hands over.
pub const HAND_OVER: &str = "exec-credential";
const HELPER: &str = if cfg!(windows) { "rrsa-exec-credential.exe" } else { "rrsa-exec-credential" };
const PLUGIN: &str = if cfg!(windows) { "kubectl-rrsa.exe" } else { "kubectl-rrsa" };

/// A command for other programs' files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperCommand {
    /// Absolute path of the program.
    pub program: String,
    /// What goes before the helper's own arguments.
    pub first: Vec<String>,
}

/// What is known of this machine.
struct Sight {
    /// This program, links resolved.
    own: Option<PathBuf>,
    /// Folders of `PATH`, absolute ones only.
    path: Vec<PathBuf>,
    /// krew's folder.
    krew: Option<PathBuf>,
}

impl Sight {
    fn of(env: &Env) -> Self {
        let home = env.home();
        Self {
            own: std::env::current_exe().and_then(canonical).ok(),
            path: env.folders().into_iter().filter(|folder| folder.is_absolute()).collect(),
            krew: env.path(env_vars::KREW_ROOT).or_else(|| Some(home?.join(".krew"))),
        }
    }

    /// The helper on `PATH`.
    fn on_path(&self) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(HELPER)).find(|program| program.is_file())
    }

    /// The helper beside this program.
    fn beside(&self) -> Option<PathBuf> {
        self.own.as_ref().map(|own| own.with_file_name(HELPER)).filter(|helper| helper.is_file())
    }

    /// Whether files can name it: they are text, and krew's folder of a version is gone after the next upgrade.
    fn lasts(&self, program: &Path) -> bool {
        let store = self.krew.as_ref().map(|krew| krew.join("store"));
        let store = store.and_then(|store| canonical(&store).ok().or(Some(store)));
        program.to_str().is_some() && store.is_none_or(|store| !program.starts_with(store))
    }

    fn lasting(&self) -> Option<HelperCommand> {
        let command = |program: &Path, first: &[&str]| {
            let first = first.iter().map(|&word| word.to_owned()).collect();
            Some(HelperCommand { program: program.to_str()?.to_owned(), first })
        };
        let on_path = |name: &str| {
            let mut found = self.path.iter().map(|folder| folder.join(name));
            found.find(|program| program.is_file() && self.lasts(program))
        };
        if let Some(helper) = on_path(HELPER) {
            return command(&helper, &[]);
        }
        let beside = self.beside();
        if let Some(helper) = beside.as_ref().filter(|helper| self.lasts(helper)) {
            return command(helper, &[]);
        }
        // The link that krew keeps leads to whatever version is installed.
        beside?;
        let linked = self.krew.as_ref().map(|krew| krew.join("bin").join(PLUGIN));
        let linked = linked.filter(|link| canonical(link).ok() == self.own);
        command(&linked.or_else(|| on_path(PLUGIN))?, &[HAND_OVER])
    }
}

/// How other programs are to call the helper, whatever their own `PATH` and after upgrades; `named` goes before what is found.
///
/// # Errors
/// When there is no helper.
pub fn command(named: Option<&Path>, env: &Env) -> Result<HelperCommand, Error> {
    if let Some(named) = named {
        let program = std::path::absolute(named).ok().filter(|program| program.is_file());
        let missing = || Error::usage(format!("there is no program {}", named.display()));
        let program = program.ok_or_else(missing)?.into_os_string().into_string();
        let garbled = |_| {
            Error::usage(format!("the path {} is not text, and a file cannot name it", named.display()))
                .hint("name a path of text, such as a link to it")
        };
        return Ok(HelperCommand { program: program.map_err(garbled)?, first: Vec::new() });
    }
    let sight = Sight::of(env);
    sight.lasting().ok_or_else(|| match sight.beside().or_else(|| sight.on_path()) {
        Some(found) => {
            let why =
                if found.to_str().is_some() { "is gone after an upgrade by krew" } else { "is not text" };
            Error::usage(format!("{HELPER} is only at {}, a path that {why}", found.display()))
                .hint("put it elsewhere, and name that with --helper PATH")
        }
        None => Error::usage(format!("{HELPER} was found neither beside this program nor on PATH"))
            .hint("install it, or name it with --helper PATH"),
    })
}

/// Becomes the helper, with the arguments behind `exec-credential`.
#[must_use]
pub fn hand_over(arguments: &[OsString], env: &Env) -> ExitCode {
    let sight = Sight::of(env);
    let Some(helper) = sight.beside().or_else(|| sight.on_path()) else {
        say(&format!("error: {HELPER} was found neither beside kubectl-rrsa nor on PATH"));
        return ExitCode::from(exit::USAGE);
    };
    let mut command = std::process::Command::new(&helper);
    command.args(arguments);
    #[cfg(unix)]
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    #[cfg(not(unix))]
    let error = match command.status() {
        Ok(status) => {
            return ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1));
        }
        Err(error) => error,
    };
    say(&format!("error: {} cannot be started: {error}", helper.display()));
    ExitCode::from(exit::COULD_NOT_TELL)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn program(path: &Path) -> PathBuf {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "").expect("a file");
        path.to_owned()
    }

    #[test]
    fn what_is_written_down_outlives_an_upgrade_by_krew() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let krew = root.join(".krew");
        let own = program(&krew.join("store/rrsa/v1/kubectl-rrsa"));
        let helper = program(&krew.join("store/rrsa/v1/rrsa-exec-credential"));
        let link = krew.join("bin/kubectl-rrsa");
        let mut sight = Sight {
            own: Some(own.clone()),
            path: vec![own.parent().unwrap().to_owned()],
            krew: Some(krew.clone()),
        };
        assert_eq!(sight.lasting(), None, "only in the store");
        fs::create_dir_all(krew.join("bin")).unwrap();
        symlink(&own, &link).unwrap();
        let lasting = sight.lasting().unwrap();
        assert_eq!(
            (lasting.program.as_str(), &lasting.first[..]),
            (link.to_str().unwrap(), &[HAND_OVER.to_owned()][..])
        );
        let installed = program(&root.join("usr/bin/rrsa-exec-credential"));
        sight.path.push(root.join("usr/bin"));
        let lasting = sight.lasting().unwrap();
        assert_eq!((lasting.program.as_str(), lasting.first.len()), (installed.to_str().unwrap(), 0));
        // A folder whose name no file can hold stands in nobody's way.
        use std::os::unix::ffi::OsStrExt as _;
        let odd = root.join(std::ffi::OsStr::from_bytes(b"\xff"));
        program(&odd.join("rrsa-exec-credential"));
        sight.path.insert(0, odd);
        assert_eq!(sight.lasting().unwrap().program, installed.to_str().unwrap());
        // Without krew the one beside us stays where it is.
        let sight = Sight { own: Some(own), path: Vec::new(), krew: None };
        assert_eq!(sight.lasting().unwrap().program, helper.to_str().unwrap());
    }
}
