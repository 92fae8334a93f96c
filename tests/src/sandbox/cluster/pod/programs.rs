//! The programs that every image of the sandbox holds: enough of coreutils to look around.

use std::collections::{BTreeMap, BTreeSet};

use super::environment::Environment;
use super::volumes::File;

/// What a process sees of its container.
pub(crate) struct View {
    /// Its environment.
    pub(crate) environment: Environment,
    /// Its files, by absolute path.
    pub(crate) files: BTreeMap<String, File>,
    /// The user it runs as.
    pub(crate) user: i64,
    /// The groups it runs with, the main one first.
    pub(crate) groups: Vec<i64>,
}

/// What a process leaves behind.
#[derive(Default)]
pub(crate) struct Output {
    /// What it wrote to its standard output.
    pub(crate) stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub(crate) stderr: Vec<u8>,
    /// Its exit status.
    pub(crate) code: u8,
}

/// What stands at a path.
enum Entry<'a> {
    File(&'a File),
    /// A directory, and the names within.
    Directory(BTreeSet<&'a str>),
}

impl Entry<'_> {
    /// Permission bits, user, group and size.
    fn facts(&self) -> (u32, i64, i64, usize) {
        match self {
            Self::File(file) => (file.mode, file.user, file.group, file.bytes.len()),
            Self::Directory(_) => (0o755, 0, 0, 4096),
        }
    }
}

/// Runs a command, absent when the image holds no such program.
pub(crate) fn run(command: &[String], view: &View) -> Option<Output> {
    let (program, arguments) = command.split_first()?;
    let name = program.strip_prefix("/bin/").or_else(|| program.strip_prefix("/usr/bin/")).unwrap_or(program);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut output = Output::default();
    match name {
        "true" => {}
        "false" => output.code = 1,
        "cat" => output.each(&arguments, |path| {
            view.read(path).map(<[u8]>::to_vec).map_err(|why| format!("cat: {path}: {why}"))
        }),
        "env" if arguments.is_empty() => {
            output.stdout = lines(view.environment.iter().map(|(name, value)| format!("{name}={value}")));
        }
        "printenv" if arguments.is_empty() => return run(&["env".to_owned()], view),
        "printenv" => {
            for name in arguments {
                match view.environment.iter().find(|(one, _)| one == name) {
                    Some((_, value)) => output.stdout.extend(format!("{value}\n").into_bytes()),
                    None => output.code = 1,
                }
            }
        }
        "id" => output.id(&arguments, view),
        "ls" => output.ls(&arguments, view),
        "stat" => output.stat(&arguments, view),
        "env" => output.complain("env: the sandbox runs no program through env".to_owned(), 125),
        _ => return None,
    }
    Some(output)
}

/// An absolute path as the kernel walks it where there are no links: doubled slashes and dots count for nothing.
pub(super) fn plain(path: &str) -> String {
    let mut folders: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(folders.pop()),
            name => folders.push(name),
        }
    }
    format!("/{}", folders.join("/"))
}

impl View {
    fn find(&self, path: &str) -> Option<Entry<'_>> {
        let path = &plain(path);
        if let Some(file) = self.files.get(path) {
            return Some(Entry::File(file));
        }
        let within = format!("{}/", path.trim_end_matches('/'));
        let names = self.files.keys().filter_map(|file| file.strip_prefix(&within)?.split('/').next());
        let names: BTreeSet<&str> = names.collect();
        (!names.is_empty()).then_some(Entry::Directory(names))
    }

    fn read(&self, path: &str) -> Result<&[u8], &'static str> {
        match self.find(path) {
            None => Err("No such file or directory"),
            Some(Entry::Directory(_)) => Err("Is a directory"),
            Some(Entry::File(file)) if self.may_read(file) => Ok(&file.bytes),
            Some(Entry::File(_)) => Err("Permission denied"),
        }
    }

    fn may_read(&self, file: &File) -> bool {
        let bits = match file {
            _ if self.user == 0 => return true,
            File { user, .. } if *user == self.user => file.mode >> 6,
            File { group, .. } if self.groups.contains(group) => file.mode >> 3,
            _ => file.mode,
        };
        bits & 0o4 != 0
    }
}

impl Output {
    fn complain(&mut self, words: String, code: u8) {
        self.stderr.extend(format!("{words}\n").into_bytes());
        self.code = code;
    }

    /// Collects what `each` makes of the operands, and goes on after a failure.
    fn each(&mut self, operands: &[&str], each: impl Fn(&str) -> Result<Vec<u8>, String>) {
        for operand in operands.iter().filter(|operand| !matches!(**operand, "--" | "-")) {
            match each(operand) {
                Ok(bytes) => self.stdout.extend(bytes),
                Err(words) => self.complain(words, 1),
            }
        }
    }

    fn id(&mut self, arguments: &[&str], view: &View) {
        let groups = || view.groups.iter().map(i64::to_string).collect::<Vec<_>>();
        let main = view.groups.first().copied().unwrap_or_default();
        let line = match arguments {
            [] => format!("uid={} gid={main} groups={}", view.user, groups().join(",")),
            ["-u"] => view.user.to_string(),
            ["-g"] => main.to_string(),
            ["-G"] => groups().join(" "),
            _ => return self.complain("id: the sandbox knows -u, -g and -G".to_owned(), 1),
        };
        self.stdout = lines([line]);
    }

