//! Reports as JUnit XML: a suite a subject, a case a link; an error for each subject that was not checked, or
//! of which it could not be told.

use std::fmt::Write as _;

use rrsa_shared::printable::directs;

use crate::error::Error;
use crate::gate::Gate;
use crate::report::{Conclusion, LinkReport, LinkStatus, Report};
use crate::rules::{Finding, Link};

/// The document.
#[must_use]
pub fn junit(reports: &[Report], not_checked: &[Error], gate: &Gate) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"kubectl rrsa check\">\n",
    );
    for report in reports {
        let of = |status: LinkStatus| report.links.iter().filter(|link| link.status == status).count();
        let name = format!("{}/{}", report.facts.namespace, report.facts.subject);
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            escaped(&name),
            report.links.len(),
            report.links.iter().filter(|link| fails(report, link, gate)).count(),
            usize::from(untold(report).is_some()),
            of(LinkStatus::Unseen) + of(LinkStatus::NotAsked) + of(LinkStatus::Follows)
                - usize::from(untold(report).is_some()),
        );
        for link in &report.links {
            case(&mut xml, report, link, gate, &name);
        }
        xml.push_str("  </testsuite>\n");
    }
    if !not_checked.is_empty() {
        let count = not_checked.len();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"not checked\" tests=\"{count}\" failures=\"0\" errors=\"{count}\" skipped=\"0\">"
        );
        for error in not_checked {
            let (name, text) = (escaped(&error.message), escaped(&error.to_string()));
            let _ = writeln!(
                xml,
                "    <testcase classname=\"not checked\" name=\"{name}\"><error message=\"{name}\">{text}</error></testcase>"
            );
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// What of a link fails the run.
fn news<'a>(report: &'a Report, link: &LinkReport, gate: &'a Gate) -> impl Iterator<Item = &'a Finding> {
    let link = link.link;
    let of_link = report.findings.iter().filter(move |finding| finding.link == link);
    of_link.filter(|finding| gate.counts(finding))
}

fn fails(report: &Report, link: &LinkReport, gate: &Gate) -> bool {
    matches!(link.status, LinkStatus::Broken | LinkStatus::Warned)
        && news(report, link, gate).next().is_some()
}

/// The link for which nobody could tell whether the subject is healthy.
fn untold(report: &Report) -> Option<Link> {
    if report.conclusion != Conclusion::Unknown {
        return None;
    }
    let first = |status| report.links.iter().find(|link| link.status == status);
    // Without a session the last links follow from that.
    first(LinkStatus::Unseen).or_else(|| first(LinkStatus::Follows)).map(|link| link.link)
}

fn case(xml: &mut String, report: &Report, link: &LinkReport, gate: &Gate, suite: &str) {
    let _ = write!(xml, "    <testcase classname=\"{}\" name=\"{}\"", escaped(suite), link.link);
    let findings: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.link == link.link).collect();
    match link.status {
        LinkStatus::Broken | LinkStatus::Warned if fails(report, link, gate) => {
            let head = news(report, link, gate).next().map_or("", |finding| finding.title);
            let _ = write!(xml, "><failure message=\"{}\">", escaped(head));
            for finding in news(report, link, gate) {
                let _ = write!(xml, "{}", escaped(&words(finding)));
            }
            xml.push_str("</failure></testcase>\n");
        }
        LinkStatus::Unseen => {
            let why = link.unseen.as_deref().unwrap_or("not seen");
            let what = if untold(report) == Some(link.link) { "error" } else { "skipped" };
            let _ = writeln!(xml, "><{what} message=\"{}\"/></testcase>", escaped(why));
        }
        LinkStatus::Follows if untold(report) == Some(link.link) => {
            xml.push_str("><error message=\"it could not be told\"/></testcase>\n");
        }
        LinkStatus::NotAsked | LinkStatus::Follows => xml.push_str("><skipped/></testcase>\n"),
        LinkStatus::Broken | LinkStatus::Warned => {
            let text: String = findings.iter().map(|finding| words(finding)).collect();
            let _ = writeln!(xml, "><system-out>{}</system-out></testcase>", escaped(&text));
        }
        LinkStatus::Good => xml.push_str("/>\n"),
    }
}

fn words(finding: &Finding) -> String {
    let command = finding.command.as_ref().map(|command| format!("type: {command}\n")).unwrap_or_default();
    format!(
        "{} {}: {}\nexpected: {}\nseen: {}\nwhere: {}\nmend: {}\n{command}",
        finding.rule,
        finding.severity,
        finding.title,
        finding.expected,
        finding.seen,
        finding.places(),
        finding.remedy
    )
}

/// Text as XML takes it: the five characters written out, and none that XML 1.0 forbids or that changes the direction of
/// writing.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' | '\t' => escaped.push(character),
            c if directs(c) => escaped.extend(c.escape_default()),
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_that_xml_forbids_gets_through() {
        assert_eq!(
            escaped("<a b=\"c\">&'\u{1b}[31m\n\u{202e}"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&apos;\u{fffd}[31m\n\\u{202e}"
        );
    }
}
