//! Faults that wait for the calls they spoil.

use std::sync::{Mutex, PoisonError};

use super::refusal::Refusal;
use crate::sandbox::world::Fault;

/// The faults still to come, in the order in which they are tried.
pub(super) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    pub(super) fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// The first fault that concerns `api` and is not used up; one use of it is gone.
    pub(super) fn take(&self, api: &str) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults
            .iter_mut()
            .find(|fault| [api, "*"].contains(&fault.api.as_str()) && fault.times != Some(0))?;
        let taken = fault.clone();
        fault.times = fault.times.map(|times| times - 1);
        Some(taken)
    }
}

/// What a fault answers; nothing when it only keeps the caller waiting.
pub(super) fn refusal(fault: &Fault) -> Option<Refusal> {
    let mut refusal = Refusal::new(fault.code.as_deref()?);
    refusal.status = fault.http_status.unwrap_or(refusal.status);
    if let Some(message) = &fault.message {
        refusal.message.clone_from(message);
    }
    Some(refusal)
}
