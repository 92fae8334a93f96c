//! The way of a cache hit: argv by hand, one digest, one read, one signature. What it does not know, or does not find, is left to
//! the whole program: no runtime, HTTP client, parser of arguments or of configuration is touched before that.

use std::ffi::OsString;

use rrsa_shared::arn::is_cluster_id;
use rrsa_shared::cache::{Entry, Freshness, Kept, Mode, freshness};
use rrsa_shared::ports::clock::Clock;
use rrsa_shared::ports::env::Env;
use rrsa_shared::ports::files::Files;
use rrsa_shared::secret::Secret;
use rrsa_shared::source::{Answer, environment};

use crate::certificate::{CertificateWish, MINUTES};
use crate::exec_info::ExecInfo;
use crate::output::{Certificate, Issued, exec_certificate, exec_credential, external};
use crate::wish::{Places, Wish};

/// What is asked for, in a form that is printed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Token { cluster_id: Option<String> },
    Certificate { cluster_id: Option<String>, minutes: u16, private_address: bool },
    Process,
}

/// What is to be printed, when the cache or the environment has it.
pub(crate) fn answer(arguments: &[OsString], env: &Env, files: &Files, clock: &Clock) -> Option<Secret> {
    let (asked, wish) = read(arguments)?;
    let now = clock.now();
    let session = || {
        own_key(&wish, env).or_else(|| {
            let entry = kept(&wish, None, env, files, now.as_second())?;
            let Kept::Session(key) = entry.kept else { return None };
            Some(Issued { key, expires: Some(entry.expires) })
        })
    };
    match asked {
        Asked::Process => Some(external(&session()?)),
        Asked::Token { cluster_id } => {
            let info = ExecInfo::read(env).ok()?;
            let cluster_id = cluster_id.or_else(|| info.cluster_id.clone()).filter(|id| is_cluster_id(id))?;
            exec_credential(&session()?, &info, &cluster_id, now).ok()
        }
        Asked::Certificate { cluster_id, minutes, private_address } => {
            let info = ExecInfo::read(env).ok()?;
            let cluster_id = cluster_id.or_else(|| info.cluster_id.clone()).filter(|id| is_cluster_id(id))?;
            let region = info.region.clone();
            let wanted = CertificateWish { cluster_id, region, minutes, private_address };
            let entry = kept(&wish, Some(&wanted), env, files, now.as_second())?;
            let Kept::Certificate { certificate, private_key } = entry.kept else { return None };
            let given = Certificate { certificate, private_key, expires: Some(entry.expires) };
            Some(exec_certificate(&given, &info))
        }
    }
}

/// The environment's own key.
pub(crate) fn own_key(wish: &Wish, env: &Env) -> Option<Issued> {
    match wish.takes_environment().then(|| environment(env))? {
        Answer::Found { key, .. } => Some(Issued { key, expires: None }),
        _ => None,
    }
}

/// A fresh entry of the cache.
fn kept(
    wish: &Wish,
    certificate: Option<&CertificateWish>,
    env: &Env,
    files: &Files,
    now: i64,
) -> Option<Entry> {
    if wish.force_refresh || wish.unknown_cache(env).is_some() {
        return None;
    }
    let places = Places::of(env);
    let entry = wish.stores(env, &places).get(&wish.key(certificate, env, files, &places))?;
    let fresh = freshness(&entry, now, fastrand::u8(..)) == Freshness::Fresh;
    (fresh && entry.is_meant(env, files)).then_some(entry)
}

/// The commands and options that are known here; `None` for anything else, wrong or only rare.
fn read(arguments: &[OsString]) -> Option<(Asked, Wish)> {
    let mut words = arguments.iter().map(|word| word.to_str());
    let command = words.next()??;
    let (mut wish, mut cluster_id) = (Wish::default(), None);
    let (mut minutes, mut private_address) = (MINUTES, false);
    let mut seen: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        let (name, value) = match word?.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word?, None),
        };
        // None may be said twice.
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        if name == "--force-refresh" && value.is_none() {
            wish.force_refresh = true;
            continue;
        }
        if name == "--private-address" && value.is_none() && command == "certificate" {
            private_address = true;
            continue;
        }
        let value = match value {
            Some(value) => value,
            None => words.next()??,
        };
        if value.is_empty() || value.starts_with('-') {
            return None;
        }
        let text = Some(value.to_owned());
        match name {
            "--cluster-id" if command == "token" || command == "certificate" => cluster_id = text,
            "--duration-minutes" if command == "certificate" => {
                minutes = value.parse().ok().filter(|minutes| (15..=4320).contains(minutes))?;
            }
            "--source" => wish.source = text,
            "--role-arn" => wish.role_arn = text,
            "--sts-endpoint" => wish.sts_endpoint = text,
            "--cache" => wish.cache = Some(Mode::parse(value)?),
            _ => return None,
        }
    }
    match command {
        "token" => Some((Asked::Token { cluster_id }, wish)),
        "certificate" => Some((Asked::Certificate { cluster_id, minutes, private_address }, wish)),
        "process" => Some((Asked::Process, wish)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Option<(Asked, Wish)> {
        read(&text.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_understood_is_what_the_whole_program_understands() {
        let (asked, wish) = words(
            "token --cluster-id c1 --source=ci --role-arn acs:ram::1:role/r --cache none --force-refresh",
        )
        .unwrap();
        assert_eq!(asked, Asked::Token { cluster_id: Some("c1".to_owned()) });
        assert_eq!(
            (wish.source.as_deref(), wish.cache, wish.force_refresh),
            (Some("ci"), Some(Mode::None), true)
        );
        assert_eq!(words("process").unwrap(), (Asked::Process, Wish::default()));
        let certificate = Asked::Certificate { cluster_id: None, minutes: 60, private_address: true };
        let asked = words("certificate --duration-minutes 60 --private-address").unwrap();
        assert_eq!(asked, (certificate, Wish::default()));
        for other in [
            "",
            "whoami",
            "token --help",
            "token c1",
            "process --cluster-id c1",
            "token --private-address",
            "certificate --duration-minutes 14",
            "token --cluster-id",
            "process --cache fast",
            "process --source --cache",
            "process --source a --source b",
            "process --force-refresh --force-refresh",
            "token --cluster-id c1 --cluster-id=c2",
            "-v process",
        ] {
            assert_eq!(words(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_of_the_environment_signs_at_once_unless_another_source_is_named() {
        let env =
            Env::fake([("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI1"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")]);
        assert!(own_key(&Wish::default(), &env).is_some());
        let role = Wish { role_arn: Some("acs:ram::1:role/r".to_owned()), ..Wish::default() };
        assert_eq!(own_key(&role, &env), None);
    }
}
