//! Which STS host an SDK asks follows from the container's variables; a wrong one is found out by timeouts only.
//! (STS endpoints; default credential chains of the official SDKs.)

use rrsa_shared::env_vars;
use rrsa_shared::ports::http::TransportFault;
use rrsa_shared::proof::{NetworkFacts, Step};
use rrsa_shared::sts::{REGIONS, is_region};

use super::finding::{Evidence, Severity, Verdict};
use super::{pod, reach};
use crate::facts::{ContainerFacts, ExchangeFacts, ExchangeOutcome, Facts, PodFacts, VantageFacts};
use crate::shell::word;

/// What decides whether a proxy comes between.
const BY_PROXY: [&str; 6] = [
    env_vars::VPC_ENDPOINT_ENABLED,
    env_vars::STS_REGION,
    env_vars::HTTPS_PROXY,
    "https_proxy",
    env_vars::NO_PROXY,
    "no_proxy",
];
/// What decides which host is asked.
const BY_HOST: [&str; 3] = [env_vars::STS_ENDPOINT, env_vars::STS_REGION, env_vars::VPC_ENDPOINT_ENABLED];

/// The VPC host has a region to be the host of.
pub(super) fn e04(facts: &Facts) -> Verdict {
    pod::each_container_by(
        facts,
        &[env_vars::VPC_ENDPOINT_ENABLED, env_vars::STS_REGION],
        |pod, container| {
            let asked = container.value(env_vars::VPC_ENDPOINT_ENABLED)?.eq_ignore_ascii_case("true");
            if reach::gets_region(facts, pod, container) {
                return None;
            }
            (asked && !container.env.contains_key(env_vars::STS_REGION)).then(|| {
                let region = facts.cluster.region.value().map_or("REGION", String::as_str);
                Evidence::new(
                    format!("{}={region} beside it", env_vars::STS_REGION),
                    format!("{} is true and no region is set", env_vars::VPC_ENDPOINT_ENABLED),
                    pod::place(facts, pod, container),
                    "set the region: without it every SDK asks the public host, and says nothing",
                )
            })
        },
    )
}

/// The region is one.
pub(super) fn e05(facts: &Facts) -> Verdict {
    pod::each_container_by(facts, &[env_vars::STS_REGION], |pod, container| {
        let region = container.value(env_vars::STS_REGION)?;
        if facts.cluster.region.value().is_some_and(|own| own == region) {
            return None;
        }
        if REGIONS.contains(&region) {
            return None;
        }
        let near = near_region(region);
        let evidence = Evidence::new(
            near.map_or_else(|| "a region id such as cn-hangzhou".to_owned(), str::to_owned),
            format!("{region:?}"),
            format!("variable {}, {}", env_vars::STS_REGION, pod::place(facts, pod, container)),
            match near {
                None if is_region(region) => {
                    "see that there is such a region: it becomes part of the STS host's name, and none of that name is known here"
                }
                _ => "write the region's id: it becomes part of the STS host's name",
            },
        );
        // New ones come; but the VPC host of any other than the cluster's own has no route from here.
        let is_far = vpc_host(facts, pod, container).is_some() && facts.cluster.region.value().is_some();
        let may_be = near.is_none() && is_region(region) && !is_far;
        Some(if may_be { evidence.severity(Severity::Warning) } else { evidence })
    })
}

/// The region that was meant by a zone of it, or by a misspelt name.
fn near_region(text: &str) -> Option<&'static str> {
    let words = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let is_numbered = |region: &&&str| region.ends_with(|c: char| c.is_ascii_digit());
    // A new number is a new region as likely as a slip.
    if REGIONS.contains(&text)
        || REGIONS.iter().filter(is_numbered).any(|region| words(region) == words(text))
    {
        return None;
    }
    let zone_of = |region: &&&str| {
        let zone = text.strip_prefix(**region).map(|zone| zone.trim_start_matches('-'));
        zone.is_some_and(|zone| zone.len() == 1 && zone.bytes().all(|b| b.is_ascii_lowercase()))
    };
    let misspelt = |region: &&&str| rrsa_shared::policy::edit_distance(region, text) <= 2;
    REGIONS.iter().find(zone_of).or_else(|| REGIONS.iter().find(misspelt)).copied()
}

/// A proxy leaves STS's VPC host and the metadata service alone.
pub(super) fn e06(facts: &Facts) -> Verdict {
    pod::each_container_by(facts, &BY_PROXY, |pod, container| {
        let proxy =
            ["HTTPS_PROXY", "https_proxy"].into_iter().find(|name| container.env.contains_key(*name))?;
        let host = vpc_host(facts, pod, container)?;
        let spared = ["NO_PROXY", "no_proxy"].iter().any(|name| match container.env.get(*name) {
            None => false,
            // A list that is not seen may name it.
            Some(_) => container.value(name).is_none_or(|list| covers(list, &host)),
        });
        (!spared).then(|| {
            Evidence::new(
                format!("{host} in NO_PROXY"),
                format!("{proxy} is set, and NO_PROXY does not name it"),
                pod::place(facts, pod, container),
                "add .aliyuncs.com (or the host) and 100.100.100.200 to NO_PROXY: a proxy outside the VPC cannot \
                 reach a VPC host",
            )
        })
    })
}

