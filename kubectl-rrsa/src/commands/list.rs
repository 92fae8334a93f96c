//! `kubectl rrsa list`.

use std::collections::HashSet;

use rrsa_shared::arn::RoleArn;
use serde::Serialize;

use crate::cli::{self, Cli, Machine, Outcome};
use crate::collect;
use crate::collect::inventory::{Metadata, Scope, ServiceAccounts, Stock, Users};
use crate::context::{self, KubeContext};
use crate::error::{Error, exit};
use crate::facts::{
    ClusterFacts, DEFAULT_ISSUER, Facts, INJECTION_LABEL, ROLE_NAME_ANNOTATION, Seen, SubjectRef, Workload,
};
use crate::render::{self, Columns, printable};
use crate::rules::{AtRest, at_rest, blank};
use crate::stale::{self, Stale};

/// Rows that are shown at a time.
const SHOWN_AT_ONCE: usize = 500;

/// List ServiceAccounts that RRSA concerns, with their role, their pods and what is wrong at rest.
///
/// Nothing is tried: `kubectl rrsa check` does that. Shown are ServiceAccounts that name a role, that were meant to, or
/// whose pods RRSA has reached. VERDICT is the first broken rule, `ok` when none is, `?` when not enough can be seen.
/// With --stale: what to restart, as commands for a shell.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Only ServiceAccounts with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,

    /// ServiceAccounts without any trace of RRSA too
    #[arg(long)]
    all: bool,

    /// Instead of the list, what to restart: workloads whose pods are only older than what would inject them, or than the role;
    /// what is only older than RRSA itself is told by check, which reads tokens
    #[arg(long, conflicts_with_all = ["all", "no_headers"])]
    stale: bool,

    /// Leave out the line of headings
    #[arg(long)]
    no_headers: bool,

    /// Output format; a table without it
    #[arg(short, long, value_enum)]
    output: Option<ListFormat>,
}

/// Output formats of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    /// The table, with the verdict in words
    Wide,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// sa/NAME, one a line
    Name,
}

/// One ServiceAccount.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    namespace: String,
    name: String,
    /// What the role-name annotation says.
    role: Option<String>,
    /// The namespace's injection label.
    injection: Option<String>,
    /// Whether the namespace may not be seen, so that nobody knows of a label.
    #[serde(skip)]
    unseen_namespace: bool,
    /// `None` when pods may not be listed.
    pods: Option<usize>,
    injected: Option<usize>,
    /// Whether anything that runs as it, or is to run, has RRSA.
    #[serde(skip)]
    is_wired: bool,
    /// `broken`, `ok` or `unknown`.
    conclusion: &'static str,
    /// The first rule that is broken at rest.
    rule: Option<&'static str>,
    /// What it says, or what could not be seen.
    words: Option<String>,
}

