//! Sources that `config.toml` names: what has changed is asked for anew, and what hangs, floods or gives nothing costs little.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::helper::Helper;
use crate::stage::{Outcome, built};

const ROLE: &str = "acs:ram::1234567890123456:role/demo-role-for-rrsa";
const PROVIDER: &str = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef";

/// A helper without any source but those of this configuration.
async fn run(helper: &Helper, config: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let file = helper.stage.file("sources.toml", config);
    let mut command = helper.stage.command(&built("rrsa-exec-credential"), arguments);
    command
        .env("RRSA_CONFIG_FILE", file)
        .env_remove("ALIBABA_CLOUD_IMDS_ENDPOINT")
        .envs(variables.iter().copied());
    helper.stage.hand_out(command).await
}

fn arn(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.json()["arn"].as_str().unwrap().to_owned()
}

/// The name of an entry tells of the files that everybody has; of others the entry itself does.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_or_a_variable_that_a_source_names_is_looked_at_on_every_run() {
    let helper = Helper::set("").await;
    let token = helper.token.display();
    let ini = |session: &str| {
        format!(
            "[x]\ntype = oidc_role_arn\nrole_arn = {ROLE}\noidc_provider_arn = {PROVIDER}\noidc_token_file_path = {token}\n\
             role_session_name = {session}\n"
        )
    };
    let file = helper.stage.file("other.ini", &ini("first"));
    let config = format!("[source.x]\ntype = \"ini\"\nprofile = \"x\"\nfile = \"{}\"\n", file.display());
    let whoami = async |more: &[&str]| {
        run(&helper, &config, &[&["whoami", "--source", "x"], more].concat(), &[]).await
    };
    assert!(arn(&whoami(&[]).await).ends_with("/first"));
    assert!(arn(&whoami(&[]).await).ends_with("/first"));
    assert_eq!(helper.exchanges(), 1);
    helper.stage.file("other.ini", &ini("second"));
    assert!(arn(&whoami(&[]).await).ends_with("/second"));
    std::fs::remove_file(&file).unwrap();
    let gone = whoami(&[]).await;
    assert_eq!(gone.code, 1, "{gone:?}");
    assert!(gone.stderr.contains("other.ini"), "{gone:?}");
    let rrsa = |more: &str| {
        format!(
            "[source.x]\ntype = \"rrsa\"\nrole-arn = \"{ROLE}\"\noidc-provider-arn = \"{PROVIDER}\"\n{more}\n"
        )
    };
    let from_variable = rrsa("token-env = \"MYTOK\"");
    let text = std::fs::read_to_string(&helper.token).unwrap();
    let before = helper.exchanges();
    for _ in 0..2 {
        let good = run(&helper, &from_variable, &["process", "--source", "x"], &[("MYTOK", &text)]).await;
        assert_eq!(good.code, 0, "{}", good.stderr);
    }
    assert_eq!(helper.exchanges(), before + 1);
    for variables in [&[("MYTOK", "garbage")][..], &[]] {
        let bad = run(&helper, &from_variable, &["process", "--source", "x"], variables).await;
        assert_eq!((bad.code, bad.stdout.as_str()), (1, ""), "{}", bad.stderr);
    }
    helper.end().await;
}

/// Five retries of kubectl cost one wait, whatever is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_is_waited_for_once() {
    let world = "faults: [{api: AssumeRoleWithOIDC, latency_ms: 20000}]";
    let helper = Helper::set(world).await;
    let start = Instant::now();
    for _ in 0..4 {
        let outcome = helper.run(&["process"]).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("no credentials after 5 s"), "{}", outcome.stderr);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(helper.exchanges(), 1);
    helper.end().await;
}

/// Credentials that still work do not wait for a source that hangs, nor for another process that does.
#[tokio::test(flavor = "multi_thread")]
async fn what_still_works_is_served_soon() {
    let helper = Helper::set("").await;
    let first = helper.run(&["process", "--cache", "file"]).await;
    assert_eq!(first.code, 0, "{}", first.stderr);
    helper.age(105);
    let fault = json!({"api": "AssumeRoleWithOIDC", "latency_ms": 20000});
    helper.stage.sandbox.cloud().inject(serde_json::from_value(fault).unwrap());
    let start = Instant::now();
    let all =
        futures_util::future::join_all((0..6).map(|_| helper.run(&["process", "--cache", "file"]))).await;
    for one in &all {
        assert_eq!((one.code, &one.json()["sts_token"]), (0, &first.json()["sts_token"]), "{}", one.stderr);
    }
    let waited = all.iter().filter(|one| one.stderr.contains("serve until a minute before they end")).count();
    assert!(waited >= 1, "{:?}", all.iter().map(|one| &one.stderr).collect::<Vec<_>>());
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    helper.end().await;
}

