//! `kubectl rrsa describe`.

use crate::checker::Wishes;
use crate::cli::{self, Cli, Machine, Outcome};
use crate::context;
use crate::error::{Error, exit};
use crate::live::Live;
use crate::render::{self, Style};
use crate::subjects::Selection;

/// Show one subject in sections: its role, its pods, what each container acts as, and what is wrong.
///
/// Nothing is tried; `kubectl rrsa check` does that. The lines below "Acts as" say which credential the default chain of
/// each client would pick, and from which STS host.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
}

/// Collects and shows.
///
/// # Errors
/// When a subject does not exist, or the cluster cannot be reached.
pub async fn run(args: &Args, cli: &Cli, machine: &Machine) -> Result<Outcome, Error> {
    let wanted = args.selection.read()?;
    let cloud = cli.cloud.resolve(machine)?;
    let kube = context::connect(&cli.kube, &machine.env).await?;
    let wishes = Wishes { live: Some(Live::None), ..Wishes::default() };
    let (reports, missing) = super::check::once(&wanted, &wishes, 8, machine, &cloud, &kube).await?;
    let style = Style::for_stdout(&machine.env);
    let sections: Vec<_> = reports.iter().map(|report| render::describe(report, style)).collect();
    for error in &missing {
        cli::say(&error.clone().addressed(&kube.chosen_by).to_string());
    }
    Ok(Outcome { text: sections.join("\n"), code: super::check::exit_code(exit::HEALTHY, &missing) })
}
