//! Label and field selectors.

use serde_json::Value;

use super::failure::Failure;
use super::object::{label, text};
use super::resource::Resource;

/// What an object must be like to be in a list.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Debug, PartialEq)]
enum Requirement {
    Label { key: String, values: Vec<String>, wanted: bool },
    Labelled { key: String, wanted: bool },
    Field { pointer: String, value: String, wanted: bool },
}

impl Selector {
    /// Whether everything is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `object` is selected. A label that is absent differs from every value.
    pub(crate) fn selects(&self, object: &Value) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::Label { key, values, wanted } => {
                label(object, key).is_some_and(|value| values.iter().any(|one| one == value)) == *wanted
            }
            Requirement::Labelled { key, wanted } => label(object, key).is_some() == *wanted,
            Requirement::Field { pointer, value, wanted } => (text(object, pointer) == value) == *wanted,
        })
    }

    /// Reads `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    /// 400 when the text is no selector, or the field cannot be selected by.
    pub(crate) fn parse(labels: &str, fields: &str, resource: &Resource) -> Result<Self, Failure> {
        let mut requirements = Vec::new();
        for term in terms(labels) {
            requirements.push(by_label(term)?);
        }
        for term in terms(fields) {
            requirements.push(by_field(term, resource)?);
        }
        Ok(Self(requirements))
    }
}

/// The terms between commas that stand outside brackets.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|term| !term.is_empty())
}

fn by_label(term: &str) -> Result<Requirement, Failure> {
    let unreadable = || Failure::bad_request(format!("unable to parse requirement: {term:?}"));
    if let Some((key, rest)) = term.split_once(char::is_whitespace)
        && let Some((operator, values)) = rest.trim().split_once('(')
    {
        let values = values.trim().strip_suffix(')').ok_or_else(unreadable)?;
        let wanted = match operator.trim() {
            "in" => true,
            "notin" => false,
            _ => return Err(unreadable()),
        };
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        return Ok(Requirement::Label { key: key.to_owned(), values, wanted });
    }
    if let Some((key, value, wanted)) = comparison(term) {
        return Ok(Requirement::Label { key: key.to_owned(), values: vec![value.to_owned()], wanted });
    }
    let (key, wanted) = term.strip_prefix('!').map_or((term, true), |key| (key, false));
    if key.is_empty() || key.contains([' ', '(', ')', '!']) {
        return Err(unreadable());
    }
    Ok(Requirement::Labelled { key: key.to_owned(), wanted })
}

fn by_field(term: &str, resource: &Resource) -> Result<Requirement, Failure> {
    let (field, value, wanted) = comparison(term).ok_or_else(|| {
        Failure::bad_request(format!("invalid selector: {term:?}; can't understand {term:?}"))
    })?;
    let known: &[&str] = match resource.plural {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "reason",
            "type",
        ],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        _ => &[],
    };
    if !["metadata.name", "metadata.namespace"].contains(&field) && !known.contains(&field) {
        return Err(Failure::bad_request(format!(
            "Unable to find {:?} that match label selector \"\", field selector {term:?}: \
             field label not supported: {field}",
            resource.qualified(),
        )));
    }
    let pointer = format!("/{}", field.replace('.', "/"));
    Ok(Requirement::Field { pointer, value: value.to_owned(), wanted })
}

/// `key=value`, `key==value` or `key!=value`.
fn comparison(term: &str) -> Option<(&str, &str, bool)> {
    let (key, value) = term.split_once('=')?;
    match key.strip_suffix('!') {
        Some(key) => Some((key.trim(), value.trim(), false)),
        None => Some((key.trim(), value.strip_prefix('=').unwrap_or(value).trim(), true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_select() {
        let pod = json!({
            "metadata": {"name": "demo", "labels": {"app": "demo", "tier": "web"}},
            "spec": {"serviceAccountName": "demo-sa"}, "status": {"phase": "Running"},
        });
        for (labels, fields, selected) in [
            ("", "", true),
            ("app=demo", "", true),
            ("app==demo,tier!=db", "", true),
            ("app!=demo", "", false),
            ("other!=x", "", true),
            ("app in (a, demo),tier", "", true),
            ("app notin (a,b),tier notin (web)", "", false),
            ("!app", "", false),
            ("!other", "", true),
            ("", "metadata.name=demo,status.phase!=Pending", true),
            ("", "spec.serviceAccountName=other", false),
        ] {
            let selector = Selector::parse(labels, fields, Resource::core("pods")).unwrap();
            assert_eq!(selector.selects(&pod), selected, "{labels} {fields}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for (labels, fields) in
            [("a in b)", ""), ("a within (b)", ""), ("", "status.phase"), ("", "spec.x=y")]
        {
            let refused = Selector::parse(labels, fields, Resource::core("pods")).unwrap_err();
            assert_eq!(refused.code, 400, "{labels} {fields}");
        }
    }
}
