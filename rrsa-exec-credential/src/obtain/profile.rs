//! What a profile comes to: a key, a source, a role on top of one, or a command.

use std::path::{Path, PathBuf};

use rrsa_shared::env_vars;
use rrsa_shared::source::{Resolved, Spec, external};

use super::answer::of_answer;
use super::{Future, Outcome, Seeker, Trouble, broken};

/// A profile that was chosen.
pub(super) struct Chosen {
    /// Which one.
    pub(super) words: String,
    /// Where it stands.
    pub(super) file: PathBuf,
}

impl Seeker<'_> {
    /// What a profile came to.
    pub(super) fn resolved<'s>(&'s self, resolved: Resolved, chosen: &'s Chosen, depth: u8) -> Future<'s> {
        Box::pin(async move {
            match resolved {
                Resolved::Answer(answer) => of_answer(answer),
                // As the CLI has it, of a profile the switch is about both.
                Resolved::Spec(Spec::CredentialsUri { .. })
                    if self.is_on(env_vars::EXTERNAL_PROCESS_DISABLED) =>
                {
                    let by = env_vars::EXTERNAL_PROCESS_DISABLED;
                    Err(broken(&format!("the profile's credentials address is not asked: {by} forbids it")))
                }
                // One that asks this very program, or that it runs, is none for it.
                Resolved::Spec(Spec::External { profile, command }) => {
                    self.external(&profile, &command, &chosen.file, depth + 1).await
                }
                // A profile that was chosen is configured: what it lacks is no reason to take another identity.
                Resolved::Spec(spec) => self.ask(&spec, depth + 1).await.map_err(|trouble| match trouble {
                    Trouble::Absent(why) => {
                        broken(&format!("what {} says is not enough: {why}", chosen.words))
                    }
                    failed @ Trouble::Failed(_) => failed,
                }),
                Resolved::Role(base, role) => {
                    let base = self.resolved(*base, chosen, depth + 1).await?;
                    self.assume(&base, &role).await
                }
            }
        })
    }

    /// What the command of a profile in `file` prints.
    async fn external(&self, profile: &str, command: &str, file: &Path, depth: u8) -> Outcome {
        let what = format!("process_command of profile {profile}");
        let words =
            external::words(command).ok_or_else(|| broken(&format!("{what}: a quote does not end")))?;
        if external::is_ours(&words) {
            // It would ask this very program; what it names is as well asked for here.
            let wish = external::own_wish(&words);
            if let Some((Some(source), _)) = &wish {
                *self.asks_again.borrow_mut() = Some((profile.to_owned(), source.clone()));
            }
            return match wish {
                None => Err(Trouble::Absent(format!("{what} asks this program itself"))),
                Some((source, Some(role_arn))) => {
                    let role = Spec::AssumeRole {
                        source,
                        role_arn,
                        session_name: None,
                        duration_seconds: None,
                        external_id: None,
                        policy: None,
                    };
                    self.ask(&role, depth + 1).await
                }
                Some((source, None)) => self.ask(&self.named(source.as_deref())?, depth + 1).await,
            };
        }
        if self.is_on(env_vars::WITHIN_EXTERNAL) {
            return Err(Trouble::Absent(format!(
                "{what} is not run within a command that this program runs"
            )));
        }
        if self.is_on(env_vars::EXTERNAL_PROCESS_DISABLED) {
            return Err(broken(&format!(
                "{what}: {} says that none is run",
                env_vars::EXTERNAL_PROCESS_DISABLED
            )));
        }
        let whole = self.files.current_folder().unwrap_or_default().join(file);
        if let Some(why) = self.files.exposed(&whole) {
            return Err(broken(&format!("{what} is not run: {why}")));
        }
        self.told(external::printed(&self.run(&what, &words).await?, profile))
    }
}
