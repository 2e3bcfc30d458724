#!/usr/bin/env python3
"""deploy/ as far as it can be checked without a booted systemd or a container engine.

usage: deploy_test.py WEIR
"""
import configparser
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEIR = None


class Options(dict):
    """Keeps every value of a key that is given more than once."""

    def __setitem__(self, key, value):
        if key in self and isinstance(value, list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def unit():
    parser = configparser.RawConfigParser(strict=False, dict_type=Options, interpolation=None)
    parser.optionxform = str
    parser.read(ROOT / "deploy/weir.service")
    return {section: dict(parser.items(section)) for section in parser.sections()}


class Unit(unittest.TestCase):
    def test_its_commands_are_commands_of_weir(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "weir.yaml"
            shutil.copy(ROOT / "config/examples/minimal.yaml", config)
            for key, codes in (("ExecStartPre", [0]), ("ExecReload", [3])):
                words = shlex.split(unit()["Service"][key].replace("/etc/weir/weir.yaml", str(config)))
                self.assertEqual(words[0], "/usr/bin/weir")
                result = subprocess.run([WEIR, *words[1:]], capture_output=True, text=True)
                self.assertIn(result.returncode, codes, f"{key}: {result.stderr}")

    def test_systemd_waits_longer_than_a_drain(self):
        shown = subprocess.run([WEIR, "config", "defaults"], capture_output=True, text=True, check=True).stdout
        drain = shown[shown.index("drain:"):]
        seconds = [float(re.search(rf"^[# ]+{key}: (\d+)s", drain, re.MULTILINE)[1])
                   for key in ("delay", "timeout", "linger")]
        self.assertGreater(float(unit()["Service"]["TimeoutStopSec"]), sum(seconds) + 10)

    def test_a_broken_file_does_not_make_it_start_again_and_again(self):
        self.assertEqual(unit()["Service"]["RestartPreventExitStatus"].split(), ["2", "78"])

    def test_systemd_understands_it(self):
        if not shutil.which("systemd-analyze"):
            print("systemd-analyze is not here: its own check is left out", file=sys.stderr)
            return
        with tempfile.TemporaryDirectory() as folder:
            text = (ROOT / "deploy/weir.service").read_text().replace("/usr/bin/weir", str(WEIR))
            path = pathlib.Path(folder) / "weir.service"
            path.write_text(text)
            result = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
            complaints = [line for line in result.stderr.splitlines() if "weir.service" in line]
            self.assertEqual(complaints, [])


class Dockerfile(unittest.TestCase):
    KNOWN = {"FROM", "WORKDIR", "COPY", "ARG", "RUN", "LABEL", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
             "ENTRYPOINT", "CMD"}

    def setUp(self):
        text = (ROOT / "deploy/Dockerfile").read_text()
        text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
        self.lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]

    def values(self, instruction):
        return [rest for word, rest in self.lines if word == instruction]

    def test_holds_known_instructions_only(self):
        self.assertEqual({word for word, _ in self.lines} - self.KNOWN, set())

    def test_copies_what_exists(self):
        for value in self.values("COPY"):
            if "--from" not in value:
                for name in value.split()[:-1]:
                    self.assertTrue((ROOT / name).exists(), name)

    def test_drains_on_stop_and_is_not_root(self):
        self.assertEqual(self.values("STOPSIGNAL"), ["SIGTERM"])
        self.assertEqual(self.values("USER"), ["65532:65532"])
        self.assertIn('CMD ["weir", "healthcheck"]', self.values("HEALTHCHECK")[0])

    def test_names_no_host(self):
        self.assertEqual([rest for _, rest in self.lines if "://" in rest], [])


class InstallPackages(unittest.TestCase):
    """With stand-ins for dpkg-query, sudo and id: nothing is installed."""

    def run_with(self, installed, packages):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "list").write_text(packages)
            stand_ins = {
                "dpkg-query": f'case " {installed} " in *" ${{@: -1}} "*) echo -n "install ok installed" ;; *) exit 1 ;; esac',
                "sudo": f'echo "$@" >>{folder}/sudo.log',
                "id": "echo 1000",
            }
            for name, text in stand_ins.items():
                (folder / name).write_text(f"#!/bin/bash\n{text}\n")
                (folder / name).chmod(0o755)
            environment = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}")
            result = subprocess.run([ROOT / "deploy/install-packages", folder / "list"], env=environment,
                                    capture_output=True, text=True)
            log = folder / "sudo.log"
            return result, log.read_text() if log.exists() else ""

    def test_nothing_missing_is_silent_and_needs_no_rights(self):
        result, sudo = self.run_with("a b", "# list\na\nb  # why\n")
        self.assertEqual((result.returncode, result.stdout, result.stderr, sudo), (0, "", "", ""))

    def test_says_beforehand_what_it_installs_and_asks_for_root(self):
        result, sudo = self.run_with("a", "a\nb\nc # why\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout.startswith("Debian packages to install: b c\n"), result.stdout)
        self.assertTrue(sudo.endswith("--as-root b c\n"), sudo)

    def test_the_lists_are_names_that_debian_could_have(self):
        for name in ("deploy/packages.txt", "tests/packages.txt"):
            for line in (ROOT / name).read_text().splitlines():
                package = line.split("#")[0].strip()
                self.assertRegex(package, r"^$|^[a-z0-9][a-z0-9+.-]+$")


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
