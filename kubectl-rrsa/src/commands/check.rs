//! `kubectl rrsa check`.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use rrsa_shared::arn::RoleArn;
use rrsa_shared::env_vars;

use super::trust_policy;
use crate::checker::{Checker, ProbeWishes, Wishes};
use crate::cli::{self, Cli, Machine, Outcome};
use crate::cloud::Cloud;
use crate::context::{self, KubeContext, duration};
use crate::error::{Error, ErrorKind, exit};
use crate::facts::{Facts, SubjectRef};
use crate::gate::{FailOn, Gate};
use crate::live::{Interrupt, Live};
use crate::offline::{Given, Manifests, PolicyFile};
use crate::render::{self, Bar, Format, Style, printable};
use crate::report::{Conclusion, Report};
use crate::subjects::{Selection, Subject, Wanted};

/// Check the chain of RRSA, and prove it with a live AssumeRoleWithOIDC.
///
/// The chain: cluster, provider, webhook, namespace, ServiceAccount, pod, token, exchange, trust policy, identity.
/// The report names the first broken link and what to type. A ServiceAccount is as well as one pod of each
/// workload that runs as it. A workload is checked by the newest pod that its template of today has made, or by that template. Healthy means that the pod's own token was taken; --live=token and --live=pod settle for the identity.
/// Exit codes: 0 healthy, 1 findings, 2 usage, 3 could not tell.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,

    /// Look at a manifest instead of a cluster, YAML or JSON, - for stdin; nothing is asked and nothing tried
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        conflicts_with_all = ["names", "all_namespaces", "selector", "live", "watch"],
    )]
    filename: Vec<PathBuf>,

    /// With -f: the role's trust policy in a file, held against each ServiceAccount of the manifest
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Where the token of the live check comes from; token for a ServiceAccount, exec for a pod
    #[arg(long, value_enum)]
    live: Option<Live>,

    /// With --live=ephemeral or pod: image that holds rrsa-exec-credential [env: RRSA_PROBE_IMAGE]
    #[arg(long, value_name = "IMAGE")]
    probe_image: Option<String>,

    /// With --live=ephemeral or pod: also ask whether the instance metadata service answers in the cluster
    #[arg(long)]
    imds: bool,

    /// Container whose token is read with --live=exec; the first with RRSA's variables otherwise
    #[arg(short, long)]
    container: Option<String>,

    /// ARN of the role to assume, when the cluster does not tell it
    #[arg(long, value_name = "ARN", value_parser = RoleArn::text)]
    role_arn: Option<String>,

    /// ARN of the OIDC provider, when the cluster does not tell it
    #[arg(long, value_name = "ARN")]
    oidc_provider_arn: Option<String>,

    /// Seconds that the session of the live check is asked for, as the workload asks; 900 without it
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    session_duration: Option<u32>,

    /// Subjects that are checked at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,

    /// Live checks that are begun in a second, at most; STS throttles an account that asks for more
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rate: u16,

    /// The least severity that fails the run
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOn,

    /// Report of an earlier run (-o json); what it found does not fail this run
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Check again until all is healthy; not with --live=ephemeral, whose containers stay
    #[arg(short, long)]
    watch: bool,

    /// With --watch: how long, such as 5m or 90s
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "5m", requires = "watch")]
    timeout: Duration,

    /// Output format; a checklist for eyes without it
    #[arg(short, long, value_enum)]
    output: Option<CheckFormat>,
}

/// Output formats of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum CheckFormat {
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// JUnit XML: a suite a subject, a case a link
    Junit,
    /// SARIF 2.1.0
    Sarif,
}

/// From how many ServiceAccounts on it is cheaper to ask for all objects at once than for those of each.
const MANY: usize = 8;
/// Seconds between two looks of --watch.
const PAUSE: Duration = Duration::from_secs(3);