/// The VPC host that SDKs ask, where they do. The webhook sets flag and region of what it is yet to inject, and keeps what is there.
fn vpc_host(facts: &Facts, pod: &PodFacts, container: &ContainerFacts) -> Option<String> {
    let is_set_later = reach::gets_region(facts, pod, container);
    let later = |name: &str| is_set_later && !container.env.contains_key(name);
    let vpc = match container.value(env_vars::VPC_ENDPOINT_ENABLED) {
        Some(flag) => flag.eq_ignore_ascii_case("true"),
        None => later(env_vars::VPC_ENDPOINT_ENABLED),
    };
    let region = match container.value(env_vars::STS_REGION) {
        Some(region) => region,
        None => facts.cluster.region.value().filter(|_| later(env_vars::STS_REGION))?,
    };
    vpc.then(|| format!("sts-vpc.{region}.aliyuncs.com"))
}

/// Whether a NO_PROXY list names a host.
fn covers(list: &str, host: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        let suffix = entry.trim_start_matches('*').trim_start_matches('.');
        entry == "*" || (!suffix.is_empty() && (host == suffix || host.ends_with(&format!(".{suffix}"))))
    })
}

/// The VPC host of STS is of the cluster's own region: no other can be reached from it.
pub(super) fn e03(facts: &Facts) -> Verdict {
    pod::each_container_by(facts, &BY_HOST, |pod, container| {
        let named =
            || container.value(env_vars::STS_ENDPOINT).map(|host| (host.to_owned(), env_vars::STS_ENDPOINT));
        let by_region = vpc_host(facts, pod, container).map(|host| (host, env_vars::STS_REGION));
        let own = facts.cluster.region.value()?;
        let elsewhere = |(host, _): &(String, &str)| {
            let host = host.split('/').next_back().unwrap_or_default();
            let region = host.strip_prefix("sts-vpc.").and_then(|rest| rest.strip_suffix(".aliyuncs.com"));
            region.is_some_and(|region| region != own)
        };
        let (host, variable) = by_region.filter(elsewhere).or_else(|| named().filter(elsewhere))?;
        Some({
            let evidence = Evidence::new(
                format!("sts-vpc.{own}.aliyuncs.com, or a public host"),
                host,
                format!("variable {variable}, {}", pod::place(facts, pod, container)),
                if variable == env_vars::STS_ENDPOINT {
                    "name the cluster's own region: the VPC host of another has no route from here. The official SDKs do \
                     not read this variable; the CLI and ack-ram-tool do"
                } else {
                    "name the cluster's own region: the VPC host of another region has no route from here"
                },
            );
            match variable {
                env_vars::STS_ENDPOINT => evidence.severity(Severity::Warning),
                _ => evidence,
            }
        })
    })
}

/// The name of STS resolves in the cluster.
pub(super) fn e01(facts: &Facts) -> Verdict {
    seen(facts, |vantage, network| {
        let (_, why) = network.resolved.failure()?;
        Some(Evidence::new(
            format!("an address for {}", network.host),
            why,
            &vantage.place,
            format!(
                "look at CoreDNS and at private zones of the VPC{}{}",
                vpc_advice(&network.host),
                from_here(vantage)
            ),
        ))
    })
}

/// STS can be connected to from the cluster.
pub(super) fn e02(facts: &Facts) -> Verdict {
    seen(facts, |vantage, network| {
        let (_, why) = network.connected.failure()?;
        Some(
            Evidence::new(
                format!("a connection to {}", network.host),
                why,
                &vantage.place,
                format!(
                    "let port 443 out: NetworkPolicies with egress rules, security groups, a NAT gateway or EIP for a \
                     public host{}{}",
                    vpc_advice(&network.host),
                    from_here(vantage)
                ),
            )
            .command(format!("kubectl get networkpolicies -n {}", word(&facts.namespace))),
        )
    })
}

/// The certificate of STS is accepted in the cluster by an authority that the image trusts.
pub(super) fn e07(facts: &Facts) -> Verdict {
    seen(facts, |vantage, network| {
        let why = tls(network).filter(|_| network.trusted_roots > 0)?;
        Some(Evidence::new(
            format!("a certificate of {} by a public authority", network.host),
            why,
            &vantage.place,
            format!(
                "something on the way answers with a certificate of its own: exempt STS from TLS inspection, or trust \
                 its authority in the image{}",
                from_here(vantage)
            ),
        ))
    })
}

