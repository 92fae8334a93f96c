//! `kubectl rrsa check`.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::checker::{Checker, Wishes};
use crate::cli::{Cli, Machine, Outcome};
use crate::context;
use crate::error::{Error, exit};
use crate::facts::SubjectRef;
use crate::live::Live;
use crate::render::{self, Format, Style};
use crate::report::Report;
use crate::subjects::Selection;

/// Check the chain of RRSA, and prove it with a live AssumeRoleWithOIDC.
///
/// The chain: cluster, provider, webhook, namespace, ServiceAccount, pod, token, exchange, trust policy, identity.
/// The report names the first broken link and what to type. A workload is checked by its newest running pod.
/// Exit codes: 0 healthy, 1 findings, 2 usage, 3 could not tell.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,

    /// Where the token of the live check comes from; token for a ServiceAccount, exec for a pod
    #[arg(long, value_enum)]
    live: Option<Live>,

    /// Container whose token is read with --live=exec; the first with RRSA's variables otherwise
    #[arg(short, long)]
    container: Option<String>,

    /// ARN of the role to assume, when the cluster does not tell it
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,

    /// ARN of the OIDC provider, when the cluster does not tell it
    #[arg(long, value_name = "ARN")]
    oidc_provider_arn: Option<String>,

    /// Subjects that are checked at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,

    /// Output format; a checklist for eyes without it
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

/// Collects, judges, shows.
///
/// # Errors
/// When a subject does not exist, the cluster cannot be reached, or an option is wrong.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let wanted = args.selection.read()?;
    if args.live == Some(Live::Exec) && wanted.names_service_account() {
        let message = "--live=exec reads the token of a running pod, and a ServiceAccount has none";
        return Err(Error::usage(message).hint("name a pod: kubectl rrsa check pod/NAME"));
    }
    let cloud = cli.cloud.resolve(&machine.env, &machine.files, &machine.clock, &machine.random)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let subjects = wanted.resolve(&kube).await?;
    let Some(first) = subjects.first() else {
        return Err(Error::could_not_tell("there is nothing to check")
            .hint("kubectl get serviceaccounts -A shows what there is; a name checks one in any case"));
    };
    let wishes = Wishes {
        live: args.live,
        container: args.container.clone(),
        role_arn: args.role_arn.clone(),
        oidc_provider_arn: args.oidc_provider_arn.clone(),
    };
    let witness = match &first.subject {
        SubjectRef::ServiceAccount(name) => name.as_str(),
        SubjectRef::Pod(_) => "default",
    };
    let checker = Checker::open(machine, &cloud, &kube, &wishes, (&first.namespace, witness)).await?;
    let checks = subjects.iter().cloned().map(|subject| checker.collect(subject));
    let collected: Vec<_> = stream::iter(checks).buffered(args.parallel.into()).collect().await;
    let reports = collected.into_iter().map(|facts| facts.map(Report::on)).collect::<Result<Vec<_>, _>>()?;
    let text = match (args.output, wanted.is_one(), reports.first()) {
        (Some(format), true, Some(report)) => format.write(report)?,
        (Some(format), ..) => format.write(&render::List::of(&reports))?,
        (None, ..) => render::checks(&reports, Style::for_stdout(&machine.env)),
    };
    Ok(Outcome { text, code: exit_code(&reports) })
}

/// Findings anywhere are findings; else a doubt anywhere is a doubt.
fn exit_code(reports: &[Report]) -> u8 {
    let codes = || reports.iter().map(Report::exit_code);
    [exit::FINDINGS, exit::COULD_NOT_TELL]
        .into_iter()
        .find(|code| codes().any(|one| one == *code))
        .unwrap_or(exit::HEALTHY)
}