/// What is no file is not read for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_no_file_holds_nobody_up() {
    let helper = Helper::set("").await;
    helper.stage.folder(".aliyun");
    let pipe = helper.stage.folder("").join(".aliyun/config.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (arguments, variables) in [
        (&["process"][..], &[][..]),
        (&["process", "--source", "x"], &[("RRSA_CONFIG_FILE", "/dev/zero")]),
        (&["doctor"], &[("RRSA_CONFIG_FILE", "/dev/zero")]),
    ] {
        let mut command = helper.stage.command(&built("rrsa-exec-credential"), arguments);
        command.env_remove("ALIBABA_CLOUD_IMDS_ENDPOINT").envs(variables.iter().copied());
        let start = Instant::now();
        let outcome = helper.stage.hand_out(command).await;
        assert_ne!(outcome.code, 0, "{arguments:?} {outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{arguments:?} {:?}", start.elapsed());
    }
    helper.end().await;
}

/// What somebody else gives is handed on only if it is worth anything.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_have_ended_are_not_handed_out() {
    let helper = Helper::set("").await;
    helper.stage.folder(".aliyun");
    let printed = json!({"mode": "StsToken", "access_key_id": "STS.x", "access_key_secret": "s", "sts_token": "t",
        "expiration": "2020-01-02T03:04:05Z"});
    let file = helper.stage.file("printed.json", &printed.to_string());
    let config = json!({"current": "x", "profiles": [{"name": "x", "mode": "External",
        "process_command": format!("cat {}", file.display())}]});
    helper.stage.file(".aliyun/config.json", &config.to_string());
    let ended = run(&helper, "", &["process"], &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("has ended already, at 2020-01-02T03:04:05Z"), "{}", ended.stderr);
    // A source that is configured wrongly is not passed over for the next.
    let wrong = [
        ("ALIBABA_CLOUD_ECS_METADATA", "r"),
        ("ALIBABA_CLOUD_IMDS_ENDPOINT", "garbage://x"),
        ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true"),
        ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:9/x"),
    ];
    let mut command = helper.stage.command(&built("rrsa-exec-credential"), &["process"]);
    command.envs(wrong);
    let outcome = helper.stage.hand_out(command).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(!outcome.stderr.contains("credentials address"), "{outcome:?}");
    // A cache of a name that is none is not a cache.
    let typo = run(&helper, "", &["process"], &[("RRSA_CACHE", "nome")]).await;
    assert_eq!(typo.code, 2, "{typo:?}");
    assert!(typo.stderr.contains("RRSA_CACHE: there is no cache \"nome\""), "{typo:?}");
    // What kubectl shows as often as it tries is one line, and the line is why.
    let relative = run(&helper, "", &["process"], &[("RRSA_CACHE_DIR", "here")]).await;
    assert_eq!(relative.stderr.lines().count(), 1, "{relative:?}");
    let relative = run(&helper, "", &["whoami"], &[("RRSA_CACHE_DIR", "here")]).await;
    assert!(relative.stderr.contains("RRSA_CACHE_DIR is not used: \"here\""), "{relative:?}");
    let doctor = run(&helper, "", &["doctor"], &[("RRSA_CACHE_DIR", "here")]).await;
    assert!(doctor.stdout.contains("RRSA_CACHE_DIR is not used"), "{}", doctor.stdout);
    helper.end().await;
}

/// A file that is there and broken is not passed over, nor is one that a variable names and that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_not_an_absent_one() {
    let helper = Helper::set("ecs_role: demo-role-for-rrsa").await;
    helper.stage.folder(".alibabacloud");
    let machine = helper.stage.sandbox.imds_endpoint();
    let with = async |variables: &[(&str, &str)]| {
        let mut command =
            helper.stage.command(&built("rrsa-exec-credential"), &["process", "--cache", "none"]);
        command.env("ALIBABA_CLOUD_IMDS_ENDPOINT", machine).envs(variables.iter().copied());
        helper.stage.hand_out(command).await
    };
    assert_eq!(with(&[]).await.code, 0);
    for text in ["garbage", "[default\nenable=true"] {
        helper.stage.file(".alibabacloud/credentials", text);
        let broken = with(&[]).await;
        assert_eq!((broken.code, broken.stdout.as_str()), (1, ""), "{text}: {}", broken.stderr);
        assert!(broken.stderr.contains("sections and fields"), "{text}: {}", broken.stderr);
    }
    for name in ["ALIBABA_CLOUD_CREDENTIALS_FILE", "ALIBABA_CLOUD_CONFIG_FILE"] {
        helper.stage.file(".alibabacloud/credentials", "");
        let missing = with(&[(name, "/no/such/file")]).await;
        assert_eq!((missing.code, missing.stdout.as_str()), (1, ""), "{name}: {}", missing.stderr);
        assert!(missing.stderr.contains("/no/such/file"), "{name}: {}", missing.stderr);
    }
    helper.end().await;
}