    fn ls(&mut self, arguments: &[&str], view: &View) {
        let (options, paths): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|one| one.starts_with('-'));
        let long = options.iter().any(|option| option.contains('l'));
        self.each(if paths.is_empty() { &["/"] } else { &paths }, |path| {
            let missing = || format!("ls: cannot access '{path}': No such file or directory");
            let line = |name: &str, entry: &Entry<'_>| {
                let (mode, user, group, size) = entry.facts();
                let kind = if matches!(entry, Entry::Directory(_)) { 'd' } else { '-' };
                if long {
                    format!("{kind}{} 1 {user} {group} {size} {name}", letters(mode))
                } else {
                    name.to_owned()
                }
            };
            Ok(match view.find(path).ok_or_else(missing)? {
                file @ Entry::File(_) => lines([line(path, &file)]),
                Entry::Directory(names) => lines(names.into_iter().filter_map(|name| {
                    let inner = view.find(&format!("{}/{name}", path.trim_end_matches('/')))?;
                    Some(line(name, &inner))
                })),
            })
        });
    }

    fn stat(&mut self, arguments: &[&str], view: &View) {
        let (mut format, mut paths, mut rest) = (None, Vec::new(), arguments.iter());
        while let Some(argument) = rest.next() {
            match *argument {
                "-L" | "--dereference" | "--" => {}
                "-c" | "-Lc" => format = rest.next().copied(),
                other => match other.strip_prefix("--format=") {
                    Some(given) => format = Some(given),
                    None => paths.push(other),
                },
            }
        }
        let Some(format) = format else {
            return self.complain("stat: the sandbox knows -c FORMAT only".to_owned(), 1);
        };
        self.each(&paths, |path| {
            let missing = || format!("stat: cannot statx '{path}': No such file or directory");
            let entry = view.find(path).ok_or_else(missing)?;
            let (mode, user, group, size) = entry.facts();
            let kind = if matches!(entry, Entry::Directory(_)) { "directory" } else { "regular file" };
            let filled = [
                ("%a", format!("{mode:o}")),
                ("%A", format!("{}{}", if kind == "directory" { 'd' } else { '-' }, letters(mode))),
                ("%u", user.to_string()),
                ("%g", group.to_string()),
                ("%s", size.to_string()),
                ("%F", kind.to_owned()),
                ("%n", path.to_owned()),
            ]
            .into_iter()
            .fold(format.to_owned(), |line, (letter, value)| line.replace(letter, &value));
            Ok(lines([filled]))
        });
    }
}

fn lines(lines: impl IntoIterator<Item = String>) -> Vec<u8> {
    lines.into_iter().flat_map(|line| (line + "\n").into_bytes()).collect()
}

/// `rwxr-xr-x`.
fn letters(mode: u32) -> String {
    (0..9).rev().map(|bit| if mode >> bit & 1 == 1 { ['x', 'w', 'r'][bit % 3] } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(user: i64) -> View {
        let file = |mode, user, group| File::new(b"token".to_vec(), mode, user, group);
        View {
            environment: vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())],
            files: BTreeMap::from([
                ("/run/open/token".to_owned(), file(0o644, 0, 0)),
                ("/run/own/token".to_owned(), file(0o600, 1000, 0)),
                ("/run/shared/token".to_owned(), file(0o640, 0, 2000)),
            ]),
            user,
            groups: vec![0, 2000],
        }
    }

    #[test]
    fn programs_answer_as_those_of_an_image_do() {
        for (user, command, stdout, stderr, code) in [
            (0, "cat /run/own/token", "token", "", 0),
            (1000, "/bin/cat /run/own/token", "token", "", 0),
            (1000, "cat /run//./x/../own/token", "token", "", 0),
            (1001, "cat /run/own/token", "", "cat: /run/own/token: Permission denied\n", 1),
            (1001, "cat /run/shared/token /run/open/token", "tokentoken", "", 0),
            (0, "cat /nowhere /run/open/token", "token", "cat: /nowhere: No such file or directory\n", 1),
            (0, "cat /run", "", "cat: /run: Is a directory\n", 1),
            (0, "env", "A=1\nB=2\n", "", 0),
            (0, "printenv", "A=1\nB=2\n", "", 0),
            (0, "printenv B", "2\n", "", 0),
            (0, "printenv B C", "2\n", "", 1),
            (1001, "stat -L -c %a:%u:%g:%s:%n /run/own/token", "600:1000:0:5:/run/own/token\n", "", 0),
            (0, "stat -c %a /nowhere", "", "stat: cannot statx '/nowhere': No such file or directory\n", 1),
            (0, "ls /run", "open\nown\nshared\n", "", 0),
            (0, "ls -l /run/own", "-rw------- 1 1000 0 5 token\n", "", 0),
            (1001, "id -u", "1001\n", "", 0),
            (0, "true", "", "", 0),
            (0, "false", "", "", 1),
        ] {
            let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
            let output = run(&argv, &view(user)).unwrap();
            let written = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(
                (written[0].as_str(), written[1].as_str(), output.code),
                (stdout, stderr, code),
                "{command}"
            );
        }
    }

    #[test]
    fn other_programs_are_not_there() {
        for command in ["sh", "/opt/cat", "curl"] {
            assert!(run(&[command.to_owned()], &view(0)).is_none(), "{command}");
        }
    }
}
