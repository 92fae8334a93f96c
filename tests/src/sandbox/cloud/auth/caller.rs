//! The identity behind an access key, and what it may do.

use super::super::pattern::like;
use super::super::refusal::Refusal;
use super::super::state::Cloud;

/// Whose credentials signed.
pub(in super::super) enum Identity {
    /// The account itself.
    Account,
    /// A RAM user.
    User(String),
    /// A role, played under a session name.
    Session { role: String, name: String },
}

/// An authenticated caller.
pub(in super::super) struct Caller {
    identity: Identity,
}

impl Caller {
    pub(super) fn new(identity: Identity) -> Self {
        Self { identity }
    }

    pub(in super::super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Refuses an action that the world's permissions do not give the caller; the account may do all.
    pub(in super::super) fn must_be_allowed(
        &self,
        cloud: &Cloud,
        action: &str,
        resource: &str,
    ) -> Result<(), Refusal> {
        let who = match &self.identity {
            Identity::Account => return Ok(()),
            Identity::User(name) => format!("user/{name}"),
            Identity::Session { role, .. } => format!("role/{role}"),
        };
        let wanted = action.to_ascii_lowercase();
        let allowed =
            cloud.world().permissions.iter().filter(|permission| permission.who == who).any(|permission| {
                permission.actions.iter().any(|action| like(&action.to_ascii_lowercase(), &wanted))
                    && permission.resources.iter().any(|pattern| like(pattern, resource))
            });
        if allowed {
            return Ok(());
        }
        Err(Refusal::new("NoPermission").denied(action, "AccountLevelIdentityBasedPolicy", false))
    }
}
