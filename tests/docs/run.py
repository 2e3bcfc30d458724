#!/usr/bin/env python3
"""Runs every command and loads every configuration that a document shows.

usage: run.py WEIR [DOCUMENT...]

A ```yaml block must pass `weir check`; one without listeners is a part, and is checked with the smallest
file around it; one with scrape_configs is Prometheus's, one with tests is for `weir test`. A ```sh block runs in
bash, in a folder of its own, with the demo of deploy/quickstart running, the blocks of a document one after the
other. Uses the demo's ports on 127.0.0.1.
"""
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile

import blocks

ROOT = pathlib.Path(__file__).resolve().parents[2]
TLS_FILE = re.compile(r"/etc/weir/tls/([\w.-]+)\.(pem|key)")
SMALLEST = "listeners:\n  - bind: :8080\n    cluster: app\nclusters:\n  - name: app\n    backends: [127.0.0.1:9000]\n"
BACKENDS = {"one": 9001, "two": 9002, "three": 9003}
TIMEOUT = 120

# Languages that are neither commands nor configuration of weir.
SHOWN_ONLY = {"text", "ini", "json", "cpp", "cmake", "promql", "dockerfile", "mermaid"}
# (prefix of a line, why it is not run here)
NOT_HERE = [
    (r"deploy/quickstart$", "docs.quickstart runs it, with --check"),
    (r"tests/run\b", "is what runs this"),
    (r"\.ci/run\b", "is what runs this"),
    (r"(sudo )?tests/fresh/run\b", "needs root, a mirror and half an hour"),
    (r"(sudo )?systemctl\b|(sudo )?systemd-\w+\b|journalctl\b", "needs a booted systemd; docs.deploy checks the unit"),
    (r"(sudo )?deploy/install-packages\b", "changes the host"),
    (r"docker\b|kubectl\b", "needs a container engine; docs.deploy checks the Dockerfile"),
    (r"(sudo )?(install|useradd|cmake --install)\b", "changes the host"),
    (r"cmake --(preset|build)\b|ctest\b|(\w+=\S+ )*build/\w+/", "is a build; tests/run builds the same way"),
    (r"git\b", "needs the checkout"),
    (r"tests/lint/tidy\b", "takes seconds for each source, and needs clang-tidy"),
    (r"gdb\b|coredumpctl\b", "needs a terminal, or a core; docs.gdb_printers tries .gdbinit"),
    (r"perf\b|worker=", "needs rights to trace, and a load"),
    (r"(sudo )?tests/(bench|bad_days)/", "measures for minutes, on a quiet machine"),
]


