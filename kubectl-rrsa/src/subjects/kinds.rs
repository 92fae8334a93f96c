//! Kinds and names, spelt as kubectl spells them.

use crate::error::Error;

/// The kinds that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ServiceAccount,
    Pod,
    Workload(&'static Workload),
}

/// Kinds for completion: short name, plural, and kind as the API has it.
pub const KINDS: &[(&str, &str, &str)] = &[
    ("namespace", "namespaces", "Namespace"),
    ("sa", "serviceaccounts", "ServiceAccount"),
    ("pod", "pods", "Pod"),
    ("deploy", "deployments", "Deployment"),
    ("sts", "statefulsets", "StatefulSet"),
    ("ds", "daemonsets", "DaemonSet"),
    ("rs", "replicasets", "ReplicaSet"),
    ("job", "jobs", "Job"),
    ("cronjob", "cronjobs", "CronJob"),
];

/// A kind of object that makes pods.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Workload {
    pub(super) kind: &'static str,
    pub(super) singular: &'static str,
    short: &'static str,
    pub(super) api: &'static str,
}

const WORKLOADS: &[Workload] = &[
    Workload { kind: "Deployment", singular: "deployment", short: "deploy", api: "apis/apps/v1" },
    Workload { kind: "StatefulSet", singular: "statefulset", short: "sts", api: "apis/apps/v1" },
    Workload { kind: "DaemonSet", singular: "daemonset", short: "ds", api: "apis/apps/v1" },
    Workload { kind: "ReplicaSet", singular: "replicaset", short: "rs", api: "apis/apps/v1" },
    Workload { kind: "Job", singular: "job", short: "job", api: "apis/batch/v1" },
    Workload { kind: "CronJob", singular: "cronjob", short: "cj", api: "apis/batch/v1" },
];

impl Kind {
    /// Its singular name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "serviceaccount",
            Self::Pod => "pod",
            Self::Workload(workload) => workload.singular,
        }
    }

    /// A kind by its short, singular or plural name.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        // kubectl takes deployment.apps and deployment.v1.apps as well.
        let (text, group) = text.split_once('.').unwrap_or((&text, ""));
        let is = |singular: &str, short: &str| {
            text == short || text == singular || text.strip_suffix('s') == Some(singular)
        };
        if is("serviceaccount", "sa") && ["", "v1."].contains(&group) {
            return Some(Self::ServiceAccount);
        }
        if is("pod", "po") && ["", "v1."].contains(&group) {
            return Some(Self::Pod);
        }
        let of_group = |workload: &Workload| {
            let api = workload.api.trim_start_matches("apis/").trim_end_matches("/v1");
            group.is_empty() || group.trim_start_matches("v1.") == api
        };
        let found = WORKLOADS.iter().find(|workload| is(workload.singular, workload.short));
        found.filter(|workload| of_group(workload)).map(Self::Workload)
    }
}

/// One word of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: Kind,
    /// `None` for all of the kind.
    pub(super) name: Option<String>,
}

pub(super) fn word(text: &str) -> Result<Word, Error> {
    let wrong = |message: String| {
        Error::usage(message).hint("kubectl rrsa check sa/NAME | pod/NAME | deploy/NAME [-n NAMESPACE]")
    };
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (text, None),
    };
    let Some(found) = Kind::read(kind) else {
        return Err(wrong(match name {
            Some(_) => {
                format!("\"{kind}\" cannot be checked; sa, pod, deploy, sts, ds, rs, job and cronjob can")
            }
            None => format!("\"{text}\" is not TYPE/NAME"),
        }));
    };
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
    };
    if let Some(name) = name.filter(|name| name.len() > 253 || !name.split('.').all(label)) {
        return Err(wrong(format!("\"{name}\" cannot be the name of an object")));
    }
    Ok(Word { kind: found, name: name.map(str::to_owned) })
}

/// The name in `sa/NAME`.
///
/// # Errors
/// Another kind, or no name.
pub fn service_account(text: &str) -> Result<String, Error> {
    match word(text)? {
        Word { kind: Kind::ServiceAccount, name: Some(name) } => Ok(name),
        _ => Err(Error::usage(format!("\"{text}\" is no ServiceAccount")).hint("write sa/NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spelt_as_kubectl_spells_them() {
        for text in ["sa/demo", "serviceaccount/demo", "ServiceAccounts/demo"] {
            assert_eq!(word(text).unwrap().kind, Kind::ServiceAccount, "{text}");
        }
        for text in
            ["deploy/x", "deployment/x", "Deployments/x", "deployment.apps/x", "deployments.v1.apps/x"]
        {
            assert_eq!(word(text).unwrap().kind, Kind::Workload(&WORKLOADS[0]), "{text}");
        }
        assert_eq!(word("po/demo.1").unwrap(), Word { kind: Kind::Pod, name: Some("demo.1".to_owned()) });
        assert_eq!(word("pods").unwrap().name, None);
        for text in [
            "demo",
            "svc/demo",
            "sa/",
            "sa/a/b",
            "sa/Demo",
            "sa/-a",
            "pod/../x",
            "sa/a b",
            "s/x",
            "job.apps/x",
        ] {
            assert_eq!(word(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
