//! `kubectl rrsa kubeconfig`.

use std::path::{Path, PathBuf};

use kube::config::Cluster;
use rrsa_shared::ack::{DescribeClusterUserKubeconfig, UserKubeconfig};
use rrsa_shared::api::ApiError;
use rrsa_shared::arn::RoleArn;
use rrsa_shared::rewrite::{Entry, TextFile, put};
use rrsa_shared::source::external::{exec_words, is_ours};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::files::{self, Doing};
use crate::cli::{Cli, Machine, Outcome};
use crate::collect;
use crate::context::{self, KubeFlags};
use crate::error::{Error, exit};
use crate::helper::{self, HelperCommand};
use crate::live;
use crate::shell::{addressed, word};

const HEAD: &str = "apiVersion: v1\nkind: Config\n";
/// Fields of a cluster that say whom it is trusted by; those of another way would contradict ours.
const TRUST: [&str; 3] = ["certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"];
/// Minutes of the certificate that is asked for along with the address, and thrown away.
const LEAST_MINUTES: u16 = 15;

/// Print a kubeconfig whose user is `rrsa-exec-credential`, or write its entries into yours.
///
/// It is for the cluster of the current context, or for the one that --cluster-id names, whose address ACK is asked for. The entries
/// have a name of their own, so that no other entry is touched; --write shows the change as a diff, keeps a copy of the file as it
/// was, and --undo puts that back.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Id of an ACK cluster; its address is asked of ACK, which needs an access key that may do
    /// cs:DescribeClusterUserKubeconfig
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,

    /// A client certificate that ACK issues, instead of a bearer token for the RAM authenticator
    #[arg(long)]
    certificate: bool,

    /// Minutes that the certificate lives, 15 to 4320
    #[arg(long, value_name = "MINUTES", requires = "certificate", value_parser = clap::value_parser!(u16).range(15..=4320))]
    duration_minutes: Option<u16>,

    /// The API server's private address
    #[arg(long)]
    private_address: bool,

    /// Source of the helper's config.toml
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// ARN of a role that the helper assumes
    #[arg(long, value_name = "ARN", value_parser = RoleArn::text)]
    role_arn: Option<String>,

    /// Name of the three entries; rrsa-ID without it
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,

    /// The helper; the one that is found without it
    #[arg(long, value_name = "PATH")]
    helper: Option<PathBuf>,

    #[command(flatten)]
    doing: Doing,
}

#[derive(Serialize)]
struct NamedCluster<'a> {
    name: &'a str,
    cluster: Value,
}

#[derive(Serialize)]
struct NamedUser<'a> {
    name: &'a str,
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(flatten)]
    others: Map<String, Value>,
    exec: Exec<'a>,
}

/// Ways in that kubectl takes before an exec plugin.
const OTHER_WAYS: [&str; 9] = [
    "token",
    "tokenFile",
    "username",
    "password",
    "auth-provider",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
];
/// What we say of the plugin ourselves.
const SAID: [&str; 6] =
    ["apiVersion", "command", "args", "interactiveMode", "installHint", "provideClusterInfo"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exec<'a> {
    api_version: &'a str,
    command: &'a str,
    args: Vec<String>,
    interactive_mode: &'a str,
    install_hint: &'a str,
    provide_cluster_info: bool,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Serialize)]
struct NamedContext<'a> {
    name: &'a str,
    context: Value,
}

/// Prints the kubeconfig, or writes it.
///
/// # Errors
/// When the cluster or the helper cannot be found, or a file cannot be changed.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    if args.doing.undo {
        let file_only = file_only(&cli.kube);
        let path = context::file_to_write(&cli.kube, &machine.env)?;
        return files::undo(&path, |text| {
            taken_out(text, &path).map(|commands| {
                format!("what was added is taken out by: {}", addressed(&commands, &file_only))
            })
        });
    }
    if args.private_address && args.cluster_id.is_none() && !args.certificate {
        return Err(Error::usage("--private-address says how ACK is asked, and ACK is not asked here")
            .hint("add --cluster-id ID, or --certificate"));
    }
    let helper = helper::command(args.helper.as_deref(), &machine.env)?;
    let (cluster, cluster_id) = match &args.cluster_id {
        Some(id) => (asked(args, id, cli, machine).await?, id.clone()),
        None => current(cli, machine).await?,
    };
    let name = args.name.clone().unwrap_or_else(|| format!("rrsa-{cluster_id}"));
    if !args.doing.write {
        let entries = entries(args, &name, &cluster_id, &cluster, &helper, &Value::Null)?;
        let text = put("", HEAD, &entries, Some(("current-context", &name)))
            .map_err(|error| Error::could_not_tell("the kubeconfig cannot be written").caused_by(error))?;
        return Ok(Outcome { text, code: exit::HEALTHY });
    }
    let path = context::file_to_write(&cli.kube, &machine.env)?;
    let file = TextFile::open_to_change(&path).map_err(files::refused)?;
    let current = args.doing.select.then_some(("current-context", name.as_str()));
    let as_it_is = rrsa_shared::rewrite::read(file.text());
    if let Some(section) = foreign(&as_it_is, &name, &helper) {
        let place = path.display();
        return Err(Error::usage(format!(
            "{name} is among the {section} of {place} already, and is not ours"
        ))
        .hint("choose another name with --name"));
    }
    let entries = entries(args, &name, &cluster_id, &cluster, &helper, &as_it_is)?;
    let after = put(file.text(), HEAD, &entries, current).map_err(|error| {
        Error::usage(format!("{} is left as it is", path.display()))
            .caused_by(error)
            .hint("without --write the entries are printed: save them as a file of their own, and name both in KUBECONFIG")
    })?;
    let file_only = file_only(&cli.kube);
    let next = if args.doing.select && cli.kube.kubeconfig.is_some() {
        format!("it is the current context there: {name}")
    } else if args.doing.select {
        format!("kubectl uses it now: context {name}")
    } else {
        let command = format!("kubectl auth whoami --context {}", word(&name));
        format!(
            "try it with: {}; --write --use makes it the current context",
            addressed(&command, &file_only)
        )
    };
    files::write(&file, &after, &next, &addressed("kubectl rrsa kubeconfig --undo", &file_only))
}

