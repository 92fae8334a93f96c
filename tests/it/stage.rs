//! A sandbox and the built programs on it. Whatever a program prints is searched for the secrets that the
//! sandbox gave out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use axum::body::Body;
use http::Request;
use rrsa_tests::sandbox::minted::Minted;
use rrsa_tests::sandbox::world::World;
use rrsa_tests::sandbox::{Manifest, Sandbox, SandboxOptions};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// What a program did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Outcome {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Outcome {
    /// Standard output of `check -o json`, which is as `docs/report.schema.json` says.
    pub(crate) fn report(&self) -> Value {
        static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
        let schema = SCHEMA.get_or_init(|| {
            let schema = serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
            jsonschema::validator_for(&schema).unwrap()
        });
        let report = self.json();
        if let Err(error) = schema.validate(&report) {
            let error: String = error.to_string().chars().rev().take(400).collect();
            panic!("…{}", error.chars().rev().collect::<String>());
        }
        report
    }
}

/// A sandbox with the programs' way to it.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    home: tempfile::TempDir,
}

impl Stage {
    /// The world and the manifests as given; empty texts mean the defaults.
    pub(crate) async fn set(world: &str, manifests: &str) -> Self {
        let world = World::parse(world).unwrap();
        let manifests = match manifests {
            "" => vec![Manifest::demo()],
            yaml => vec![Manifest { file: "story".to_owned(), yaml: yaml.to_owned() }],
        };
        let minted = minted();
        let sandbox = Sandbox::start(SandboxOptions { world, manifests, minted }).await.unwrap();
        Self { sandbox, home: tempfile::tempdir().unwrap() }
    }

    /// The guide's demo, healthy.
    pub(crate) async fn demo() -> Self {
        Self::set("", "").await
    }

    /// A command of ours with nothing of the tester's own environment but the path.
    pub(crate) fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", path())
            .env("HOME", self.home.path())
            .envs(self.sandbox.env())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that hands secrets out on stdout; nowhere else may they be.
    pub(crate) async fn hand_out(&self, command: Command) -> Outcome {
        let outcome = Self::finish(command).await;
        self.search(&Outcome { stdout: String::new(), stderr: outcome.stderr.clone(), code: outcome.code });
        outcome
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, command: Command) -> Outcome {
        let outcome = Self::finish(command).await;
        self.search(&outcome);
        outcome
    }

    async fn finish(mut command: Command) -> Outcome {
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Runs `kubectl-rrsa`.
    pub(crate) async fn rrsa(&self, arguments: &[&str]) -> Outcome {
        self.run(self.command(&built("kubectl-rrsa"), arguments)).await
    }

    /// A token of a ServiceAccount of the demo's namespace, in a file of this stage.
    pub(crate) async fn token_file(&self, account: &str, audience: &str) -> PathBuf {
        let path = format!("/api/v1/namespaces/rrsa-demo/serviceaccounts/{account}/token");
        let wish = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": 3600}});
        let cluster = self.sandbox.cluster().unwrap();
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", cluster.users()[0].1))
            .body(Body::from(wish.to_string()))
            .unwrap();
        let response = cluster.router().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let file = self.home.path().join(format!("{account}.token"));
        std::fs::write(&file, answer["status"]["token"].as_str().unwrap()).unwrap();
        file
    }

    /// A folder of this stage.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.home.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A file of this stage.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn search(&self, outcome: &Outcome) {
        for secret in self.sandbox.minted().all() {
            for (name, text) in [("standard output", &outcome.stdout), ("standard error", &outcome.stderr)] {
                assert!(!text.contains(&secret), "a secret of {} characters is on {name}", secret.len());
            }
        }
    }
}

/// One record of secrets; to a file too when the runner names one, which it then searches all output for.
fn minted() -> Minted {
    minted_file().map_or_else(Minted::new, |file| Minted::with_file(&file).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "the runner's own variable")]
pub(crate) fn minted_file() -> Option<PathBuf> {
    std::env::var_os("RRSA_MINTED_FILE").map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "programs are found as the tester finds them")]
pub(crate) fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// A program of the workspace, built as this test was.
pub(crate) fn built(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bins"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "the programs do not build");
        Path::new(env!("CARGO_BIN_EXE_rrsa-sandbox")).parent().unwrap().to_owned()
    });
    folder.join(name)
}

/// The path of a program of the machine; `None`, said aloud, when it is not there.
pub(crate) fn found(name: &str, what_is_left_out: &str) -> Option<PathBuf> {
    let program = std::env::split_paths(&path()).map(|folder| folder.join(name)).find(|path| path.is_file());
    if program.is_none() {
        leave_out(what_is_left_out, &format!("there is no {name}"));
    }
    program
}

/// Says that something was not tested, and why; the runner repeats it.
#[expect(clippy::print_stdout, reason = "the runner collects these lines")]
pub(crate) fn leave_out(what: &str, why: &str) {
    println!("\nleft out: {what}: {why}");
}