/// Signals are for the command, and a source that has no second token is said at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_serves_ends_with_its_command_and_not_before() {
    let helper = Helper::set("").await;
    // Not HUP: whoever runs us may have it ignored, and a shell traps nothing that is.
    for (signal, code) in [("USR2", 3), ("USR1", 4), ("TERM", 5), ("ALRM", 6), ("XCPU", 7)] {
        let script = format!("trap 'exit {code}' {signal}; kill -{signal} $PPID; sleep 5 & wait");
        let outcome = helper.run(&["serve", "--", "sh", "-c", &script]).await;
        assert_eq!(outcome.code, code, "{signal}: {outcome:?}");
    }
    let stdin = format!(
        "[source.x]\ntype = \"rrsa\"\nrole-arn = \"{ROLE}\"\noidc-provider-arn = \"{PROVIDER}\"\ntoken-file = \"-\"\n"
    );
    let file = helper.stage.file("sources.toml", &stdin);
    let mut command =
        helper.stage.command(&built("rrsa-exec-credential"), &["serve", "--source", "x", "--", "true"]);
    command.env("RRSA_CONFIG_FILE", file).stdin(std::fs::File::open(&helper.token).unwrap());
    let outcome = helper.stage.hand_out(command).await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("written to stdin"), "{outcome:?}");
    let version = helper.run(&["version"]).await;
    assert_eq!(
        (version.code, version.stdout.trim()),
        (0, concat!("rrsa-exec-credential ", env!("CARGO_PKG_VERSION")))
    );
    helper.end().await;
}

/// One bad token does not make the next one's holder wait, whoever shares the source.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_said_of_another_token() {
    let helper = Helper::set("").await;
    let token = std::fs::read_to_string(&helper.token).unwrap();
    let (header, rest) = token.split_once('.').unwrap();
    let bad = format!("{header}.{}", rest.replacen(|c: char| c.is_ascii_digit(), "x", 1));
    let other = helper.stage.file("other-token", &bad);
    let source = |field: &str| {
        format!(
            "[source.x]\ntype = \"rrsa\"\nrole-arn = \"{ROLE}\"\noidc-provider-arn = \"{PROVIDER}\"\n{field}\n"
        )
    };
    let by_file = source(&format!("token-file = \"{}\"", other.display()));
    let by_variable = source("token-env = \"MYTOK\"");
    for (config, is_file) in [(&by_variable, false), (&by_file, true)] {
        for (text, code) in [(&bad, 1), (&token, 0)] {
            if is_file {
                helper.stage.file("other-token", text);
            }
            let arguments = ["process", "--source", "x", "--cache", "none"];
            let outcome = run(&helper, config, &arguments, &[("MYTOK", text)]).await;
            assert_eq!(outcome.code, code, "{is_file} {}", outcome.stderr);
        }
    }
    helper.end().await;
}

/// kubectl under the context that calls the helper asks the helper, which would ask kubectl again.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_asks_this_program_itself_is_told_at_once() {
    let helper = Helper::set("").await;
    let source = |command: &str| {
        format!(
            "[source.x]\ntype = \"rrsa\"\nrole-arn = \"{ROLE}\"\noidc-provider-arn = \"{PROVIDER}\"\ntoken-command = {command}\n"
        )
    };
    let program = built("rrsa-exec-credential");
    let again = source(&format!("[\"{}\", \"process\", \"--source\", \"x\"]", program.display()));
    for variables in [&[][..], &[("RRSA_CACHE_DIR", "/proc/nope")], &[("HOME", "")]] {
        let start = Instant::now();
        let outcome = run(&helper, &again, &["process", "--source", "x"], variables).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("asks this program itself"), "{}", outcome.stderr);
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
    helper.end().await;
}