/// Takes stock of namespaces and pods, then shows ServiceAccounts page by page.
///
/// # Errors
/// When the API server does not answer, or forbids the list of ServiceAccounts.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let namespace = (!args.all_namespaces).then_some(kube.namespace.as_str());
    let explain = |error| context::explain(error, &kube);
    let mut pages = ServiceAccounts::of(Scope { namespace, labels: args.selector.as_deref(), fields: None });
    let (mut accounts, mut named) = (Vec::new(), HashSet::new());
    while let Some(page) = pages.next(&kube.client).await.map_err(explain)? {
        let with_role = page.iter().filter(|account| account.annotations.contains_key(ROLE_NAME_ANNOTATION));
        named.extend(with_role.map(|account| (account.namespace.clone(), account.name.clone())));
        accounts.extend(page);
    }
    let stock = match Stock::take(&kube.client, namespace, |key| named.contains(key)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => {
            let name = printable(&kube.namespace);
            return Err(Error::usage(format!("there is no namespace {name}")).hint("kubectl get namespaces"));
        }
        taken => taken.map_err(explain)?,
    };
    for why in stock.unseen() {
        cli::say(&format!("warning: {why}"));
    }
    let cloud = cli.cloud.resolve(machine)?;
    let site = &cloud.issuers.site;
    let issuer = async || Seen::unknown("not asked");
    let (mut cluster, _) =
        collect::cluster(&kube.client, site, &kube.server, issuer).await.map_err(explain)?;
    cluster.chosen_by.clone_from(&kube.chosen_by);
    if cluster.issuer.value().map(String::as_str) == Some(DEFAULT_ISSUER) {
        cli::say("warning: RRSA-C01: RRSA is off on this cluster, so that no pod of it gets a session");
    }
    // What runs was injected before; what the webhook makes of new pods concerns all.
    if let Some(webhook) = cluster.webhook.value().and_then(Option::as_ref)
        && !webhook.answers(machine.clock.now().as_second())
    {
        let is_away =
            webhook.deployment.value().and_then(Option::as_ref).is_some_and(|d| d.replicas.ready == 0);
        let rule = if is_away { "RRSA-W02" } else { "RRSA-W03" };
        cli::say(&format!(
            "warning: {rule}: the webhook does not answer, so that no pod made now is injected"
        ));
    }
    if args.stale {
        let has_key = cloud.account.key().await.value().is_some();
        return stale(args, &kube, &cluster, &accounts, &stock, has_key).await;
    }
    let (mut table, mut rows, mut shown) = (Table::of(args), Vec::new(), 0);
    let mut facts = Facts { cluster, ..blank("") };
    let mut accounts = accounts.into_iter().peekable();
    while accounts.peek().is_some() {
        let wanted = accounts.by_ref().take(SHOWN_AT_ONCE).map(|account| row(account, &stock, &mut facts));
        let wanted = wanted.filter(|row| {
            args.all
                || row.role.is_some()
                || row.injected.is_some_and(|pods| pods > 0)
                || row.is_wired
                || row.rule == Some("RRSA-S03")
        });
        let before = rows.len();
        rows.extend(wanted);
        shown += rows.len() - before;
        // A table is shown as it comes; a document when it is whole.
        match args.output {
            None | Some(ListFormat::Wide) => cli::write_out(&table.lines(&std::mem::take(&mut rows)))?,
            Some(ListFormat::Name) => {
                for row in rows.drain(..) {
                    cli::write_out(&format!("sa/{}\n", printable(&row.name)))?;
                }
            }
            Some(ListFormat::Json | ListFormat::Yaml) => {}
        }
    }
    let text = match args.output {
        Some(ListFormat::Json) => render::Format::Json.write(&render::List::of(&rows))?,
        Some(ListFormat::Yaml) => render::Format::Yaml.write(&render::List::of(&rows))?,
        _ => String::new(),
    };
    if shown == 0 && text.is_empty() {
        let place = namespace.map_or_else(String::new, |name| format!(" in namespace {}", printable(name)));
        cli::say(&format!("No ServiceAccount that RRSA concerns was found{place}; --all shows every one."));
    }
    Ok(Outcome { text, code: exit::HEALTHY })
}

/// What to restart.
async fn stale(
    args: &Args,
    kube: &KubeContext,
    cluster: &ClusterFacts,
    accounts: &[Metadata],
    stock: &Stock,
    has_key: bool,
) -> Result<Outcome, Error> {
    let (mut found, mut code) = (Vec::new(), exit::HEALTHY);
    for account in accounts {
        let Some(named) = account.annotations.get(ROLE_NAME_ANNOTATION) else { continue };
        let users = stock.pods_using(&account.namespace, &account.name);
        // What is wired, with the role that is named, needs no restart; where pods may not be listed the next call says so.
        let is_role = |arn: &str| RoleArn::parse(arn).is_ok_and(|role| role.name == *named);
        let fine = |workload: &Workload| {
            let like = &workload.like;
            like.is_wired() && like.role_arn().is_none_or(is_role) && like.is_of(cluster)
        };
        if users.value().is_some_and(|users| users.workloads.iter().all(fine)) {
            continue;
        }
        let (namespace, name) = (&account.namespace, &account.name);
        match stale::of_service_account(&kube.client, cluster, (namespace, name), has_key).await {
            Ok(stale) => found.extend(stale),
            Err(why) => {
                cli::say(&format!(
                    "warning: serviceaccount {}: {why}",
                    printable(&format!("{namespace}/{name}"))
                ));
                code = exit::COULD_NOT_TELL;
            }
        }
    }
    let text = match args.output {
        Some(ListFormat::Json) => render::Format::Json.write(&render::List::of(&found))?,
        Some(ListFormat::Yaml) => render::Format::Yaml.write(&render::List::of(&found))?,
        Some(ListFormat::Name) => found.iter().flat_map(names).collect(),
        None | Some(ListFormat::Wide) => found.iter().map(script).collect(),
    };
    if found.is_empty() && code == exit::HEALTHY {
        cli::say("Nothing has to be restarted.");
    }
    Ok(Outcome { text, code })
}

/// What is to be made anew, by name.
fn names(stale: &Stale) -> Vec<String> {
    match &stale.owner {
        Some(owner) => vec![format!("{}\n", printable(owner))],
        None => stale.pods.iter().map(|name| format!("pod/{}\n", printable(name))).collect(),
    }
}

