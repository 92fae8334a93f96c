//! `kubectl rrsa completion`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::{Cli, Outcome};
use crate::error::{Error, exit};

/// Where the script for bash knows the word before.
const PREVIOUS: &str = "    prev=\"$3\"\n";
/// bash takes --option=value for three words; and -v has a value behind an equals sign only.
const BASH: &str = "    [[ \"$cur\" == = ]] && cur=\"\"
    [[ \"$prev\" == = ]] && prev=\"${COMP_WORDS[COMP_CWORD-2]}\"
    [[ \"$prev\" == -v || \"$prev\" == --verbose ]] && prev=\"\"
";

/// The program.
const PROGRAM: &str = "kubectl-rrsa";
/// The program that kubectl looks for beside the plugin.
const FOR_KUBECTL: &str = "#!/bin/sh\n\
# Save as kubectl_complete-rrsa in a folder of PATH and make it executable: kubectl's own completion runs it.\n\
exec kubectl-rrsa __complete \"$@\"\n";

/// Print a completion script.
///
/// bash, zsh, fish and powershell complete `kubectl-rrsa`. For `kubectl rrsa …` save the script for kubectl as an
/// executable file `kubectl_complete-rrsa` in PATH; it completes names of namespaces, ServiceAccounts and pods too.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Whose completion
    #[arg(value_enum)]
    shell: For,
}

/// Whose completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum For {
    /// The shell
    Bash,
    /// The shell
    Zsh,
    /// The shell
    Fish,
    /// The shell
    Powershell,
    /// kubectl's own completion, in any shell
    Kubectl,
}

/// Prints the script.
///
/// # Errors
/// Never, as far as is known.
pub fn run(args: &Args) -> Result<Outcome, Error> {
    let shell = match args.shell {
        For::Bash => Shell::Bash,
        For::Zsh => Shell::Zsh,
        For::Fish => Shell::Fish,
        For::Powershell => Shell::PowerShell,
        For::Kubectl => return Ok(Outcome { text: FOR_KUBECTL.to_owned(), code: exit::HEALTHY }),
    };
    // In its scripts for bash a name with a hyphen is never found again behind a subcommand (clap-rs/clap issue 6421).
    let name = if shell == Shell::Bash { "kubectl_rrsa" } else { PROGRAM };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown(Cli::command()), name, &mut script);
    let text = String::from_utf8(script)
        .map_err(|error| Error::could_not_tell("the script is not text").caused_by(error))?;
    let text = match shell {
        Shell::Bash => {
            let registered = format!(" {name}\n");
            text.replace(&registered, &format!(" {PROGRAM}\n")).replacen(
                PREVIOUS,
                &format!("{PREVIOUS}{BASH}"),
                1,
            )
        }
        // With two colons what comes behind the names would be none of the command's any more.
        Shell::Zsh => text.replace("'*::names ", "'*:names "),
        _ => text,
    };
    Ok(Outcome { text, code: exit::HEALTHY })
}

/// The command line without what is for no eyes: the scripts would offer it.
fn shown(whole: clap::Command) -> clap::Command {
    clap::Command::new(PROGRAM)
        .args(whole.get_arguments().cloned())
        .subcommands(whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}
