//! The helper's cache in real keyrings: gnome-keyring on a bus of its own, in good health and in every bad one, and the kernel's
//! keyring where it is blocked.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;

use crate::helper::Helper;
use crate::stage::{Outcome, built, found};

/// A process that ends with the story.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-CONT", &self.0.id().to_string()]).status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A session bus of its own, and perhaps a Secret Service on it.
struct Session {
    folder: PathBuf,
    address: String,
    daemon: Option<Process>,
    _bus: Process,
}

impl Session {
    /// A bus; `activation` is the command that it starts when somebody asks for the Secret Service.
    fn start(helper: &Helper, activation: Option<&str>) -> Option<Self> {
        let what = "the Secret Service";
        let program = found("dbus-daemon", what)?;
        let folder = helper.stage.folder("bus");
        let services = helper.stage.folder("bus/services");
        if let Some(command) = activation {
            let text = format!("[D-BUS Service]\nName=org.freedesktop.secrets\nExec={command}\n");
            std::fs::write(services.join("secrets.service"), text).unwrap();
        }
        let socket = folder.join("socket");
        let config = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><servicedir>{}</servicedir>\
             <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            socket.display(),
            services.display()
        );
        let file = folder.join("bus.conf");
        std::fs::write(&file, config).unwrap();
        let mut bus = Command::new(program);
        bus.arg(format!("--config-file={}", file.display()))
            .arg("--nofork")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let bus = Process(bus.spawn().unwrap());
        wait_for(|| socket.exists());
        Some(Self { folder, address: format!("unix:path={}", socket.display()), daemon: None, _bus: bus })
    }

    /// The same with gnome-keyring, its default collection open.
    fn unlocked(helper: &Helper) -> Option<Self> {
        let program = found("gnome-keyring-daemon", "the Secret Service")?;
        found("dbus-send", "the Secret Service")?;
        let mut session = Self::start(helper, None)?;
        session.begin(&program);
        Some(session)
    }

    fn begin(&mut self, program: &Path) {
        use std::io::Write as _;
        let mut daemon = Command::new(program);
        daemon
            .args(["--foreground", "--unlock", "--components=secrets"])
            .env_clear()
            .env("HOME", &self.folder)
            .env("XDG_DATA_HOME", &self.folder)
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut daemon = daemon.spawn().unwrap();
        daemon.stdin.take().unwrap().write_all(b"\n").unwrap();
        self.daemon = Some(Process(daemon));
        wait_for(|| self.ask("org.freedesktop.Secret.Service.ReadAlias", "string:default"));
    }

    fn ask(&self, member: &str, argument: &str) -> bool {
        let mut ask = Command::new("dbus-send");
        ask.args(["--session", "--print-reply", "--reply-timeout=2000", "--dest=org.freedesktop.secrets"])
            .args(["/org/freedesktop/secrets", member, argument])
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .stderr(Stdio::null())
            .stdout(Stdio::null());
        ask.status().unwrap().success()
    }

    fn lock(&self) {
        let collection = "array:objpath:/org/freedesktop/secrets/aliases/default";
        assert!(self.ask("org.freedesktop.Secret.Service.Lock", collection));
    }

    fn signal(&self, signal: &str) {
        let id = self.daemon.as_ref().unwrap().0.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

fn wait_for(mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it does not come up");
}

/// Runs the helper on the bus.
async fn run(helper: &Helper, address: &str, arguments: &[&str]) -> Outcome {
    let mut command = helper.command(arguments);
    command.env("DBUS_SESSION_BUS_ADDRESS", address);
    helper.stage.hand_out(command).await
}

/// The same where the kernel's keyrings are blocked.
async fn run_blocked(helper: &Helper, address: &str, arguments: &[&str]) -> Outcome {
    let inner = helper.command(arguments);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/without-keyrings.py");
    let python = found("python3", "the helper without the kernel's keyrings").unwrap();
    let mut command = helper.stage.command(&python, &[script.to_str().unwrap()]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("DBUS_SESSION_BUS_ADDRESS", address);
    helper.stage.hand_out(command).await
}

const ASKED: [&str; 3] = ["process", "--cache", "secret-service"];

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_service_keeps_sessions_for_many_at_once() {
    let helper = Helper::set("").await;
    let Some(session) = Session::unlocked(&helper) else { return };
    let first = run(&helper, &session.address, &ASKED).await;
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    let all = join_all((0..50).map(|_| run(&helper, &session.address, &ASKED))).await;
    for one in &all {
        assert_eq!((one.code, one.stderr.as_str()), (0, ""));
        assert_eq!(one.json(), first.json());
    }
    assert_eq!(helper.exchanges(), 1);
    let listed = run(&helper, &session.address, &["cache", "list"]).await;
    assert!(listed.stdout.contains("Secret Service"), "{listed:?}");
    let cleared = run(&helper, &session.address, &["cache", "clear"]).await;
    assert!(cleared.stdout.starts_with("1 session taken away\n"), "{cleared:?}");
    let left = run(&helper, &session.address, &["cache", "list"]).await;
    assert!(!left.stdout.contains("Secret Service"), "{left:?}");
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_service_in_bad_health_costs_seconds_and_no_credentials() {
    // A second for the service, in all, and what a busy machine adds.
    let slow = Duration::from_secs(3);
    built("rrsa-exec-credential");
    for (state, words) in [
        ("locked", "it is locked"),
        ("frozen", "did not answer within 1 s"),
        ("gone", "there is none"),
        ("hanging activation", "there is none"),
        ("silent bus", "did not answer within 1 s"),
        ("no bus", "there is none"),
    ] {
        let helper = Helper::set("").await;
        let activation = (state == "hanging activation").then_some("/bin/sleep 600");
        let session = match activation {
            Some(_) => Session::start(&helper, activation),
            None => Session::unlocked(&helper),
        };
        let Some(mut session) = session else { return };
        let mut address = session.address.clone();
        let silent = helper.stage.folder("").join("silent");
        let listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
        match state {
            "locked" => session.lock(),
            "frozen" => session.signal("-STOP"),
            "gone" => session.daemon = None,
            "silent bus" => address = format!("unix:path={}", silent.display()),
            "no bus" => address = format!("unix:path={}/nothing", silent.display()),
            _ => {}
        }
        let start = tokio::time::Instant::now();
        let outcome = run(&helper, &address, &ASKED).await;
        assert_eq!(outcome.code, 0, "{state}: {}", outcome.stderr);
        assert!(start.elapsed() < slow, "{state}: {:?}", start.elapsed());
        assert_eq!(outcome.stderr.lines().count(), 1, "{state}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{state}: {}", outcome.stderr);
        drop(listener);
        helper.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_service_that_dies_in_mid_call_takes_nobody_with_it() {
    let helper = Helper::set("").await;
    let Some(mut session) = Session::unlocked(&helper) else { return };
    assert_eq!(run(&helper, &session.address, &ASKED).await.code, 0);
    let all = join_all((0..12).map(|_| run(&helper, &session.address, &ASKED)));
    let killer = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        session.signal("-KILL");
    };
    let (all, ()) = tokio::join!(all, killer);
    assert!(
        all.iter().all(|one| one.code == 0),
        "{:?}",
        all.iter().map(|one| &one.stderr).collect::<Vec<_>>()
    );
    // It comes back, and all is well again.
    session.daemon = None;
    session.begin(&found("gnome-keyring-daemon", "").unwrap());
    assert_eq!(run(&helper, &session.address, &ASKED).await.stderr, "");
    // Where it cannot be looked into, nobody says that all is gone.
    let unseen = run(&helper, "unix:path=/nothing", &["cache", "clear"]).await;
    assert!(unseen.code == 1 && unseen.stderr.contains("not all could be looked at"), "{unseen:?}");
    let cleared = run(&helper, &session.address, &["cache", "clear"]).await;
    assert!(cleared.stdout.starts_with("1 session taken away\n"), "{cleared:?}");
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_kernels_keyring_is_blocked_the_next_best_serves_and_says_so_once() {
    if found("python3", "the helper without the kernel's keyrings").is_none() {
        return;
    }
    let helper = Helper::set("").await;
    let Some(session) = Session::unlocked(&helper) else { return };
    let first = run_blocked(&helper, &session.address, &["process"]).await;
    assert_eq!((first.code, first.stderr.lines().count()), (0, 1), "{}", first.stderr);
    assert!(
        first.stderr.contains("the Secret Service is used, since the kernel keyring cannot be"),
        "{}",
        first.stderr
    );
    let again = run_blocked(&helper, &session.address, &["process"]).await;
    assert_eq!((again.code, again.stderr.as_str(), again.json()), (0, "", first.json()));
    assert_eq!(helper.exchanges(), 1);
    let forced = run_blocked(&helper, &session.address, &["process", "--force-refresh"]).await;
    assert_eq!((forced.code, forced.stderr.as_str()), (0, ""), "said once");
    let cleared = run_blocked(&helper, &session.address, &["cache", "clear"]).await;
    assert_eq!(cleared.code, 0, "{cleared:?}");
    helper.end().await;
    // Without either there are credentials all the same, and one warning.
    let helper = Helper::set("").await;
    for expected in [1, 0, 0] {
        let outcome = run_blocked(&helper, "unix:path=/nothing", &["process"]).await;
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (0, expected), "{}", outcome.stderr);
    }
    assert_eq!(helper.exchanges(), 3);
    helper.end().await;
}