/// The command, after a comment that says why; of a pod that nobody makes anew all is a comment.
fn script(stale: &Stale) -> String {
    let count = match stale.pods.len() {
        1 => "1 pod".to_owned(),
        count => format!("{count} pods"),
    };
    let reason = format!("# {count} of sa/{}, {}: {}", stale.service_account, stale.rule, stale.why);
    let next = match (&stale.command, &stale.owner) {
        (Some(command), Some(_)) => command.clone(),
        (Some(command), None) => format!("# {command}"),
        (None, owner) => {
            let what = owner.as_deref().unwrap_or("what made them");
            format!("# {what} cannot be restarted; its next pods will have RRSA")
        }
    };
    format!("{}\n{}\n", printable(&reason), printable(&next))
}

/// `facts` are about the cluster, and take in what is known of the ServiceAccount.
fn row(account: Metadata, stock: &Stock, facts: &mut Facts) -> Row {
    let namespace = stock.namespace(&account.namespace);
    let users = stock.pods_using(&account.namespace, &account.name);
    let injection = namespace.value().and_then(Option::as_ref).and_then(|n| n.labels.get(INJECTION_LABEL));
    let injection = injection.cloned();
    let unseen_namespace = namespace.value().is_none();
    let pods = users.value().map(|Users { count, .. }| (count.total, count.wired));
    facts.subject = SubjectRef::ServiceAccount(account.name.clone());
    facts.namespace.clone_from(&account.namespace);
    facts.namespace_facts = namespace;
    facts.service_account_name.clone_from(&account.name);
    facts.service_account = Seen::known(Some(account.as_service_account()), "list");
    facts.pods_using = users.map(|users| users.count.clone());
    facts.unscheduled = users.value().and_then(|users| users.unscheduled.clone());
    let is_wired = users.value().is_some_and(|users| users.workloads.iter().any(|one| one.like.names_rrsa()));
    facts.workloads = users.value().map(|users| users.workloads.clone()).unwrap_or_default();
    facts.settle_templates();
    let (conclusion, rule, words) = match at_rest(facts) {
        AtRest::Broken(finding) => ("broken", Some(finding.rule), Some(finding.title.to_owned())),
        AtRest::Unseen(why) => ("unknown", None, Some(why)),
        AtRest::Fine => ("ok", None, None),
    };
    Row {
        role: account.annotations.get(ROLE_NAME_ANNOTATION).cloned(),
        injection,
        unseen_namespace,
        namespace: account.namespace,
        name: account.name,
        pods: pods.map(|(total, _)| total),
        injected: pods.map(|(_, wired)| wired),
        is_wired,
        conclusion,
        rule,
        words,
    }
}

/// The table, whose columns keep their width from page to page.
struct Table {
    namespaces: bool,
    wide: bool,
    headings: bool,
    columns: Columns,
}

impl Table {
    fn of(args: &Args) -> Self {
        Self {
            namespaces: args.all_namespaces,
            wide: args.output == Some(ListFormat::Wide),
            headings: !args.no_headers,
            columns: Columns::default(),
        }
    }

    fn lines(&mut self, rows: &[Row]) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let mut lines = Vec::with_capacity(rows.len() + 1);
        if std::mem::take(&mut self.headings) {
            let names = ["NAMESPACE", "NAME", "ROLE", "LABEL", "PODS", "INJECTED", "VERDICT", "WORDS"];
            lines.push(self.chosen(names.map(str::to_owned)));
        }
        let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("<none>"));
        let number = |number: Option<usize>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
        lines.extend(rows.iter().map(|row| {
            self.chosen([
                printable(&row.namespace),
                printable(&row.name),
                text(&row.role),
                if row.unseen_namespace { "?".to_owned() } else { text(&row.injection) },
                number(row.pods),
                number(row.injected),
                match (row.rule, row.conclusion) {
                    (Some(rule), _) => rule.to_owned(),
                    (None, "ok") => "ok".to_owned(),
                    (None, _) => "?".to_owned(),
                },
                row.words.as_deref().map(printable).unwrap_or_default(),
            ])
        }));
        self.columns.lines(&lines)
    }

    /// The cells that are shown.
    fn chosen(&self, cells: [String; 8]) -> Vec<String> {
        let shown = |column: usize| match column {
            0 => self.namespaces,
            7 => self.wide,
            _ => true,
        };
        cells.into_iter().enumerate().filter(|(column, _)| shown(*column)).map(|(_, cell)| cell).collect()
    }
}
