//! A command of a profile of mode `External` of the Alibaba Cloud CLI, and what it prints.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Answer;
use crate::secret::Secret;
use crate::sts::AccessKey;

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Printed {
    mode: String,
    access_key_id: String,
    access_key_secret: Secret,
    sts_token: Secret,
    expiration: Option<Timestamp>,
}

/// The words of a command as the clients split it: at spaces, with quotes and, but for Windows, backslashes; no shell. `None` for a
/// quote that does not end.
#[must_use]
pub fn words(command: &str) -> Option<Vec<String>> {
    let (mut all, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(end), letter) if letter == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') if !cfg!(windows) => word.get_or_insert_default().push(letters.next()?),
            (None, letter) if letter.is_whitespace() => all.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    all.extend(word);
    quote.is_none().then_some(all)
}

/// Whether a command is our own helper, which would ask itself.
#[must_use]
pub fn is_ours(words: &[String]) -> bool {
    let named = |at: usize| words.get(at).map_or("", String::as_str);
    let name = named(0).rsplit(['/', '\\']).next().unwrap_or_default().trim_end_matches(".exe");
    match name {
        "rrsa-exec-credential" => true,
        "kubectl-rrsa" => named(1) == "exec-credential",
        "kubectl" => (named(1), named(2)) == ("rrsa", "exec-credential"),
        _ => false,
    }
}

/// The source and the role that a command of our own helper asks for; nothing where it leaves both to the chain, and so asks
/// itself.
#[must_use]
pub fn own_wish(words: &[String]) -> Option<(Option<String>, Option<String>)> {
    let option = |name: &str| {
        let mut after = words.iter().skip_while(|word| !word.starts_with(name));
        let word = after.next()?;
        match word.strip_prefix(name)?.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None => after.next().filter(|_| word == name).cloned(),
        }
    };
    let wish = (option("--source"), option("--role-arn"));
    (wish.0.is_some() || wish.1.is_some()).then_some(wish)
}

/// The words of an exec entry of a kubeconfig: its command and arguments.
#[must_use]
pub fn exec_words(exec: &Value) -> Vec<String> {
    let arguments = exec["args"].as_array().into_iter().flatten();
    let all = std::iter::once(&exec["command"]).chain(arguments);
    all.map(|word| word.as_str().unwrap_or_default().to_owned()).collect()
}

/// What the command of profile `name` has printed.
#[must_use]
pub fn printed(bytes: &[u8], name: &str) -> Answer {
    let failed = |why: &str| Answer::Failed(format!("process_command of profile {name}: {why}"));
    // serde's words may quote a secret.
    let Ok(printed) = serde_json::from_slice::<Printed>(bytes) else {
        return failed("it did not print the JSON of an External profile");
    };
    let token = match printed.mode.as_str() {
        "AK" => None,
        "StsToken" if printed.sts_token.expose().is_empty() => return failed("it printed no sts_token"),
        "StsToken" => Some(printed.sts_token),
        _ => return failed("the mode that it printed is neither AK nor StsToken"),
    };
    if printed.access_key_id.is_empty() || printed.access_key_secret.expose().is_empty() {
        return failed("the key that it printed is not complete");
    }
    Answer::Found {
        key: AccessKey {
            id: printed.access_key_id,
            secret: printed.access_key_secret,
            security_token: token,
        },
        expiration: printed.expiration,
        from: format!("process_command of profile {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_without_a_shell() {
        for (command, expected) in [
            ("a b  c", &["a", "b", "c"][..]),
            ("a 'b c' \"d e\"f", &["a", "b c", "d ef"]),
            ("a '' $X;|", &["a", "", "$X;|"]),
            (" ", &[]),
        ] {
            assert_eq!(words(command).unwrap(), expected, "{command}");
        }
        assert_eq!(words("a 'b"), None);
    }

    #[test]
    fn what_is_printed_is_complete_or_a_failure_without_a_secret() {
        let whole = r#"{"mode":"StsToken","access_key_id":"STS.x","access_key_secret":"hunter2","sts_token":"CAIS","expiration":"2024-01-02T03:04:05Z"}"#;
        assert!(matches!(printed(whole.as_bytes(), "p"), Answer::Found { expiration: Some(_), .. }));
        for broken in [
            whole.replace("StsToken", "External"),
            whole.replace("CAIS", ""),
            whole.replace("STS.x", ""),
            whole.replace("2024-01-02T03:04:05Z", "soon"),
            "hunter2".to_owned(),
        ] {
            let Answer::Failed(why) = printed(broken.as_bytes(), "p") else { panic!("{broken}") };
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn nobody_asks_himself() {
        let is_ours = |command: &str| is_ours(&words(command).unwrap());
        assert!(is_ours("/usr/bin/rrsa-exec-credential process"));
        assert!(
            is_ours("kubectl-rrsa exec-credential process")
                && is_ours("kubectl rrsa exec-credential process")
        );
        assert!(!is_ours("kubectl rrsa check") && !is_ours("aliyun-sso"));
    }

    #[test]
    fn what_a_command_of_ours_asks_for_is_read() {
        let wish = |command: &str| own_wish(&words(command).unwrap());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(wish("rrsa-exec-credential process --source good"), Some((some("good"), None)));
        assert_eq!(
            wish("rrsa-exec-credential process --role-arn=r --source=s"),
            Some((some("s"), some("r")))
        );
        assert_eq!(wish("rrsa-exec-credential process"), None);
    }
}
