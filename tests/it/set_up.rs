//! The helper written into other programs' files, and what surrounds it looked at.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::clients::{node, python};
use crate::helper::Helper;
use crate::stage::{Outcome, built, found};

const CONTEXT: &str = "rrsa-c0123456789abcdef0123456789abcdef";

/// A kubeconfig as people keep them: YAML, with comments and fields of others.
fn kept_by_hand(helper: &Helper) -> PathBuf {
    let sandbox: Value = serde_json::from_str(helper.stage.sandbox.kubeconfig()).unwrap();
    let (cluster, user) = (&sandbox["clusters"][0]["cluster"], &sandbox["users"][0]["user"]);
    let text = format!(
        "# mine, not to be touched
apiVersion: v1
kind: Config
clusters:
# the sandbox
- name: sandbox
  cluster:
    server: {}   # loopback
    certificate-authority-data: {}
users:
- name: sandbox-admin
  user: {{token: {}}} # the administrator's
# where I work
contexts:
- {{name: sandbox, context: {{cluster: sandbox, user: sandbox-admin}}}}
current-context: sandbox # for now
preferences: {{colors: true}}
x-mine: [1, 2]
",
        cluster["server"].as_str().unwrap(),
        cluster["certificate-authority-data"].as_str().unwrap(),
        user["token"].as_str().unwrap(),
    );
    helper.stage.folder(".kube");
    helper.stage.file(".kube/config", &text)
}

