"""What a cache hit of rrsa-exec-credential costs, against a program that prints a word.

Runs on the sandbox. All programs in turns of random order, in one run; prints medians as ratios to the hello-world that the same
toolchain makes, dynamically linked. Usage: hit.py FOLDER-OF-BINARIES HELPER [ROUNDS]
"""

import atexit
import os
import pathlib
import pwd
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CLUSTER = "c0123456789abcdef0123456789abcdef"
ACCOUNT = "acs:ram::1234567890123456"
WORLD = 'permissions: [{who: role/demo-role-for-rrsa, actions: ["cs:DescribeClusterUserKubeconfig"]}]'


def hello(folder):
    """The hello-world."""
    source = folder / "hello.rs"
    source.write_text('fn main() { println!("hello"); }\n')
    program = folder / "hello"
    flags = ["-O", "-C", "strip=symbols", "-C", "panic=abort", "-C", "lto=fat"]
    subprocess.run(["rustc", *flags, "-o", program, source], check=True)
    return str(program)


class Command(list):
    """Words of a command, and the session that it is for."""

    session = "bench"

    def named(self, session):
        self.session = session
        return self

    def environment(self):
        return os.environ | {"ALIBABA_CLOUD_ROLE_SESSION_NAME": self.session}


def spawn(command, null):
    to_null = [(os.POSIX_SPAWN_DUP2, null, 1)]
    return os.posix_spawn(command[0], command, command.environment(), file_actions=to_null)


def done(pid):
    status = os.waitpid(pid, 0)[1]
    assert status == 0, f"ended with {status}"


def one(command, null):
    begun = time.perf_counter_ns()
    done(spawn(command, null))
    return (time.perf_counter_ns() - begun) / 1e6


def fifty(command, null):
    begun = time.perf_counter_ns()
    for pid in [spawn(command, null) for _ in range(50)]:
        done(pid)
    return (time.perf_counter_ns() - begun) / 1e6


def medians(commands, measure, rounds, null):
    found = {name: [] for name in commands}
    for _ in range(rounds):
        for name in random.sample(list(commands), len(commands)):
            found[name].append(measure(commands[name], null))
    return {name: statistics.median(times) for name, times in found.items()}


def counted(command):
    """System calls and peak memory in KiB, where there are programs that tell."""
    calls = memory = "?"
    if shutil.which("strace"):
        traced = ["strace", "-f", *command]
        traced = subprocess.run(traced, capture_output=True, text=True, env=command.environment()).stderr
        calls = sum(1 for line in traced.splitlines() if "(" in line and "=" in line)
    if pathlib.Path("/usr/bin/time").exists():
        # A shell of its own, so that nothing of this process counts.
        timed = ["/usr/bin/time", "-f", "%M", *command]
        timed = subprocess.run(timed, capture_output=True, text=True, env=command.environment())
        memory = timed.stderr.split()[-1]
    return calls, memory


def ordinary(folder):
    """Becomes an ordinary user, whose keyring has a quota that can be spent; root's has room for all."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody").pw_uid
        for path in [folder, *folder.iterdir()]:
            os.chown(path, user, user)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    os.chdir(folder)


def keyring():
    """gnome-keyring with an open collection on a bus of its own, where there is one; whether it is there."""
    if not (shutil.which("gnome-keyring-daemon") and shutil.which("dbus-daemon")):
        print("left out: the Secret Service: there is no gnome-keyring, or no bus")
        return False
    bus = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    bus = subprocess.Popen(bus, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    atexit.register(bus.kill)
    home = os.environ["HOME"]
    os.environ |= {
        "DBUS_SESSION_BUS_ADDRESS": bus.stdout.readline().strip(),
        "XDG_DATA_HOME": home,
        "XDG_RUNTIME_DIR": home,
    }
    daemon = ["gnome-keyring-daemon", "--unlock", "--components=secrets"]
    subprocess.run(daemon, input=b"\n", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return True


def sealed(helper, null):
    """A command whose session the keyring's quota did not take; none where it takes them all."""
    for number in range(60):
        command = Command([helper, "process"]).named(f"bench-{number}")
        one(command, null)
        listed = subprocess.run([helper, "cache", "list"], check=True, capture_output=True, text=True).stdout
        if "sealed file" in listed:
            return command
    print("left out: the sealed file: the keyring takes all")
    return None


def inside(helper, rounds):
    """Within the sandbox: a token, a warm cache, then the measurement."""
    folder = pathlib.Path(tempfile.mkdtemp())
    token = folder / "token"
    # Made before the home folder changes, by which the toolchain is found.
    greeting = hello(folder)
    request = ["kubectl", "create", "token", "demo-sa", "-n", "rrsa-demo", "--audience", "sts.aliyuncs.com"]
    token.write_text(subprocess.run(request, check=True, capture_output=True, text=True).stdout.strip())
    authority = shutil.copy(os.environ["RRSA_CLOUD_CA_FILE"], folder / "ca.crt")
    helper = shutil.copy(helper, folder / "helper")
    os.environ |= {
        "HOME": str(folder),
        "RRSA_CLOUD_CA_FILE": str(authority),
        "ALIBABA_CLOUD_ROLE_ARN": f"{ACCOUNT}:role/demo-role-for-rrsa",
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": f"{ACCOUNT}:oidc-provider/ack-rrsa-{CLUSTER}",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token),
    }
    ordinary(folder)
    helper = str(helper)
    commands = {
        "hello-world": [greeting],
        "token": [helper, "token", "--cluster-id", CLUSTER],
        "process": [helper, "process"],
        "certificate": [helper, "certificate", "--cluster-id", CLUSTER],
        "process, plain file": [helper, "process", "--cache", "file"],
        "process, nothing kept": [helper, "process", "--cache", "none"],
    }
    if keyring():
        commands["process, Secret Service"] = [helper, "process", "--cache", "secret-service"]
    commands = {name: Command(command) for name, command in commands.items()}
    null = os.open(os.devnull, os.O_WRONLY)
    for command in commands.values():
        one(command, null)
    if spilt := sealed(helper, null):
        commands["process, sealed file"] = spilt
    single = medians(commands, one, rounds, null)
    crowd = medians(commands, fifty, max(rounds // 20, 5), null)
    print(f"medians of {rounds} rounds; the helper has {os.path.getsize(helper) // 1024} KiB")
    print(f"{'':24}{'ms':>8}{'ratio':>8}{'50 at once, ms':>16}{'ratio':>8}{'calls':>8}{'peak, KiB':>11}")
    for name, command in commands.items():
        calls, memory = counted(command)
        print(
            f"{name:24}{single[name]:8.3f}{single[name] / single['hello-world']:8.2f}"
            f"{crowd[name]:16.1f}{crowd[name] / crowd['hello-world']:8.2f}{calls:>8}{memory:>11}"
        )
    subprocess.run([helper, "cache", "clear"], check=True, stdout=null)


def main():
    if sys.argv[1] == "--inside":
        inside(sys.argv[2], int(sys.argv[3]))
        return
    binaries, helper = pathlib.Path(sys.argv[1]), os.path.abspath(sys.argv[2])
    rounds = (sys.argv + ["300"])[3] if len(sys.argv) > 3 else "300"
    inner = [sys.executable, __file__, "--inside", helper, rounds]
    with tempfile.TemporaryDirectory() as folder:
        world = pathlib.Path(folder) / "world.yaml"
        world.write_text(WORLD)
        subprocess.run([binaries / "rrsa-sandbox", "run", "--world", world, "--", *inner], check=True)


main()
