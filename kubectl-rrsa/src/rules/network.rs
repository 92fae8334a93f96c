//! Which STS host an SDK asks follows from the container's variables; a wrong one is found out by timeouts only.
//! (STS endpoints; default credential chains of the official SDKs.)

use rrsa_shared::env_vars;
use rrsa_shared::sts::is_region;

use super::finding::{Evidence, Verdict};
use super::pod;
use crate::facts::{ContainerFacts, Facts};

/// The VPC host has a region to be the host of.
pub(super) fn e04(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let asked = container.value(env_vars::VPC_ENDPOINT_ENABLED)?.eq_ignore_ascii_case("true");
        (asked && !container.env.contains_key(env_vars::STS_REGION)).then(|| {
            let region = facts.cluster.region.value().map_or("REGION", String::as_str);
            Evidence::new(
                format!("{}={region} beside it", env_vars::STS_REGION),
                format!("{} is true and no region is set", env_vars::VPC_ENDPOINT_ENABLED),
                pod::place(facts, pod, container),
                "set the region: without it every SDK asks the public host, and says nothing",
            )
        })
    })
}

/// The region is one.
pub(super) fn e05(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let region = container.value(env_vars::STS_REGION)?;
        (!is_region(region)).then(|| {
            Evidence::new(
                "a region id such as cn-hangzhou",
                format!("{region:?}"),
                format!("variable {}, {}", env_vars::STS_REGION, pod::place(facts, pod, container)),
                "write the region's id: it becomes part of the STS host's name",
            )
        })
    })
}

/// A proxy leaves STS's VPC host and the metadata service alone.
pub(super) fn e06(facts: &Facts) -> Verdict {
    pod::each_container(facts, |pod, container| {
        let proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
            .into_iter()
            .find(|name| container.env.contains_key(*name))?;
        let host = vpc_host(container)?;
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

fn vpc_host(container: &ContainerFacts) -> Option<String> {
    let vpc = container.value(env_vars::VPC_ENDPOINT_ENABLED)?.eq_ignore_ascii_case("true");
    let region = container.value(env_vars::STS_REGION)?;
    vpc.then(|| format!("sts-vpc.{region}.aliyuncs.com"))
}

/// Whether a NO_PROXY list names a host.
fn covers(list: &str, host: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        let suffix = entry.trim_start_matches('*').trim_start_matches('.');
        entry == "*" || (!suffix.is_empty() && (host == suffix || host.ends_with(&format!(".{suffix}"))))
    })
}

#[cfg(test)]
mod tests {
    use super::covers;

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
