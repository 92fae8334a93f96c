//! Refusals that the world asks for.

use std::sync::{Mutex, PoisonError};

use super::failure::Failure;
use crate::sandbox::world::ClusterFault;

/// The faults of the world, each with the number of times that are left.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<Vec<ClusterFault>>);

impl Faults {
    /// Every fault, none of them spent.
    pub(crate) fn new(faults: &[ClusterFault]) -> Self {
        Self(Mutex::new(faults.to_vec()))
    }

    /// The refusal that is due for a request, which spends one of its times. `resource` is the plural with
    /// the subresource, or a path.
    pub(crate) fn due(&self, verb: &str, resource: &str, name: &str) -> Option<Failure> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| {
            [(&fault.verb, verb), (&fault.resource, resource)]
                .iter()
                .all(|(rule, value)| *rule == "*" || rule == value)
                && fault.name.as_deref().is_none_or(|wanted| wanted == name)
                && fault.times != Some(0)
        })?;
        fault.times = fault.times.map(|times| times - 1);
        let mut failure = Failure::new(fault.code, &fault.reason, fault.message.clone());
        failure.retry_after_seconds = fault.retry_after_seconds;
        failure.latency_ms = fault.latency_ms;
        Some(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::world::World;

    #[test]
    fn a_fault_spoils_as_many_requests_as_it_says() {
        let world = World::parse(
            "cluster: {faults: [{verb: get, resource: pods, name: demo, code: 429, reason: TooManyRequests, \
             message: slow down, times: 1, retry_after_seconds: 2}]}",
        )
        .unwrap();
        let faults = Faults::new(&world.cluster.faults);
        assert_eq!(faults.due("get", "pods", "other"), None);
        assert_eq!(faults.due("get", "pods/exec", "demo"), None);
        let failure = faults.due("get", "pods", "demo").unwrap();
        assert_eq!((failure.code, failure.status()["details"]["retryAfterSeconds"].as_u64()), (429, Some(2)));
        assert_eq!(faults.due("get", "pods", "demo"), None);
    }
}
