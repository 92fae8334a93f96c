//! Which STS host to ask, by the SDKs' rules.

use std::fmt;

use crate::api::{Endpoint, EndpointError};
use crate::env_vars;
use crate::ports::env::Env;

/// The host that serves every region.
pub const GLOBAL_HOST: &str = "sts.aliyuncs.com";

/// Regions without an STS host of their own; the global host serves them.
const SERVED_BY_GLOBAL: &[&str] =
    &["cn-hangzhou-finance", "cn-shenzhen-finance-1", "ap-south-1", "ap-southeast-2"];

/// An endpoint, and what made it the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsEndpoint {
    /// Where to send requests.
    pub endpoint: Endpoint,
    /// Why there.
    pub origin: StsEndpointOrigin,
}

/// What decided on an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StsEndpointOrigin {
    /// Named by `--sts-endpoint`, or by the environment variable of that name.
    Named(&'static str),
    /// The VPC host of a region.
    Vpc(String),
    /// The public host of a region.
    Region(String),
    /// Nothing was said.
    Default,
}

impl fmt::Display for StsEndpointOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(by) => write!(f, "{by}"),
            Self::Vpc(region) => write!(f, "VPC host of {region}"),
            Self::Region(region) => write!(f, "public host of {region}"),
            Self::Default => write!(f, "global host, the default"),
        }
    }
}

/// What may decide on an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StsEndpointInputs {
    /// `--sts-endpoint`.
    pub option: Option<String>,
    /// `ALIBABA_CLOUD_STS_ENDPOINT`.
    pub variable: Option<String>,
    /// `ALIBABA_CLOUD_STS_REGION`.
    pub region: Option<String>,
    /// `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED` is `true`, in any case.
    pub vpc: bool,
}

impl StsEndpointInputs {
    /// Reads the environment; `option` is what the command line says.
    #[must_use]
    pub fn read(env: &Env, option: Option<String>) -> Self {
        Self {
            option,
            variable: env.var(env_vars::STS_ENDPOINT),
            region: env.var(env_vars::STS_REGION),
            vpc: env.var(env_vars::VPC_ENDPOINT_ENABLED).is_some_and(|v| v.eq_ignore_ascii_case("true")),
        }
    }

    /// The endpoint: option, variable, VPC host of the region, public host of the region, global host.
    ///
    /// # Errors
    /// A text that is no host or no region; [`EndpointError::VpcWithoutRegion`].
    pub fn choose(&self) -> Result<StsEndpoint, EndpointError> {
        let named = |text: &str, by| {
            let origin = StsEndpointOrigin::Named(by);
            Endpoint::named(text).map(|endpoint| StsEndpoint { endpoint, origin })
        };
        if let Some(text) = &self.option {
            return named(text, "--sts-endpoint");
        }
        if let Some(text) = &self.variable {
            return named(text, env_vars::STS_ENDPOINT);
        }
        let official = |host: &str, origin| Ok(StsEndpoint { endpoint: Endpoint::official(host), origin });
        match (&self.region, self.vpc) {
            (Some(region), _) if !is_region(region) => Err(EndpointError::Region(region.clone())),
            (Some(region), true) => {
                official(&format!("sts-vpc.{region}.aliyuncs.com"), StsEndpointOrigin::Vpc(region.clone()))
            }
            (Some(region), false) if SERVED_BY_GLOBAL.contains(&region.as_str()) => {
                official(GLOBAL_HOST, StsEndpointOrigin::Region(region.clone()))
            }
            (Some(region), false) => {
                official(&format!("sts.{region}.aliyuncs.com"), StsEndpointOrigin::Region(region.clone()))
            }
            (None, true) => Err(EndpointError::VpcWithoutRegion),
            (None, false) => official(GLOBAL_HOST, StsEndpointOrigin::Default),
        }
    }
}

/// Regions with an STS host of their own, or one that stands for them. (Endpoints of sts 2015-04-01; new ones come.)
pub const REGIONS: &[&str] = &[
    "cn-qingdao",
    "cn-beijing",
    "cn-zhangjiakou",
    "cn-huhehaote",
    "cn-wulanchabu",
    "cn-hangzhou",
    "cn-shanghai",
    "cn-nanjing",
    "cn-fuzhou",
    "cn-shenzhen",
    "cn-heyuan",
    "cn-guangzhou",
    "cn-chengdu",
    "cn-wuhan-lr",
    "cn-hongkong",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-5",
    "ap-southeast-7",
    "us-east-1",
    "us-west-1",
    "na-south-1",
    "eu-west-1",
    "eu-central-1",
    "me-east-1",
    "me-central-1",
    "cn-hangzhou-finance",
    "cn-shanghai-finance-1",
    "cn-beijing-finance-1",
    "cn-shenzhen-finance-1",
];

/// Whether a text can be a region id. It becomes part of a host name, so nothing else may.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.contains('-')
        && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(option: &str, variable: &str, region: &str, vpc: &str) -> Result<StsEndpoint, EndpointError> {
        let env = Env::fake([
            (env_vars::STS_ENDPOINT, variable),
            (env_vars::STS_REGION, region),
            (env_vars::VPC_ENDPOINT_ENABLED, vpc),
        ]);
        let option = Some(option.to_owned()).filter(|o| !o.is_empty());
        StsEndpointInputs::read(&env, option).choose()
    }

    #[test]
    fn the_host_follows_option_variable_vpc_region_default() {
        for (option, variable, region, vpc, host) in [
            ("", "", "", "", "sts.aliyuncs.com"),
            ("", "", "cn-beijing", "", "sts.cn-beijing.aliyuncs.com"),
            ("", "", "cn-beijing", "false", "sts.cn-beijing.aliyuncs.com"),
            ("", "", "cn-beijing", "TRUE", "sts-vpc.cn-beijing.aliyuncs.com"),
            ("", "", "cn-hangzhou-finance", "", "sts.aliyuncs.com"),
            ("", "sts.example.com", "cn-beijing", "true", "sts.example.com"),
            ("127.0.0.1:1", "sts.example.com", "cn-beijing", "true", "127.0.0.1:1"),
        ] {
            let chosen = choose(option, variable, region, vpc).unwrap();
            assert_eq!(chosen.endpoint.host(), host);
        }
    }

    #[test]
    fn a_vpc_flag_without_a_region_is_reported() {
        assert_eq!(choose("", "", "", "true"), Err(EndpointError::VpcWithoutRegion));
    }

    #[test]
    fn a_region_cannot_smuggle_a_host() {
        for region in ["evil.com/", "x@evil-host", "cn-hangzhou.evil", "CN-HANGZHOU", "cn", "cn-hang zhou"] {
            assert_eq!(choose("", "", region, ""), Err(EndpointError::Region(region.to_owned())));
        }
    }
}