/// The options that choose the file; the others choose whom to ask.
fn file_only(flags: &KubeFlags) -> String {
    KubeFlags { kubeconfig: flags.kubeconfig.clone(), ..KubeFlags::default() }.chosen()
}

/// What takes our entries out of a kubeconfig that somebody has changed since. Where one of them is the current context, the one
/// of before is it again, as far as a copy knows it.
fn taken_out(text: &str, path: &Path) -> Option<String> {
    let config = rrsa_shared::rewrite::read(text);
    let users = config["users"].as_array().into_iter().flatten();
    let ours = users.filter(|user| is_ours(&exec_words(&user["user"]["exec"])));
    // Ours have one name for all three.
    let has = |section: &str, name: &str| {
        config[section].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name))
    };
    let names = ours.filter_map(|user| user["name"].as_str());
    let names: Vec<_> = names.filter(|name| has("contexts", name) && has("clusters", name)).collect();
    let mut commands = Vec::new();
    if let Some(current) = config["current-context"].as_str().filter(|current| names.contains(current)) {
        let before = files::in_copies(path, |text| {
            let before = rrsa_shared::rewrite::read(text)["current-context"].as_str()?.to_owned();
            (before != current && has("contexts", &before)).then_some(before)
        });
        commands.push(match before {
            Some(before) => format!("kubectl config use-context {}", word(&before)),
            None => "kubectl config unset current-context".to_owned(),
        });
    }
    for name in &names {
        let delete = |kind| format!("kubectl config delete-{kind} {}", word(name));
        commands.extend(["context", "user", "cluster"].map(delete));
    }
    (!names.is_empty()).then(|| commands.join(" && "))
}

/// The list that has an entry of that name which somebody else wrote: one whose user does not call this program.
fn foreign(config: &Value, name: &str, helper: &HelperCommand) -> Option<&'static str> {
    let named =
        |section: &str| config[section].as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
    let is_ours = |user: &Value| {
        let words = exec_words(&user["user"]["exec"]);
        // A helper that was named may be called anything; what it is asked for tells.
        let asked = words.get(1).is_some_and(|word| ["token", "certificate"].contains(&word.as_str()));
        let hinted = user["user"]["exec"]["installHint"].as_str().is_some_and(|hint| hint.contains("rrsa"));
        is_ours(&words) || words.first() == Some(&helper.program) || (asked && hinted)
    };
    match named("users") {
        Some(user) if is_ours(user) => None,
        Some(_) => Some("users"),
        None => ["clusters", "contexts"].into_iter().find(|section| named(section).is_some()),
    }
}