/// Collects, judges, shows.
///
/// # Errors
/// When a subject does not exist, the cluster cannot be reached, or an option is wrong.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    if !args.filename.is_empty() {
        let gate = Gate::open(args.fail_on, args.baseline.as_deref(), &machine.files)?;
        let reports = files(args, cli, machine)?;
        return Ok(Outcome {
            code: gate.exit_code(&reports),
            text: show(args, machine, &gate, false, (&reports, &[]))?,
        });
    }
    if args.policy.is_some() {
        let message = "--policy is for manifests; a cluster's roles are asked for in RAM";
        return Err(Error::usage(message).hint("name a manifest with --filename FILE"));
    }
    let wanted = args.selection.read()?;
    if let Some(live @ (Live::Exec | Live::Ephemeral)) = args.live
        && wanted.names_service_account()
    {
        let does = if live == Live::Exec { "exec reads the token of" } else { "ephemeral enters" };
        let message = format!("--live={does} a running pod, and a ServiceAccount has none");
        return Err(Error::usage(message).hint("name a pod: kubectl rrsa check pod/NAME"));
    }
    if args.watch && args.live == Some(Live::Ephemeral) {
        let message = "--watch looks again and again, and each look of --live=ephemeral would add a container that stays";
        return Err(
            Error::usage(message).hint("--live=pod takes its pod away again, --live=exec adds nothing")
        );
    }
    let probe = probe(args, machine)?;
    let gate = Gate::open(args.fail_on, args.baseline.as_deref(), &machine.files)?;
    let cloud = cli.cloud.resolve(machine)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let wishes = Wishes {
        live: args.live,
        container: args.container.clone(),
        role_arn: args.role_arn.clone(),
        oidc_provider_arn: args.oidc_provider_arn.clone(),
        session_seconds: args.session_duration,
        rate: Some(args.rate),
        probe,
    };
    if args.live == Some(Live::Ephemeral) {
        cli::say(
            "note: an ephemeral container is added to the pod, and stays in its spec until the pod ends",
        );
    }
    let look = async || once(&wanted, &wishes, args.parallel, machine, &cloud, &kube).await;
    let start = machine.clock.elapsed();
    let mut seen = look().await;
    while args.watch
        && !wishes.is_interrupted()
        && machine.clock.elapsed().saturating_sub(start) < args.timeout
    {
        match &seen {
            Ok((reports, missing)) if missing.is_empty() && gate.exit_code(reports) == exit::HEALTHY => {
                break;
            }
            Ok((reports, missing)) => progress(reports, missing),
            // What could not be looked at may be there the next time; what was typed wrong is so then too.
            Err(error) if error.kind != ErrorKind::Usage => {
                progress(&[], std::slice::from_ref(error));
            }
            Err(_) => break,
        }
        let left = args.timeout.saturating_sub(machine.clock.elapsed().saturating_sub(start));
        let pause = machine.clock.sleep(PAUSE.min(left));
        match &wishes.probe {
            None => pause.await,
            Some(probe) => tokio::select! {
                () = pause => {}
                _ = probe.interrupt.wait() => break,
            },
        }
        let next = look().await;
        // A look that was cut short says less than the one before.
        if !(wishes.is_interrupted() && seen.is_ok()) {
            seen = next;
        }
    }
    let (reports, missing) = match seen {
        // Who reads a document reads there why nothing was checked.
        Err(error) if args.output.is_some() && error.kind != ErrorKind::Usage => (Vec::new(), vec![error]),
        seen => seen?,
    };
    let missing: Vec<Error> = missing.into_iter().map(|error| error.addressed(&kube.chosen_by)).collect();
    for error in &missing {
        cli::say(&error.to_string());
    }
    let text = show(args, machine, &gate, wanted.is_one(), (&reports, &missing))?;
    Ok(Outcome { text, code: exit_code(gate.exit_code(&reports), &missing) })
}

/// The exit code where some of what was wanted was not looked at: what was named and is not there, or may not be seen, was not
/// checked.
pub(super) fn exit_code(of_reports: u8, missing: &[Error]) -> u8 {
    let worst = missing.iter().map(Error::exit_code).min_by_key(|code| *code != exit::USAGE);
    match (worst, of_reports) {
        (None, code) => code,
        (Some(exit::USAGE), _) => exit::USAGE,
        (Some(_), exit::FINDINGS) => exit::FINDINGS,
        (Some(unseen), _) => unseen,
    }
}

fn show(
    args: &Args,
    machine: &Machine,
    gate: &Gate,
    one: bool,
    (reports, missing): (&[Report], &[Error]),
) -> Result<String, Error> {
    Ok(match args.output {
        None => render::checks(reports, Style::for_stdout(&machine.env)) + &known(gate, reports),
        Some(CheckFormat::Json) => write(Format::Json, one, reports, missing)?,
        Some(CheckFormat::Yaml) => write(Format::Yaml, one, reports, missing)?,
        Some(CheckFormat::Junit) => render::junit(reports, missing, gate),
        Some(CheckFormat::Sarif) => Format::Json.write(&render::sarif(reports, missing, gate))?,
    })
}

