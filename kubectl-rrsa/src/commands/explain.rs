//! `kubectl rrsa explain`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::{Machine, Outcome};
use crate::error::{Error, exit};
use crate::render::{self, Columns, Format, Style};
use crate::rules::{Link, RULES, Rule, Severity};
use crate::words::{self, Lang, Words};

/// Explain a rule, or what STS said: what it means, how it is found out, what mends it.
///
/// Without a name: everything there is. Needs no cluster and no network.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A rule such as RRSA-N01 or n01, or a code of STS such as AuthenticationFail.NoPermission
    #[arg(value_name = "RULE|CODE")]
    name: Option<String>,

    /// Language; that of LC_ALL or LANG without it
    #[arg(long, value_enum)]
    lang: Option<Lang>,

    /// Output format; text for eyes without it
    #[arg(short, long, value_enum)]
    output: Option<Format>,
}

/// One explanation, whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation<'a> {
    id: &'a str,
    /// `rule` or `code`.
    kind: &'static str,
    /// Whether `check` judges it by itself.
    judged: bool,
    link: Option<Link>,
    severity: Option<Severity>,
    /// Whether it needs an access key.
    needs_key: bool,
    /// The RAM action that the key must be allowed.
    action: Option<&'static str>,
    /// Whether it needs a probe inside the cluster.
    needs_probe: bool,
    #[serde(flatten)]
    words: &'a Words,
}

/// Looks it up.
///
/// # Errors
/// A name that is neither a rule nor a code.
pub fn run(args: &Args, machine: &Machine) -> Result<Outcome, Error> {
    let lang = args.lang.unwrap_or_else(|| Lang::of(&machine.env));
    let words = words::all(lang);
    let style = Style::for_stdout(&machine.env);
    let text = match &args.name {
        Some(name) => {
            let Some((id, words)) = words::find(&words, name) else {
                return Err(Error::usage(format!(
                    "\"{name}\" is neither a rule nor a code of STS that is known"
                ))
                .hint("kubectl rrsa explain shows all there is"));
            };
            let one = explanation(id, words);
            match args.output {
                Some(format) => format.write(&one)?,
                None => shown(&one, lang, style),
            }
        }
        None => {
            let judged = RULES.iter().map(|rule| rule.id);
            let other =
                words.keys().map(String::as_str).filter(|id| id.starts_with("RRSA-") && rule(id).is_none());
            let ids = judged.chain(other).chain(words::codes());
            let all: Vec<_> = ids.filter_map(|id| Some(explanation(id, words.get(id)?))).collect();
            match args.output {
                Some(format) => format.write(&render::List::of(&all))?,
                None => table(&all),
            }
        }
    };
    Ok(Outcome { text, code: exit::HEALTHY })
}

fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

fn explanation<'a>(id: &'a str, words: &'a Words) -> Explanation<'a> {
    let rule = rule(id);
    Explanation {
        id,
        kind: if id.starts_with("RRSA-") { "rule" } else { "code" },
        judged: rule.is_some(),
        link: rule.map(|rule| rule.link),
        severity: rule.map(|rule| rule.severity),
        needs_key: rule.is_some_and(|rule| rule.needs_key),
        needs_probe: rule.is_some_and(|rule| rule.needs_probe),
        action: rule.and_then(|rule| rule.action),
        words,
    }
}

fn shown(one: &Explanation<'_>, lang: Lang, style: Style) -> String {
    let head = render::hanging("", 0, &format!("{}: {}", one.id, one.words.title));
    let mut shown = format!("{}\n", style.strong(&head));
    if let (Some(link), Some(severity)) = (one.link, one.severity) {
        let action = one.action.unwrap_or_default();
        let needs = match (lang, one.needs_key, one.needs_probe) {
            (Lang::En, true, _) => format!(", needs an access key that may {action}"),
            (Lang::Zh, true, _) => format!("，需要有 {action} 权限的 AccessKey"),
            (Lang::En, _, true) => ", needs --live=ephemeral or --live=pod".to_owned(),
            (Lang::Zh, _, true) => "，需要 --live=ephemeral 或 --live=pod".to_owned(),
            _ => String::new(),
        };
        let _ = match lang {
            Lang::En => writeln!(shown, "{severity}, link {link}{needs}"),
            Lang::Zh => {
                let severity = match severity {
                    Severity::Info => "提示",
                    Severity::Warning => "警告",
                    Severity::Error => "错误",
                    Severity::Critical => "严重",
                };
                writeln!(shown, "{severity}，环节 {link}{needs}")
            }
        };
    }
    // Each takes seven columns; a Chinese character takes two.
    let names = match lang {
        Lang::En => ["means  ", "seen   ", "mend   "],
        Lang::Zh => ["含义   ", "依据   ", "处理   "],
    };
    for (name, text) in names.into_iter().zip([&one.words.means, &one.words.seen, &one.words.mend]) {
        let _ = writeln!(shown, "\n{}", render::hanging(name, 7, text.trim()));
    }
    shown
}

fn table(all: &[Explanation<'_>]) -> String {
    let (rules, codes): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.kind == "rule");
    let lines: Vec<_> = rules.iter().map(|one| vec![one.id.to_owned(), one.words.title.clone()]).collect();
    let mut shown = Columns::default().lines(&lines);
    for one in codes {
        let _ = write!(shown, "\n{}\n    {}\n", one.id, one.words.title);
    }
    shown
}
