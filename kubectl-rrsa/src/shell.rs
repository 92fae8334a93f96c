//! Names in commands that somebody will paste into a shell.

/// The text as one word of a POSIX shell.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The command with `options` for every kubectl in it; a plugin takes its options after its own name.
#[must_use]
pub fn addressed(command: &str, options: &str) -> String {
    const PROGRAM: &str = "kubectl ";
    if options.is_empty() {
        return command.to_owned();
    }
    let (mut whole, mut rest) = (String::new(), command);
    while let Some(at) = rest.find(PROGRAM) {
        let (before, after) = rest.split_at(at);
        whole.push_str(before);
        // Not a name, nor a word of a text.
        let begins = whole.is_empty() || BEFORE_COMMANDS.iter().any(|end| whole.ends_with(end));
        let begins = begins && whole.matches('\'').count().is_multiple_of(2);
        let name = if after.starts_with(PLUGIN) { PLUGIN } else { PROGRAM };
        let name = if begins { name } else { PROGRAM };
        whole.push_str(name);
        if begins {
            whole.push_str(options);
            whole.push(' ');
        }
        rest = &after[name.len()..];
    }
    whole + rest
}

/// What stands before a command.
const BEFORE_COMMANDS: [&str; 6] = ["&& ", "| ", "; ", "do ", "(", ": "];
/// How this program is called.
const PLUGIN: &str = "kubectl rrsa ";

#[cfg(test)]
mod tests {
    use super::{addressed, word};

    #[test]
    fn every_command_goes_to_the_same_cluster() {
        let at = |command| addressed(command, "--context b");
        for (command, expected) in [
            ("kubectl get pods -n kubectl ", "kubectl --context b get pods -n kubectl "),
            ("kubectl rrsa check sa/a -n n", "kubectl rrsa --context b check sa/a -n n"),
            (
                "kubectl get pod p -o yaml | kubectl replace -f - && for pod in a; do kubectl delete pod $pod; done",
                "kubectl --context b get pod p -o yaml | kubectl --context b replace -f - && for pod in a; do kubectl --context b \
                 delete pod $pod; done",
            ),
            ("kubectl annotate sa a 'b=c; kubectl d'", "kubectl --context b annotate sa a 'b=c; kubectl d'"),
            ("aliyun ram ListRoles", "aliyun ram ListRoles"),
        ] {
            assert_eq!(at(command), expected);
            assert_eq!(addressed(command, ""), command);
        }
    }

    #[test]
    fn a_shell_obeys_nothing_that_stands_in_a_name() {
        for (text, shown) in [
            ("demo-sa", "demo-sa"),
            ("deployment/demo", "deployment/demo"),
            ("a;reboot", "'a;reboot'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), shown);
        }
    }
}
