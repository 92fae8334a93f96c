"""How `kubectl rrsa list -A` and `check -A` do on a large cluster, against `kubectl get pods -A -o json` on the same data.

Runs on the sandbox, all commands in one run and in turns, so that the noise of the machine hits all alike. Prints medians
of wall time, as ratios to kubectl's, and peak memory. Usage: inventory.py FOLDER-OF-BINARIES KUBECTL [ROUNDS]
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SERVICE_ACCOUNTS = 10_000
PODS = 50_000
NAMESPACES = 100
# Pods of a real cluster are a few kilobytes of JSON: variables, probes, conditions, managed fields.
PADDING = [{"name": f"SETTING_{i}", "value": "x" * 40} for i in range(20)]
PROVIDER = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c0123456789abcdef0123456789abcdef"


def wiring(s):
    """What the webhook has put into the pods of the ServiceAccounts that name a role; a Deployment has made them."""
    if s % 10:
        return {"labels": {}}, {}, {}
    env = [
        {"name": "ALIBABA_CLOUD_ROLE_ARN", "value": f"acs:ram::1234567890123456:role/role-{s}"},
        {"name": "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "value": PROVIDER},
        {"name": "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "value": "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token"},
    ]
    token = {"audience": "sts.aliyuncs.com", "expirationSeconds": 3600, "path": "token"}
    volumes = [{"name": "rrsa-oidc-token", "projected": {"sources": [{"serviceAccountToken": token}]}}]
    mounts = [{"name": "rrsa-oidc-token", "mountPath": "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens"}]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"app-{s}-5d8f", "uid": f"u-{s}", "controller": True}
    # The sandbox would sign a token for each.
    notes = {"sandbox.rrsa/token": "absent", "sandbox.rrsa/admission": "skip"}
    metadata = {"labels": {"pod-template-hash": "5d8f"}, "ownerReferences": [owner], "annotations": notes}
    return metadata, {"volumes": volumes}, {"env": env, "volumeMounts": mounts}


def objects(pods):
    """Namespaces, ServiceAccounts of which one in ten names a role, and pods of them in turn, wired where there is a role."""
    for n in range(NAMESPACES):
        labels = {"pod-identity.alibabacloud.com/injection": "on"}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"ns-{n}", "labels": labels}}
    for s in range(SERVICE_ACCOUNTS):
        notes = {"pod-identity.alibabacloud.com/role-name": f"role-{s}"} if s % 10 == 0 else {}
        yield {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": f"sa-{s}", "namespace": f"ns-{s % NAMESPACES}", "annotations": notes},
        }
    for p in range(pods):
        s = p % SERVICE_ACCOUNTS
        metadata, spec, container = wiring(s)
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **metadata,
                "name": f"pod-{p}",
                "namespace": f"ns-{s % NAMESPACES}",
                "labels": {"app": f"app-{s}", **metadata["labels"]},
            },
            "spec": {
                **spec,
                "serviceAccountName": f"sa-{s}",
                # The sandbox would sign a token for each.
                "automountServiceAccountToken": False,
                "containers": [
                    {
                        **container,
                        "name": "app",
                        "image": "registry.example/app:1",
                        "env": PADDING + container.get("env", []),
                    }
                ],
            },
        }


def measure(command):
    """Wall seconds and peak memory in KiB of one run; what it prints is thrown away."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    words = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    # Nothing is tried, so that nothing is healthy either.
    if code not in (0, 1, 3):
        sys.exit(f"{command} ended with {code}: {words.decode()[:500]}")
    return time.monotonic() - start, usage.ru_maxrss


def wait_for(process, folder):
    while not (folder / "kubeconfig").exists() or b"ready" not in (folder / "log").read_bytes():
        if process.poll() is not None:
            sys.exit("the sandbox did not start: " + (folder / "log").read_text()[:500])
        time.sleep(0.2)


def run(binaries, kubectl, pods, rounds):
    """Medians by name: wall seconds and peak KiB."""
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        manifest = folder / "objects.json"
        # Bit by bit: a child's peak memory counts from that of its parent.
        with open(manifest, "w", encoding="utf-8") as file:
            for item in objects(pods):
                json.dump(item, file)
        with open(folder / "log", "wb") as log:
            command = [binaries / "rrsa-sandbox", "serve", "--dir", folder, "--manifests", manifest]
            sandbox = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(sandbox, folder)
            config = ["--kubeconfig", folder / "kubeconfig"]
            plugin = binaries / "kubectl-rrsa"
            commands = {
                "kubectl get pods -A -o json": [kubectl, *config, "get", "pods", "-A", "-o", "json"],
                "kubectl rrsa list -A": [plugin, *config, "list", "-A"],
                "kubectl rrsa check -A --live=none": [plugin, *config, "check", "-A", "--live=none"],
            }
            seen = {name: [] for name in commands}
            for _ in range(rounds):
                for name, command in commands.items():
                    seen[name].append(measure(command))
        finally:
            sandbox.terminate()
            sandbox.wait()
    return {
        name: tuple(statistics.median(column) for column in zip(*runs)) for name, runs in seen.items()
    }


def main():
    binaries, kubectl = pathlib.Path(sys.argv[1]), sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    print(f"{SERVICE_ACCOUNTS} ServiceAccounts, {NAMESPACES} namespaces, medians of {rounds} rounds")
    print(f"{'':36}{'pods':>8}{'wall, s':>10}{'ratio':>8}{'peak, MiB':>11}")
    for pods in (PODS // 2, PODS):
        seen = run(binaries, kubectl, pods, rounds)
        base = next(iter(seen.values()))[0]
        for name, (wall, peak) in seen.items():
            print(f"{name:36}{pods:>8}{wall:>10.2f}{wall / base:>8.2f}{peak / 1024:>11.1f}")


if __name__ == "__main__":
    main()
