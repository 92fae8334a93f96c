//! What only a user meets who is not root: a keyring with a quota, folders and disks that take nothing.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::helper::Helper;
use crate::stage::{Outcome, built, found, leave_out};

/// Somebody with a home, a copy of the helper and a keyring of their own.
struct User {
    helper: Helper,
    home: tempfile::TempDir,
    id: u32,
}

impl User {
    /// A user that nobody has been before; `None` where the tester may not become one.
    async fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            leave_out("what an ordinary user meets", "only root can become one");
            return None;
        }
        let helper = Helper::set("").await;
        let home = tempfile::tempdir().unwrap();
        let id = 1_000_000 + rand::random::<u32>() % 1_000_000_000;
        let files = [&built("rrsa-exec-credential"), &helper.token, &helper.stage.sandbox.ca_path()];
        for (file, name) in files.iter().zip(["helper", "token", "ca.crt"]) {
            let copy = home.path().join(name);
            std::fs::copy(file, &copy).unwrap();
            std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o500)).unwrap();
            chown(&copy, Some(id), Some(id)).unwrap();
        }
        chown(home.path(), Some(id), Some(id)).unwrap();
        Some(Self { helper, home, id })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A program as this user runs it.
    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let inner = self.helper.command(&[]);
        let mut command = self.helper.stage.command(program, arguments);
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
            .env("HOME", self.home.path())
            .env("RRSA_CLOUD_CA_FILE", self.file("ca.crt"))
            .env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", self.file("token"))
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nothing")
            .current_dir(self.home.path())
            .gid(self.id)
            .uid(self.id);
        command
    }

    /// The helper, for a session of this name.
    async fn run(&self, session: &str, arguments: &[&str]) -> Outcome {
        let mut command = self.command(&self.file("helper"), arguments);
        command.env("ALIBABA_CLOUD_ROLE_SESSION_NAME", session);
        self.helper.stage.hand_out(command).await
    }

    /// Makes the keyring of this user `crowded`, `full`, or `closed`; nothing where that cannot be done.
    async fn keyring(&self, state: &str) -> Option<()> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/keyring.py");
        let python = found("python3", "a keyring that is full or closed")?;
        let arguments = [script.to_str().unwrap(), state, &self.id.to_string()];
        let done = self.helper.stage.run(self.helper.stage.command(&python, &arguments)).await;
        assert_eq!(done.code, 0, "{done:?}");
        Some(())
    }
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| if entry.path().is_dir() { below(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_keyrings_quota_does_not_take_is_sealed_and_found_again() {
    let Some(user) = User::new().await else { return };
    let names: Vec<String> = (0..30).map(|index| format!("session-{index}")).collect();
    let mut sessions = Vec::new();
    for name in &names {
        let outcome = user.run(name, &["process"]).await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{name}");
        sessions.push(outcome.json());
    }
    let listed = user.run("", &["cache", "list"]).await.stdout;
    for store in ["kernel keyring", "sealed file"] {
        assert!(listed.contains(store), "{store}: {listed}");
    }
    for (name, session) in names.iter().zip(&sessions) {
        assert_eq!(&user.run(name, &["process"]).await.json(), session, "{name}");
    }
    assert_eq!(user.helper.exchanges(), 30);
    let files = below(&user.file(".cache"));
    assert!(files.iter().any(|file| file.extension().is_some_and(|end| end == "sealed")), "{files:?}");
    for file in files {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
        let bytes = std::fs::read(&file).unwrap();
        for secret in user.helper.stage.sandbox.minted().all() {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{}",
                file.display()
            );
        }
    }
    let cleared = user.run("", &["cache", "clear"]).await;
    assert_eq!(
        (cleared.code, cleared.stdout.as_str()),
        (0, "30 sessions taken away\n"),
        "{}",
        cleared.stderr
    );
    assert!(
        !below(&user.file(".cache")).iter().any(|file| file.extension().is_some_and(|end| end == "sealed"))
    );
    user.helper.stage.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_takes_nothing_costs_one_warning_and_no_credentials() {
    for (state, words) in [("full", "no room"), ("closed", "cannot be used")] {
        let Some(user) = User::new().await else { return };
        if user.keyring(state).await.is_none() {
            return;
        }
        let first = user.run("one", &["process"]).await;
        assert_eq!((first.code, first.stderr.lines().count()), (0, 1), "{state}: {}", first.stderr);
        assert!(first.stderr.contains(words), "{state}: {}", first.stderr);
        let again = user.run("one", &["process"]).await;
        assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{state}: said once");
        // Nothing was asked to be kept in the clear.
        for file in below(user.home.path()) {
            let text = std::fs::read(&file).unwrap();
            let secret = first.json()["access_key_secret"].as_str().unwrap().to_owned();
            assert!(
                !text.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{}",
                file.display()
            );
        }
        let doctor = user.run("one", &["doctor"]).await;
        assert!(doctor.stdout.contains(words), "{state}: {doctor:?}");
        user.helper.stage.sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn among_many_keys_of_others_ours_are_found_and_all_of_them_go() {
    let Some(user) = User::new().await else { return };
    if user.keyring("crowded").await.is_none() {
        return;
    }
    for session in ["one", "two"] {
        assert_eq!(user.run(session, &["process"]).await.code, 0);
    }
    let listed = user.run("one", &["cache", "list"]).await;
    assert_eq!(listed.stdout.matches("kernel keyring").count(), 2, "{listed:?}");
    let cleared = user.run("one", &["logout"]).await;
    assert_eq!((cleared.code, cleared.stdout.as_str()), (0, "2 sessions taken away\n"), "{}", cleared.stderr);
    let keys = std::fs::read_to_string("/proc/keys").unwrap_or_default();
    let left = keys.lines().any(|key| key.contains("rrsa-exec") && key.contains(&format!(" {} ", user.id)));
    assert!(!left, "{keys}");
    user.helper.stage.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_written_costs_no_credentials() {
    let Some(user) = User::new().await else { return };
    chown(user.home.path(), Some(0), Some(0)).unwrap();
    std::fs::set_permissions(user.home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let first = user.run("one", &["process"]).await;
    assert_eq!((first.code, first.stderr.lines().count()), (0, 1), "{}", first.stderr);
    assert!(first.stderr.contains("without a lock"), "{}", first.stderr);
    // The keyring needs no home.
    let again = user.run("one", &["process"]).await;
    assert_eq!((again.code, again.stderr.as_str(), again.json()), (0, "", first.json()));
    let plain = user.run("one", &["process", "--cache", "file"]).await;
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    assert_eq!(user.helper.exchanges(), 2);
    // Nor does what was refused: however often kubectl tries, it costs one call and says one line.
    for _ in 0..4 {
        let mut command = user.command(&user.file("helper"), &["process"]);
        command.env("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1234567890123456:role/none");
        let refused = user.helper.stage.hand_out(command).await;
        assert_eq!((refused.code, refused.stderr.lines().count()), (1, 1), "{}", refused.stderr);
    }
    assert_eq!(user.helper.exchanges(), 3);
    user.helper.stage.sandbox.stop().await;
}

/// Who may go into no folder that he makes makes none that others of his programs may not go into.
#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_takes_rights_from_the_owner_takes_none_here() {
    let Some(user) = User::new().await else { return };
    let helper = user.file("helper").display().to_string();
    for mask in ["0777", "0277", "022"] {
        let script = format!("umask {mask}; exec \"$@\"");
        let arguments = ["-c", &script, "sh", &helper, "process", "--cache", "file"];
        let outcome = user.helper.stage.hand_out(user.command(Path::new("/bin/sh"), &arguments)).await;
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{mask}");
    }
    assert_eq!(user.helper.exchanges(), 1);
    let mode = std::fs::metadata(user.file(".cache")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    user.helper.stage.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_credentials_and_leaves_nothing_half_written() {
    let Some(user) = User::new().await else { return };
    let cache = user.file("cache");
    std::fs::create_dir(&cache).unwrap();
    let options = format!("size=8k,mode=0700,uid={0},gid={0}", user.id);
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&cache).status();
    if !mounted.is_ok_and(|status| status.success()) {
        leave_out("a full disk", "no file system can be mounted here");
        return;
    }
    let fill = user.command(Path::new("/bin/sh"), &["-c", "head -c 8192 /dev/zero > cache/ballast; true"]);
    user.helper.stage.run(fill).await;
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let mut command = user.command(&user.file("helper"), &["process", "--cache", "file"]);
        command.env("RRSA_CACHE_DIR", &cache);
        outcomes.push(user.helper.stage.hand_out(command).await);
    }
    let left = below(&cache);
    assert!(Command::new("umount").arg(&cache).status().unwrap().success());
    for outcome in &outcomes {
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(outcome.json()["access_key_id"].as_str().unwrap().starts_with("STS."));
    }
    assert!(outcomes[0].stderr.contains("No space left on device"), "{}", outcomes[0].stderr);
    let whole = |file: &Path| {
        ["ballast", "lock"].iter().any(|name| file.file_name().unwrap().to_str().unwrap().contains(name))
    };
    assert!(left.iter().all(|file| whole(file)), "{left:?}");
    user.helper.stage.sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_leaves_no_core_and_shows_its_memory_to_nobody() {
    let Some(user) = User::new().await else { return };
    let aborted = async |program: &Path, arguments: &[&str]| {
        let script = "ulimit -c unlimited; exec \"$@\"";
        let mut command = user.command(Path::new("/bin/sh"), &["-c", script, "sh"]);
        command.arg(program).args(arguments).stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let uri = user.file("uri");
        for _ in 0..500 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            if !arguments.contains(&"serve") || uri.is_file() {
                break;
            }
        }
        // The kernel gives these to root where nobody else may look in.
        let owner = std::fs::metadata(format!("/proc/{}/environ", child.id())).unwrap().uid();
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-ABRT", &id]).status().unwrap().success());
        (child.wait().unwrap().core_dumped(), owner)
    };
    let (dumped, owner) = aborted(Path::new("/bin/sleep"), &["60"]).await;
    assert_eq!(owner, user.id, "a program like any other");
    if !dumped {
        leave_out("core dumps", "this machine writes none");
    }
    let uri = user.file("uri");
    let serve = aborted(&user.file("helper"), &["serve", "--uri-file", uri.to_str().unwrap()]).await;
    assert!(uri.is_file(), "it was there");
    assert_eq!(serve, (false, 0));
    user.helper.stage.sandbox.stop().await;
}