/// A profile of the CLI that calls this program is the source that it names, and not passed over for a key of long ago.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_names_a_source_of_ours_is_that_source() {
    let helper = Helper::set("").await;
    helper.stage.folder(".aliyun");
    let command = |more: &str| {
        let program = built("rrsa-exec-credential");
        let profile = json!({"name": "p", "mode": "External", "region_id": "cn-hangzhou",
            "process_command": format!("{} process{more}", program.display())});
        json!({"current": "p", "profiles": [profile]}).to_string()
    };
    let config = format!(
        "[source.good]\ntype = \"rrsa\"\nrole-arn = \"{ROLE}\"\noidc-provider-arn = \"{PROVIDER}\"\ntoken-file = \"{}\"\n",
        helper.token.display()
    );
    helper.stage.file(".aliyun/config.json", &command(" --source good"));
    let told = run(&helper, &config, &["whoami"], &[("ALIBABA_CLOUD_ROLE_ARN", "")]).await;
    assert!(arn(&told).contains("assumed-role/demo-role-for-rrsa/"), "{told:?}");
    let doctor = run(&helper, "", &["doctor"], &[]).await;
    let words = doctor.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("no source is named \"good\""), "{words}");
    helper.stage.file(".aliyun/config.json", &command(""));
    let circle = run(&helper, &config, &["whoami"], &[("ALIBABA_CLOUD_ROLE_ARN", "")]).await;
    assert_eq!(circle.code, 2, "{circle:?}");
    assert!(circle.stderr.contains("asks this program itself"), "{circle:?}");
    helper.end().await;
}

/// A command is run from a file that is the user's own and that nobody else can write, whatever other file there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_others_could_write_is_not_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let helper = Helper::set("").await;
    let ran = helper.stage.folder("").join("ran");
    let profile =
        json!({"name": "p", "mode": "External", "process_command": format!("touch {}", ran.display())});
    let other = helper.stage.file("other.json", &json!({"current": "p", "profiles": [profile]}).to_string());
    let config =
        format!("[source.x]\ntype = \"cli-profile\"\nprofile = \"p\"\nfile = \"{}\"\n", other.display());
    for (mode, runs) in [(0o666, false), (0o600, true)] {
        std::fs::set_permissions(&other, std::fs::Permissions::from_mode(mode)).unwrap();
        let outcome = run(&helper, &config, &["process", "--source", "x"], &[]).await;
        assert_eq!(outcome.code, 1, "it prints nothing: {outcome:?}");
        assert_eq!(ran.exists(), runs, "{mode:o}: {outcome:?}");
        assert_eq!(outcome.stderr.contains("others may write to"), !runs, "{mode:o}: {outcome:?}");
        let _ = std::fs::remove_file(&ran);
    }
    // A link in a folder that everybody writes to leads wherever somebody wants.
    let open = helper.stage.folder("open");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::os::unix::fs::symlink(&other, open.join("hop")).unwrap();
    let link = helper.stage.folder("").join("link.json");
    std::os::unix::fs::symlink(open.join("hop"), &link).unwrap();
    let config = config.replace("other.json", "link.json");
    let outcome = run(&helper, &config, &["process", "--source", "x"], &[]).await;
    assert!(!ran.exists() && outcome.stderr.contains("others may write to"), "{outcome:?}");
    // So does one that a group of others writes to, where this test may give it to one.
    if std::os::unix::fs::chown(&open, None, Some(12_345)).is_ok() {
        for (mode, runs) in [(0o770, false), (0o1770, true)] {
            std::fs::set_permissions(&open, std::fs::Permissions::from_mode(mode)).unwrap();
            let outcome = run(&helper, &config, &["process", "--source", "x"], &[]).await;
            assert_eq!(ran.exists(), runs, "{mode:o}: {outcome:?}");
            let _ = std::fs::remove_file(&ran);
        }
    }
    helper.end().await;
}