fn entries(
    args: &Args,
    name: &str,
    cluster_id: &str,
    cluster: &Cluster,
    helper: &HelperCommand,
    as_it_is: &Value,
) -> Result<[Entry; 3], Error> {
    let odd = |error| Error::could_not_tell("the kubeconfig cannot be written").caused_by(error);
    let cluster = serde_json::to_value(cluster).map_err(odd)?;
    // What somebody has added to entries of ours stays, but for what says the same in another way.
    let kept = |section: &str, field: &str, dropped: &[&str]| {
        let entries = as_it_is[section].as_array();
        let found = entries.and_then(|all| all.iter().find(|one| one["name"] == name));
        let mut fields = found.and_then(|one| one[field].as_object()).cloned().unwrap_or_default();
        fields.retain(|key, _| !dropped.contains(&key.as_str()));
        fields
    };
    let mut cluster_fields = kept("clusters", "cluster", &TRUST);
    cluster_fields
        .extend(cluster.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    let mut context_fields = kept("contexts", "context", &[]);
    context_fields
        .extend([("cluster", name), ("user", name)].map(|(key, name)| (key.to_owned(), json!(name))));
    let mut user_fields = kept("users", "user", &OTHER_WAYS);
    let mut exec_fields = match user_fields.remove("exec") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    exec_fields.retain(|key, _| !SAID.contains(&key.as_str()));

    let mut words = helper.first.clone();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|&word| word.to_owned()));
    add(&[if args.certificate { "certificate" } else { "token" }, "--cluster-id", cluster_id]);
    if let Some(minutes) = args.duration_minutes {
        add(&["--duration-minutes", &minutes.to_string()]);
    }
    if args.certificate && args.private_address {
        add(&["--private-address"]);
    }
    if let Some(source) = &args.source {
        add(&["--source", source]);
    }
    if let Some(role_arn) = &args.role_arn {
        add(&["--role-arn", role_arn]);
    }
    let exec = Exec {
        api_version: "client.authentication.k8s.io/v1",
        command: &helper.program,
        args: words,
        interactive_mode: "Never",
        install_hint: "rrsa-exec-credential is not where it was: kubectl krew install rrsa, then kubectl rrsa exec-credential doctor says what to type",
        provide_cluster_info: false,
        others: exec_fields,
    };
    Ok([
        Entry::new("clusters", name, &NamedCluster { name, cluster: cluster_fields.into() }),
        Entry::new("users", name, &NamedUser { name, user: User { others: user_fields, exec } }),
        Entry::new("contexts", name, &NamedContext { name, context: context_fields.into() }),
    ])
}

/// The cluster of the current context, and the id that it knows itself by.
async fn current(cli: &Cli, machine: &Machine) -> Result<(Cluster, String), Error> {
    let none = || {
        Error::usage("no cluster was named").hint("choose one with --context NAME, or with --cluster-id ID")
    };
    let cluster = context::cluster(&cli.kube, &machine.env)?.ok_or_else(none)?;
    let cloud = cli.cloud.resolve(machine)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let now = machine.clock.now().as_second();
    let issuer = async || live::issuer(&kube.client, &kube.namespace, "default", now).await;
    let (facts, _) = collect::cluster(&kube.client, &cloud.issuers.site, &kube.server, issuer)
        .await
        .map_err(|error| context::explain(error, &kube))?;
    let id = facts.cluster_id.as_result().map_err(|why| {
        Error::could_not_tell("the id of the cluster was not found")
            .caused_by(why)
            .hint("name it with --cluster-id ID")
    })?;
    Ok((cluster, id.clone()))
}

/// The cluster as ACK tells its address.
async fn asked(args: &Args, id: &str, cli: &Cli, machine: &Machine) -> Result<Cluster, Error> {
    #[derive(Deserialize)]
    struct Given {
        clusters: Vec<GivenCluster>,
    }
    #[derive(Deserialize)]
    struct GivenCluster {
        cluster: Cluster,
    }
    // The id becomes part of a path.
    if !rrsa_shared::arn::is_cluster_id(id) {
        return Err(Error::usage(format!("\"{id}\" is not the id of a cluster")));
    }
    let account = cli.cloud.resolve(machine)?.account;
    let key = account.key().await;
    let key = key.as_result().map_err(|why| {
        Error::usage("ACK cannot be asked for the address of the cluster")
            .caused_by(why)
            .hint("without --cluster-id the cluster of the current context is taken")
    })?;
    let call = DescribeClusterUserKubeconfig {
        cluster_id: id.to_owned(),
        private_address: args.private_address,
        minutes: LEAST_MINUTES,
    };
    let ack = &account.ack;
    let asked =
        ack.call(|stamp| call.request(&ack.endpoint, key, stamp), DescribeClusterUserKubeconfig::read).await;
    let UserKubeconfig { config, .. } = asked.result.map_err(|error| {
        if matches!(&error, ApiError::Fault(fault) if fault.code.contains("NotFound")) {
            return Error::usage(format!("ACK has no cluster {id} in the account of the access key"))
                .caused_by(error.without(key))
                .hint("aliyun cs DescribeClustersV1 shows what there is");
        }
        Error::could_not_tell(format!("DescribeClusterUserKubeconfig at {}", ack.endpoint.host()))
            .caused_by(error.without(key))
            .hint("whoever signs needs the RAM action cs:DescribeClusterUserKubeconfig")
    })?;
    // The parser's own words quote the file, and the file holds a key.
    let options = serde_saphyr::options! { with_snippet: false };
    let given = serde_saphyr::from_str_with_options::<Given>(config.expose(), options).ok();
    given.and_then(|given| given.clusters.into_iter().next()).map(|one| one.cluster).ok_or_else(|| {
        Error::could_not_tell("DescribeClusterUserKubeconfig gave a kubeconfig without a cluster")
    })
}