/// `kubectl-rrsa` with that kubeconfig.
async fn rrsa(helper: &Helper, arguments: &[&str]) -> Outcome {
    let mut command = helper.stage.command(&built("kubectl-rrsa"), arguments);
    command.env_remove("KUBECONFIG");
    helper.stage.run(command).await
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_gets_an_entry_that_kubectl_uses_and_gets_rid_of_it_again() {
    let helper = Helper::set("").await;
    let file = kept_by_hand(&helper);
    let before = text(&file);
    let written = rrsa(&helper, &["kubeconfig", "--write"]).await;
    assert_eq!(written.code, 0, "{written:?}");
    assert!(written.stdout.contains("+- name: rrsa-c0123456789abcdef0123456789abcdef"), "{written:?}");
    assert!(written.stderr.contains(&format!("kubectl auth whoami --context {CONTEXT}")), "{written:?}");
    assert!(written.stderr.contains("\nkubectl rrsa kubeconfig --undo puts back"), "{written:?}");
    let elsewhere = helper.stage.file("else.yaml", &before).display().to_string();
    let to_other = rrsa(&helper, &["kubeconfig", "--write", "--kubeconfig", &elsewhere]).await;
    for command in ["auth whoami --context", "rrsa kubeconfig --undo"] {
        let command = match command.strip_prefix("rrsa ") {
            Some(rest) => format!("kubectl rrsa --kubeconfig {elsewhere} {rest}"),
            None => format!("kubectl --kubeconfig {elsewhere} {command}"),
        };
        assert!(to_other.stderr.contains(&command), "{to_other:?}");
    }
    let after = text(&file);
    for line in before.lines() {
        assert!(after.lines().any(|one| one == line), "{line}\n{after}");
    }
    if let Some(kubectl) = found("kubectl", "a kubeconfig that was written") {
        let helpers = helper.command(&[]);
        let mut command =
            helper.stage.command(&kubectl, &["auth", "whoami", "-o", "json", "--context", CONTEXT]);
        command
            .envs(helpers.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env_remove("KUBECONFIG");
        let outcome = helper.stage.run(command).await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.stdout.contains("demo-role-for-rrsa"), "{outcome:?}");
    }
    // Of a file that somebody has changed since no copy is put back.
    let since = format!("{after}# theirs\n");
    std::fs::write(&file, &since).unwrap();
    let late = rrsa(&helper, &["kubeconfig", "--undo"]).await;
    assert_eq!((late.code, text(&file)), (2, since), "{late:?}");
    let deletes =
        ["context", "user", "cluster"].map(|kind| format!("kubectl config delete-{kind} {CONTEXT}"));
    assert!(late.stderr.contains(&deletes.join(" && ")), "{late:?}");
    std::fs::write(&file, &after).unwrap();
    // The same again changes nothing; another wish replaces the entry alone.
    let again = rrsa(&helper, &["kubeconfig", "--write"]).await;
    assert_eq!((again.code, again.stdout.as_str(), text(&file)), (0, "", after.clone()), "{again:?}");
    // What somebody has added to the entries since stays when they are written again.
    let added = text(&file).replacen("    user: rrsa-", "    namespace: prod\n    user: rrsa-", 1);
    assert_ne!(added, text(&file));
    std::fs::write(&file, &added).unwrap();
    let once_more = rrsa(&helper, &["kubeconfig", "--write"]).await;
    assert_eq!(once_more.code, 0, "{once_more:?}");
    assert!(text(&file).contains("namespace: prod"), "{}", text(&file));
    std::fs::write(&file, &after).unwrap();
    let other = rrsa(&helper, &["kubeconfig", "--write", "--use", "--certificate", "--source", "prod"]).await;
    assert_eq!(other.code, 0, "{other:?}");
    assert!(text(&file).contains(&format!("current-context: {CONTEXT}\n")), "{other:?}");
    for expected in [&after, &before] {
        let undone = rrsa(&helper, &["kubeconfig", "--undo"]).await;
        assert_eq!((undone.code, &text(&file)), (0, expected), "{undone:?}");
    }
    let nothing = rrsa(&helper, &["kubeconfig", "--undo"]).await;
    assert_eq!(nothing.code, 2, "{nothing:?}");
    // There and back, and there again: each way back leads to what was.
    for more in [&[][..], &["--certificate"], &[]] {
        assert_eq!(rrsa(&helper, &[&["kubeconfig", "--write"], more].concat()).await.code, 0);
    }
    for _ in 0..3 {
        let undone = rrsa(&helper, &["kubeconfig", "--undo"]).await;
        assert_eq!(undone.code, 0, "{undone:?}");
    }
    assert_eq!(text(&file), before);
    // What somebody else wrote is not ours to replace.
    let foreign = before.lines().find_map(|line| line.trim().strip_prefix("- name: ")).unwrap().to_owned();
    let refused = rrsa(&helper, &["kubeconfig", "--write", "--name", &foreign]).await;
    assert_eq!((refused.code, text(&file)), (2, before.clone()), "{refused:?}");
    assert!(refused.stderr.contains("is not ours"), "{refused:?}");
    // A helper that was named is ours whatever it is called.
    let another = helper.stage.file("another-name", "").display().to_string();
    let named = ["kubeconfig", "--write", "--helper", &another];
    for more in [&[][..], &["--certificate"]] {
        let again = rrsa(&helper, &[&named[..], more].concat()).await;
        assert_eq!(again.code, 0, "{again:?}");
    }
    for _ in 0..2 {
        assert_eq!(rrsa(&helper, &["kubeconfig", "--undo"]).await.code, 0);
    }
    let left: Vec<_> =
        std::fs::read_dir(file.parent().unwrap()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "config" || name == "cache"), "{left:?}");
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_cluster_is_asked_of_ack_where_it_is_named() {
    let world = "
access_keys: [{id: LTAI5tStoryAccessKeyId, secret: story-access-key-secret, user: deployer}]
permissions: [{who: user/deployer, actions: ['cs:DescribeClusterUserKubeconfig']}]
";
    let helper = Helper::set(world).await;
    let named = ["kubeconfig", "--cluster-id", "c0123456789abcdef0123456789abcdef"];
    let keyless = rrsa(&helper, &named).await;
    assert_eq!(keyless.code, 2, "{keyless:?}");
    assert!(keyless.stderr.contains("without --cluster-id"), "{keyless:?}");
    for (more, host) in [(&[][..], "https://127.0.0.1:"), (&["--private-address"], "https://localhost:")] {
        let mut command = helper.stage.command(&built("kubectl-rrsa"), &[&named[..], more].concat());
        command
            .env_remove("KUBECONFIG")
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tStoryAccessKeyId")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "story-access-key-secret");
        let printed = helper.stage.run(command).await;
        assert_eq!(printed.code, 0, "{printed:?}");
        assert!(printed.stdout.contains(&format!("server: {host}")), "{printed:?}");
        assert!(!printed.stdout.contains("client-key-data"), "{printed:?}");
    }
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_cannot_be_changed_in_one_place_is_left_alone() {
    let helper = Helper::set("").await;
    let file = kept_by_hand(&helper);
    let flow = text(&file).replace(
        "users:\n- name: sandbox-admin\n  user: {token: ",
        "users: [{name: sandbox-admin, user: {token: ",
    );
    let flow = flow.replace("} # the administrator's", "}}]");
    std::fs::write(&file, &flow).unwrap();
    let refused = rrsa(&helper, &["kubeconfig", "--write"]).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("users") && refused.stderr.contains("without --write"), "{refused:?}");
    assert_eq!(text(&file), flow);
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_written_so_that_clients_of_all_ages_read_it() {
    let helper = Helper::set("").await;
    helper.stage.folder(".aliyun");
    let others = "{\n\t\"current\": \"ak\",\n\t\"profiles\": [\n\t\t{\"name\": \"ak\", \"mode\": \"AK\", \"access_key_id\": \"LTAI5tOther\", \"access_key_secret\": \"x\", \"retry_count\": 1e1}\n\t],\n\t\"meta_path\": \"\"\n}\n";
    let file = helper.stage.file(".aliyun/config.json", others);
    let arguments = ["profile", "rrsa", "--source", "pod", "--region", "cn-hangzhou", "--write", "--use"];
    let written = rrsa(&helper, &arguments).await;
    assert_eq!(written.code, 0, "{written:?}");
    assert!(!written.stdout.contains("\"x\""), "a secret of another profile: {written:?}");
    let after = text(&file);
    assert!(
        after.contains("\"retry_count\": 1e1}") && after.contains("\n\t\"meta_path\": \"\"\n"),
        "{after}"
    );
    let token = helper.token.display();
    let config = format!(
        "[source.pod]\ntype = \"rrsa\"\nrole-arn = \"acs:ram::1234567890123456:role/demo-role-for-rrsa\"\n\
         oidc-provider-arn = \"acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef\"\n\
         token-file = \"{token}\"\n"
    );
    let config = helper.stage.file("config.toml", &config);
    for mut client in
        [python(&helper.stage, &["chain"]), node(&helper.stage, &["chain"])].into_iter().flatten()
    {
        client.env("RRSA_CONFIG_FILE", &config).env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        let outcome = helper.stage.run(client).await;
        assert_eq!(outcome.code, 0, "a client failed");
    }
    // What the clients have written back is found, explained and taken away.
    let doctor = |arguments: &[&str]| {
        let mut command: Command = helper.command(&[&["doctor"][..], arguments].concat());
        command.env("RRSA_CONFIG_FILE", &config).env_remove("KUBECONFIG");
        command
    };
    let leaked = |text: &str| {
        let config: Value = serde_json::from_str(text).unwrap();
        let profiles = config["profiles"].as_array().unwrap().clone();
        let ours = profiles.into_iter().find(|one| one["name"] == "rrsa").unwrap();
        ours["access_key_secret"].as_str().is_some_and(|text| !text.is_empty())
    };
    if !leaked(&text(&file)) {
        let mut config: Value = serde_json::from_str(&text(&file)).unwrap();
        config["profiles"][1]["access_key_secret"] = json!("written-back");
        std::fs::write(&file, config.to_string()).unwrap();
    }
    let found = helper.stage.run(doctor(&[])).await;
    assert_eq!(found.code, 1, "{found:?}");
    assert!(found.stdout.contains("in plain text") && found.stdout.contains("profile rrsa"), "{found:?}");
    assert!(leaked(&text(&file)), "nothing is changed unless it is asked for");
    let fixed = helper.stage.run(doctor(&["--fix"])).await;
    assert_eq!(fixed.code, 0, "{fixed:?}");
    assert!(!leaked(&text(&file)) && text(&file).contains("LTAI5tOther"), "{}", text(&file));
    // A profile of another mode is not replaced unless that is said.
    let kept =
        rrsa(&helper, &["profile", "ak", "--source", "pod", "--region", "cn-hangzhou", "--write"]).await;
    assert_eq!(kept.code, 2, "{kept:?}");
    assert!(kept.stderr.contains("--replace"), "{kept:?}");
    helper.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_left_in_a_kubeconfig_and_a_clock_that_is_off() {
    let helper = Helper::set("clock_offset_seconds: 1200").await;
    let file = kept_by_hand(&helper);
    let broken = text(&file)
        + "
";
    let broken = broken.replace(
        "users:\n",
        "users:\n- name: left\n  user:\n    token: hunter2hunter2\n    exec: {apiVersion: client.authentication.k8s.io/v1, command: /nowhere/rrsa-exec-credential, args: [token]}\n",
    );
    std::fs::write(&file, broken).unwrap();
    // What an SDK has written back lies in the copy as well.
    helper.stage.folder(".aliyun");
    let profiles = |more: &str| {
        format!(
            r#"{{"current":"x","profiles":[{{"name":"x","mode":"External","process_command":"x"{more}}}]}}"#
        )
    };
    helper.stage.file(".aliyun/config.json", &profiles(""));
    let leaked = profiles(r#","access_key_secret":"hunter2hunter2""#);
    let copy = helper.stage.file(".aliyun/config.json.before-0123456789ab", &leaked);
    let mut command = helper.command(&["doctor"]);
    command.env_remove("KUBECONFIG");
    let outcome = helper.stage.run(command).await;
    assert_eq!(outcome.code, 1, "{outcome:?}");
    for words in [
        "token stands beside exec",
        "/nowhere/rrsa-exec-credential is not there",
        "interactiveMode is missing",
        "STS refuses what is signed",
        "kernel keyring: keeps credentials",
        "no argument names the cluster",
        "which is the copy that --undo would put back",
    ] {
        let said: Vec<_> = outcome.stdout.split_whitespace().collect();
        assert!(said.join(" ").contains(words), "{words}: {outcome:?}");
    }
    // The paths of the tester's folders are as long as they are.
    for line in outcome.stdout.lines() {
        let words = line.chars().skip(14).collect::<String>();
        assert!(line.chars().count() <= 80 || !words.contains(' '), "{line}");
    }
    assert!(!outcome.stdout.contains("hunter2"), "{outcome:?}");
    let mut command = helper.command(&["doctor", "--fix"]);
    command.env_remove("KUBECONFIG");
    helper.stage.run(command).await;
    assert!(!text(&copy).contains("hunter2"), "{}", text(&copy));
    // Some SDKs write into the profile that was named, though another has the command; some read the usual file whatever a
    // variable says.
    let chained =
        r#",{"name":"y","mode":"ChainableRamRoleArn","source_profile":"x","sts_token":"hunter2hunter2"}]}"#;
    let chained = helper.stage.file(".aliyun/config.json", &profiles("").replace("]}", chained));
    let elsewhere = helper.stage.file("go.json", &profiles(""));
    let mut command = helper.command(&["doctor", "--fix"]);
    command.env_remove("KUBECONFIG").env("ALIBABA_CLOUD_CONFIG_FILE", elsewhere);
    helper.stage.run(command).await;
    assert!(!text(&chained).contains("hunter2"), "{}", text(&chained));
    // A broken configuration is found, and stands in the way of nothing else.
    let config = helper.stage.file("config.toml", "[source.pod\nhunter2");
    let mut command = helper.command(&["doctor"]);
    command.env("RRSA_CONFIG_FILE", config).env_remove("KUBECONFIG");
    let outcome = helper.stage.run(command).await;
    assert!(outcome.stdout.contains("✗ config.toml") && !outcome.stdout.contains("hunter2"), "{outcome:?}");
    let handed = rrsa(&helper, &["exec-credential", "logout"]).await;
    assert!(handed.code == 0 && handed.stdout.starts_with("0 sessions taken away\n"), "{handed:?}");
    helper.end().await;
}