/// What was chosen counts, working or not: nobody takes the machine's role because a profile says too little.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_says_too_little_is_not_passed_over() {
    let helper = Helper::set("").await;
    helper.stage.folder(".aliyun");
    for (mode, words) in [
        ("OIDC", "ALIBABA_CLOUD_ROLE_ARN is not set"),
        ("CredentialsURI", "ALIBABA_CLOUD_CREDENTIALS_URI is not set"),
    ] {
        let profiles = json!({"current": "p", "profiles": [{"name": "p", "mode": mode}]});
        helper.stage.file(".aliyun/config.json", &profiles.to_string());
        let mut command = helper.stage.command(&built("rrsa-exec-credential"), &["whoami"]);
        command.env("ALIBABA_CLOUD_ECS_METADATA", "ecs-role");
        let outcome = helper.stage.hand_out(command).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{mode}: {outcome:?}");
        let (said, file) = ("what the current profile of", ".aliyun/config.json says");
        assert!([said, file, words].iter().all(|part| outcome.stderr.contains(part)), "{mode}: {outcome:?}");
    }
    helper.end().await;
}

/// Of another process the same path leads to another token.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_only_this_process_has_is_not_kept_for_others() {
    let helper = Helper::set("").await;
    let bad = helper.stage.file("bad", "junk");
    let folders = ["one", "two"].map(|name| helper.stage.folder(name));
    std::fs::copy(&helper.token, folders[0].join("token")).unwrap();
    std::fs::copy(&bad, folders[1].join("token")).unwrap();
    for (path, inputs) in [
        ("/dev/stdin", [(&helper.token, &folders[0]), (&bad, &folders[0])]),
        ("/proc/self/fd/0", [(&helper.token, &folders[0]), (&bad, &folders[0])]),
        ("/proc/self/cwd/token", [(&helper.token, &folders[0]), (&helper.token, &folders[1])]),
    ] {
        for ((stdin, folder), code) in inputs.into_iter().zip([0, 1]) {
            let mut command = helper.command(&["process"]);
            command.env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", path).current_dir(folder);
            command.stdin(std::fs::File::open(stdin).unwrap());
            let outcome = helper.stage.hand_out(command).await;
            assert_eq!(outcome.code, code, "{path}: {outcome:?}");
        }
    }
    helper.end().await;
}

/// The address is for the command alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_is_asked_for_the_address() {
    let helper = Helper::set("").await;
    for (said, expected) in
        [("", "127.0.0.1\n127.0.0.1\n"), ("corp.example", "corp.example,127.0.0.1\ncorp.example,127.0.0.1\n")]
    {
        let mut command = helper.command(&["serve", "--", "sh", "-c", "echo $no_proxy; echo $NO_PROXY"]);
        command.env("ALL_PROXY", "http://127.0.0.1:9").env("no_proxy", said).env("NO_PROXY", said);
        let outcome = helper.stage.hand_out(command).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, expected), "{outcome:?}");
    }
    helper.end().await;
}

/// Paths need not be text, and what is no text is not what is not set.
#[tokio::test(flavor = "multi_thread")]
async fn paths_that_are_no_text_are_followed() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let helper = Helper::set("").await;
    let config = |id: &str| {
        let profile = json!({"name": "x", "mode": "AK", "access_key_id": id, "access_key_secret": "s"});
        json!({"current": "x", "profiles": [profile]}).to_string()
    };
    helper.stage.folder(".aliyun");
    let usual = helper.stage.file(".aliyun/config.json", &config("LTAIusual"));
    let home = usual.parent().unwrap().parent().unwrap();
    let named = home.join(OsStr::from_bytes(b"\xff.json"));
    std::fs::write(&named, config("LTAInamed")).unwrap();
    let mut command = helper.stage.command(&built("rrsa-exec-credential"), &["process"]);
    command.env("ALIBABA_CLOUD_CONFIG_FILE", &named);
    assert_eq!(helper.stage.hand_out(command).await.json()["access_key_id"], "LTAInamed");
    let home = home.join(OsStr::from_bytes(b"\xfe"));
    std::fs::create_dir_all(home.join(".aliyun")).unwrap();
    std::fs::write(home.join(".aliyun/config.json"), config("LTAIhome")).unwrap();
    let mut command = helper.stage.command(&built("rrsa-exec-credential"), &["process"]);
    command.env("HOME", &home);
    assert_eq!(helper.stage.hand_out(command).await.json()["access_key_id"], "LTAIhome");
    let mut command = helper.stage.command(&built("rrsa-exec-credential"), &["process"]);
    command.env("ALIBABA_CLOUD_PROFILE", OsStr::from_bytes(b"\xff"));
    let garbled = helper.stage.hand_out(command).await;
    assert_eq!((garbled.code, garbled.stdout.as_str()), (2, ""), "{garbled:?}");
    assert!(garbled.stderr.contains("ALIBABA_CLOUD_PROFILE is not text"), "{garbled:?}");
    helper.end().await;
}