/// There are authorities to trust where the probe ran.
pub(super) fn e08(facts: &Facts) -> Verdict {
    seen(facts, |vantage, network| {
        let why = tls(network).filter(|_| network.trusted_roots == 0)?;
        Some(Evidence::new(
            "certificates of authorities, such as the package ca-certificates brings",
            format!("none at all: {why}"),
            &vantage.place,
            "add ca-certificates to the image",
        ))
    })
}

/// No service mesh keeps the pod from STS.
pub(super) fn e09(facts: &Facts) -> Verdict {
    seen(facts, |vantage, network| {
        let pod = facts.pod.as_ref()?;
        let sidecar = pod.containers.iter().find(|container| MESHES.contains(&container.name.as_str()))?;
        let seen = match &network.answered {
            Step::Done { value: status @ (502 | 503), .. } => format!("HTTP {status}"),
            Step::Failed { fault: TransportFault::Connect | TransportFault::Body, why, .. } => why.clone(),
            _ => return None,
        };
        Some(Evidence::new(
            format!("an answer of {}", network.host),
            format!("{seen}, behind sidecar {}", sidecar.name),
            &vantage.place,
            "let the mesh pass STS: a ServiceEntry for the host, or egress that is not REGISTRY_ONLY",
        ))
    })
}

/// STS answers within a second.
pub(super) fn e10(facts: &Facts) -> Verdict {
    seen(facts, |vantage, network| {
        let Step::Done { took_ms, .. } = &network.answered else { return None };
        (*took_ms > SLOW_MS).then(|| {
            Evidence::new(
                format!("an answer of {} within {SLOW_MS} ms", network.host),
                format!("{took_ms} ms"),
                &vantage.place,
                "use the STS host of the cluster's region, which is nearer",
            )
        })
    })
}

/// Pods do not reach the metadata service, with which an SDK would fall back to the node's role.
pub(super) fn e11(facts: &Facts) -> Verdict {
    match facts.vantage.as_result().and_then(|v| v.metadata_service.as_result().map(|answers| (v, *answers)))
    {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok((_, false)) => Verdict::Holds,
        Ok((vantage, true)) => Evidence::new(
            "no answer of the instance metadata service",
            "it answers",
            &vantage.place,
            "an SDK that cannot use RRSA takes the node's role without a word: set \
             ALIBABA_CLOUD_ECS_METADATA_DISABLED=true in the pod, or keep pods from 100.100.100.200",
        )
        .into(),
    }
}

/// Slower than this is far away, milliseconds.
const SLOW_MS: u64 = 1000;
/// Containers of service meshes.
const MESHES: [&str; 3] = ["istio-proxy", "envoy", "linkerd-proxy"];

fn seen(facts: &Facts, broken: impl FnOnce(&VantageFacts, &NetworkFacts) -> Option<Evidence>) -> Verdict {
    match facts.vantage.as_result().and_then(|v| v.network.as_result().map(|network| (v, network))) {
        Err(why) => Verdict::Unseen(why.to_owned()),
        Ok((vantage, network)) => broken(vantage, network).map_or(Verdict::Holds, Verdict::from),
    }
}

fn tls(network: &NetworkFacts) -> Option<&str> {
    network.answered.failure().filter(|(fault, _)| *fault == TransportFault::Tls).map(|(_, why)| why)
}

/// The webhook names a VPC host since 0.4.0, in every pod.
fn vpc_advice(host: &str) -> &'static str {
    if host.starts_with("sts-vpc.") {
        "; a VPC host has no route from nodes outside the VPC: set ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED=false in the pod, or turn \
         AutoInjectSTSEnvVars of the add-on off"
    } else {
        ""
    }
}

/// What it means that the same exchange works elsewhere.
fn from_here(vantage: &VantageFacts) -> &'static str {
    let granted = |exchange: &ExchangeFacts| matches!(exchange.outcome, ExchangeOutcome::Granted { .. });
    if vantage.from_here.value().is_some_and(granted) {
        "; the identity is fine: the same exchange from this machine is granted"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::{covers, near_region};

    #[test]
    fn a_zone_or_a_misspelt_region_names_the_region_that_was_meant() {
        for (text, meant) in [
            ("cn-hangzhou", None),
            ("cn-hangzhou-b", Some("cn-hangzhou")),
            ("us-east-1a", Some("us-east-1")),
            ("cn-hangzou", Some("cn-hangzhou")),
            ("cn-wulanchabu", None),
            // A region of a later year.
            ("ap-southeast-9", None),
            ("cn-lhasa", None),
        ] {
            assert_eq!(near_region(text), meant, "{text}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_and_their_domains() {
        for (list, covered) in [
            ("aliyuncs.com", true),
            ("localhost, .aliyuncs.com", true),
            ("*.aliyuncs.com", true),
            ("*", true),
            ("liyuncs.com", false),
            ("", false),
            ("localhost,", false),
        ] {
            assert_eq!(covers(list, "sts-vpc.cn-hangzhou.aliyuncs.com"), covered, "{list:?}");
        }
    }
}