def wait_for_port(port):
    """Waits until a process listens on the port: otherwise the first check of weir would find the backend down."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        select.select([], [], [], 0.05)
    raise RuntimeError(f"no process listens on port {port}")


class Demo:
    """weir with its demo backends, as deploy/quickstart starts them."""

    def __init__(self, weir, folder):
        self.weir, self.folder = weir, folder
        self.config = folder / "weir.yaml"
        self.environment = dict(os.environ, WEIR_CONFIG=str(self.config), WEIR_RUNTIME_DIR=str(folder),
                                PATH=f"{weir.parent}:{os.environ['PATH']}", TERM="dumb")
        self.environment.pop("WEIR_ADMIN", None)
        self.backends = [self.start("demo-backend", "-q", "--listen", f"127.0.0.1:{port}", "--name", name)
                         for name, port in BACKENDS.items()]
        for port in BACKENDS.values():
            wait_for_port(port)
        self.server = None

    def start(self, *arguments):
        return subprocess.Popen([self.weir, *arguments], env=self.environment, cwd=self.folder,
                                stderr=(self.folder / "log").open("a"))

    def ensure(self):
        """A document may have drained it, or broken its file."""
        shutil.copy(ROOT / "config/examples/demo.yaml", self.config)
        if self.server is None or self.server.poll() is not None:
            self.server = self.start("run")
        ready = subprocess.run([self.weir, "healthcheck", "--wait", "10s"], env=self.environment)
        if ready.returncode != 0:
            raise RuntimeError("the demo did not start:\n" + (self.folder / "log").read_text())
        subprocess.run([self.weir, "reload", "--wait"], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL)

    def stop(self):
        for process in [self.server, *self.backends]:
            if process and process.poll() is None:
                process.kill()
            if process:
                process.wait()


def not_run(line):
    return next((why for pattern, why in NOT_HERE if re.match(pattern, line.strip())), None)


def run_sh(block, demo):
    lines = block.text.replace("\\\n", " ").splitlines()
    kept = [line for line in lines if not_run(line) is None]
    for line in lines:
        if not_run(line):
            print(f"  {block.place}: not run: {line.strip()} ({not_run(line)})")
    if not any(line.strip() and not line.strip().startswith("#") for line in kept):
        return []
    demo.ensure()
    script = "set -eu\n" + "\n".join(kept) + "\nwait\n"
    result = subprocess.run(["bash", "-c", script], env=demo.environment, cwd=demo.folder, timeout=TIMEOUT,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        return []
    return [f"{block.place}: exit code {result.returncode}\n{block.text}{result.stdout}"]


def check_prometheus(block, folder):
    """A configuration of Prometheus: with its rule files, as if it lay beside the document."""
    beside = folder / "prometheus"
    shutil.copytree((ROOT / block.path).parent, beside, dirs_exist_ok=True)
    path = beside / "block.yml"
    path.write_text(block.text)
    result = subprocess.run(["promtool", "check", "config", path], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return [] if result.returncode == 0 else [f"{block.place}: {result.stdout}"]


def check_route_tests(block, weir, folder):
    """A file for `weir test`: it must be valid; its expectations may fail, since no configuration is given."""
    (folder / "block.yaml").write_text(SMALLEST)
    path = folder / "tests.yaml"
    path.write_text(block.text)
    result = subprocess.run([weir, "test", path, "-c", folder / "block.yaml"], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return [] if result.returncode in (0, 1) else [f"{block.place}: {result.stdout}"]


def with_certificates(text, folder):
    """The same with the files of /etc/weir/tls in `folder`, made for their names."""
    for name in {match[1] for match in TLS_FILE.finditer(text)}:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                        "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"],
                       check=True, stderr=subprocess.DEVNULL)
    return TLS_FILE.sub(rf"{folder}/\1.\2", text)


def check_yaml(block, weir, folder):
    if re.search(r"^scrape_configs:", block.text, re.MULTILINE):
        return check_prometheus(block, folder)
    if re.search(r"^tests:", block.text, re.MULTILINE):
        return check_route_tests(block, weir, folder)
    parts = block.text if re.search(r"^listeners:|^include:", block.text, re.MULTILINE) else SMALLEST + block.text
    path = folder / "block.yaml"
    path.write_text(with_certificates(parts, folder))
    result = subprocess.run([weir, "check", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return [] if result.returncode == 0 else [f"{block.place}: {result.stdout}"]


def check_document(name, text, weir):
    problems, counts = [], {"yaml": 0, "sh": 0}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        demo = Demo(weir, folder)
        try:
            for block in blocks.blocks_of(name, text):
                if block.language == "sh":
                    problems += run_sh(block, demo)
                elif block.language == "yaml":
                    problems += check_yaml(block, weir, folder)
                elif block.language not in SHOWN_ONLY:
                    problems.append(f"{block.place}: a block is sh, yaml, or one of {', '.join(sorted(SHOWN_ONLY))}")
                counts[block.language] = counts.get(block.language, 0) + 1
        finally:
            demo.stop()
    print(f"{name}: {counts['yaml']} configurations, {counts['sh']} blocks of commands")
    return problems


def main():
    weir = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    problems = []
    for name, text in blocks.documents(ROOT):
        if "```" in text and (not wanted or name in wanted):
            problems += check_document(name, text, weir)
    for problem in problems:
        print(f"FAILED {problem}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