/// How much of it the baseline excuses.
fn known(gate: &Gate, reports: &[Report]) -> String {
    let all = reports.iter().flat_map(|report| &report.findings);
    match all.filter(|finding| gate.knows(finding)).count() {
        0 => String::new(),
        1 => "\n1 finding is in the baseline, and fails nothing.\n".to_owned(),
        count => format!("\n{count} findings are in the baseline, and fail nothing.\n"),
    }
}

/// Judges what stands in files.
fn files(args: &Args, cli: &Cli, machine: &Machine) -> Result<Vec<Report>, Error> {
    let mut manifests = Manifests::default();
    for path in &args.filename {
        manifests.add(&path.display().to_string(), &machine.read_text(path)?)?;
    }
    let policy = match &args.policy {
        Some(path) => {
            let (name, text) = (path.display().to_string(), machine.read_text(path)?);
            let (text, role_arn) = trust_policy::within(text);
            let document = trust_policy::read(&name, &text)?;
            Some(PolicyFile { name, document, text, role_arn })
        }
        None => None,
    };
    let given = Given {
        namespace: cli.kube.namespace.clone(),
        role_arn: args.role_arn.clone(),
        oidc_provider_arn: args.oidc_provider_arn.clone(),
        policy,
    };
    let (facts, left_out) = manifests.facts(&given)?;
    if left_out > 0 {
        let all = facts.len() + left_out;
        cli::say(&format!("note: {left_out} of {all} have nothing to do with RRSA, and are left out"));
    }
    if facts.is_empty() {
        return Err(Error::could_not_tell("there is nothing to check in the files")
            .hint("name manifests with workloads, pods, or ServiceAccounts that name a role"));
    }
    Ok(facts.into_iter().map(Report::on).collect())
}

/// One report for one object, a list for everything else.
fn write(format: Format, one: bool, reports: &[Report], missing: &[Error]) -> Result<String, Error> {
    match reports {
        [report] if one => format.write(report),
        reports => format.write(&render::List::of(reports).without(missing)),
    }
}

/// What the probe is run with, where one is wanted.
fn probe(args: &Args, machine: &Machine) -> Result<Option<ProbeWishes>, Error> {
    if !matches!(args.live, Some(Live::Ephemeral | Live::Pod)) {
        return match (&args.probe_image, args.imds) {
            (None, false) => Ok(None),
            _ => Err(Error::usage("--probe-image and --imds are for --live=ephemeral and --live=pod")),
        };
    }
    match args.probe_image.clone().or_else(|| machine.env.var(env_vars::PROBE_IMAGE)) {
        Some(image) => Ok(Some(ProbeWishes {
            image,
            imds: args.imds,
            interrupt: Interrupt::listen(args.watch.then_some(args.timeout)),
        })),
        None => Err(Error::usage("no image was named for the probe").hint(format!(
            "name one that holds rrsa-exec-credential with --probe-image or {}",
            env_vars::PROBE_IMAGE
        ))),
    }
}

/// Looks at every subject once.
pub(super) async fn once(
    wanted: &Wanted,
    wishes: &Wishes,
    parallel: u16,
    machine: &Machine,
    cloud: &Cloud,
    kube: &KubeContext,
) -> Result<(Vec<Report>, Vec<Error>), Error> {
    let (mut subjects, mut missing) = wanted.resolve(kube).await?;
    if let Some(error) = missing.pop_if(|_| subjects.is_empty()) {
        return Err(error);
    }
    let nothing = || {
        Error::could_not_tell("there is nothing to check")
            .hint("kubectl get serviceaccounts -A shows what there is; a name checks one in any case")
    };
    let witness = match subjects.first() {
        Some(Subject { namespace, subject: SubjectRef::ServiceAccount(name), .. }) => {
            (namespace.clone(), name.clone())
        }
        Some(Subject { namespace, .. }) => (namespace.clone(), "default".to_owned()),
        None if wanted.is_everything() => ("default".to_owned(), "default".to_owned()),
        None => return Err(nothing()),
    };
    let mut checker = Checker::open(machine, cloud, kube, wishes, (&witness.0, &witness.1)).await?;
    if wanted.is_everything() {
        checker.take_stock(None).await?;
        let by_hand = checker.wired_by_hand();
        subjects.extend(by_hand.map(|(namespace, name)| Subject::service_account(namespace, name)));
    } else if subjects.len() > MANY
        && subjects.iter().all(|s| matches!(s.subject, SubjectRef::ServiceAccount(_)))
    {
        let one = subjects.iter().all(|subject| subject.namespace == witness.0);
        checker.take_stock(one.then_some(witness.0.as_str())).await?;
    }
    if subjects.is_empty() {
        return Err(nothing());
    }
    let mut seen = HashSet::new();
    subjects.retain(|subject| seen.insert((subject.namespace.clone(), subject.subject.to_string())));
    let checker = checker;
    let checks = subjects.iter().cloned().map(|subject| checker.collect(subject));
    let bar = Bar::of(subjects.len());
    let checks = checks.map(|check| check.inspect(|_| bar.advance()));
    let collected: Vec<_> = stream::iter(checks).buffered(parallel.into()).collect().await;
    bar.clear();
    let alone = collected.len() + missing.len() == 1;
    let (mut found, mut gone) = (Vec::new(), 0);
    let all = collected.len();
    for (subject, one) in subjects.iter().zip(collected) {
        match one {
            Ok(facts) => found.push(facts),
            // What was not begun any more is told together.
            Err(_) if wishes.is_interrupted() => {}
            // Nobody named it, and it went away between two looks.
            Err(error) if error.kind == ErrorKind::Absent && !wanted.is_by_name() => gone += 1,
            Err(error) if !alone => missing.push(match error.kind {
                ErrorKind::CouldNotTell => {
                    let which = format!("{} in namespace {}", subject.subject, subject.namespace);
                    Error { message: format!("{which}: {}", error.message), ..error }
                }
                _ => error,
            }),
            Err(error) => return Err(error),
        }
    }
    let unseen = all - found.len() - gone;
    if gone > 0 {
        cli::say(&format!("note: {gone} of {all} went away meanwhile"));
    }
    if let Some(why) = wishes.interruption().filter(|_| unseen > 0) {
        missing.push(Error::could_not_tell(format!("{why}: {unseen} of {all} were not checked")));
    }
    // Where none could be looked at the first says why.
    if found.is_empty() && !missing.is_empty() {
        return Err(missing.remove(0));
    }
    let mut collected = found;
    if !wanted.is_by_name() {
        let all = collected.len();
        missing.extend(doubtful(&mut collected));
        let doubtful = all - collected.len();
        collected.retain(Facts::wants_rrsa);
        match all - doubtful - collected.len() {
            _ if collected.is_empty() && !missing.is_empty() => return Err(missing.remove(0)),
            _ if collected.is_empty() && all == 0 => return Err(nothing()),
            0 => {}
            _ if collected.is_empty() => {
                return Err(Error::could_not_tell("none of them has anything to do with RRSA")
                    .hint("a name checks one in any case: kubectl rrsa check TYPE/NAME"));
            }
            left => {
                cli::say(&format!("note: {left} of {all} have nothing to do with RRSA, and are left out"));
            }
        }
    }
    Ok((collected.into_iter().map(Report::on).collect(), missing))
}

/// Takes those out of which it is not known whether RRSA concerns them, and says why.
fn doubtful(collected: &mut Vec<Facts>) -> Vec<Error> {
    let mut why: BTreeMap<String, (usize, String)> = BTreeMap::new();
    collected.retain(|facts| {
        let Some(unseen) = facts.may_want_rrsa() else { return true };
        let first = format!("{} in namespace {}", facts.subject, facts.namespace);
        why.entry(unseen.to_owned()).or_insert((0, first)).0 += 1;
        false
    });
    let told = why.into_iter().map(|(why, (count, first))| {
        let who = if count == 1 { first } else { format!("{count} of them, such as {first}") };
        Error::could_not_tell(format!("whether RRSA concerns {who} is not seen"))
            .caused_by(why)
            .hint("a name checks one in any case: kubectl rrsa check TYPE/NAME")
    });
    told.collect()
}

/// Says on stderr what is still being waited for.
fn progress(reports: &[Report], missing: &[Error]) {
    for error in missing {
        cli::say(&format!("waiting: {}", printable(&error.message)));
    }
    let waiting = reports.iter().filter(|report| report.conclusion != Conclusion::Healthy);
    for report in waiting {
        let why = report.first_broken.unwrap_or("not enough can be seen");
        let subject = printable(&format!("{}/{}", report.facts.namespace, report.facts.subject));
        cli::say(&format!("waiting for {subject}: {why}"));
    }
}
