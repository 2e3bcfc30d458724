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


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


class Installation(unittest.TestCase):
    """cmake --install of the build that made WEIR, below another root."""

    PATH = re.compile(r"(?<![\w$./])/[a-z][\w./-]*\w")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.install()

    def install(self):
        result = run("cmake", "--install", WEIR.parent, env=dict(os.environ, DESTDIR=str(self.root)))
        self.assertEqual(result.returncode, 0, result.stdout)

    def there(self, path):
        return self.root / path.lstrip("/")

    def test_everything_the_unit_and_the_configuration_name_is_there(self):
        runtime = f"/run/{unit()['Service']['RuntimeDirectory']}/"  # made by systemd
        for source in ("/usr/lib/systemd/system/weir.service", "/etc/weir/weir.yaml"):
            named = set(self.PATH.findall(self.there(source).read_text()))
            self.assertGreaterEqual(len(named), 2, source)
            for path in named:
                self.assertTrue(path.startswith(runtime) or self.there(path).is_file(), f"{source} names {path}")

    def test_the_installed_configuration_is_valid(self):
        result = run(self.there("/usr/bin/weir"), "check", "--strict", "-c", self.there("/etc/weir/weir.yaml"))
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_an_edited_configuration_stays_as_it_is(self):
        self.there("/etc/weir/weir.yaml").write_text("# mine\n")
        self.install()
        self.assertEqual(self.there("/etc/weir/weir.yaml").read_text(), "# mine\n")

    def test_the_manual_page_has_no_errors(self):
        page = self.there("/usr/share/man/man1/weir.1")
        self.assertTrue(page.read_text().startswith(".TH weir 1"))
        plain = dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8", MANPAGER="cat")
        result = run("man", "--warnings", "-l", page, env=plain)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertNotRegex(result.stdout, r"(?m)^(troff|<standard input>|man|an\.tmac).*:")
        self.assertIn("--watch", result.stdout)

    def test_the_completions_are_where_the_shells_look(self):
        for path in ("/usr/share/bash-completion/completions/weir", "/usr/share/zsh/vendor-completions/_weir",
                     "/usr/share/fish/vendor_completions.d/weir.fish"):
            self.assertIn("--watch" if "fish" not in path else "watch", self.there(path).read_text())
        script = self.there("/usr/share/bash-completion/completions/weir")
        result = run("bash", "-c", 'source "$0"; complete -p weir', script)
        self.assertEqual(result.returncode, 0, result.stdout)


class Unit(unittest.TestCase):
    def test_its_commands_are_commands_of_weir(self):
        with tempfile.TemporaryDirectory() as folder:
            for key, codes in (("ExecStart", [78]), ("ExecReload", [3])):
                text = unit()["Service"][key].replace("/etc/weir/", f"{folder}/").replace("/run/weir/", f"{folder}/")
                words = shlex.split(text)
                self.assertEqual(words[0], "/usr/bin/weir")
                result = run(WEIR, *words[1:])
                self.assertIn(result.returncode, codes, f"{key}: {result.stdout}")

    def test_reload_uses_the_address_of_the_unit(self):
        socket = re.search(r"socket: (\S+)", (ROOT / "config/weir.yaml").read_text())[1]
        words = shlex.split(unit()["Service"]["ExecReload"])
        self.assertEqual(words[words.index("--admin") + 1], "unix:" + socket)
        self.assertNotIn("-c", words)

    def test_systemd_waits_longer_than_a_drain(self):
        shown = subprocess.run([WEIR, "config", "defaults"], capture_output=True, text=True, check=True).stdout
        drain = shown[shown.index("drain:"):]
        seconds = [float(re.search(rf"^[# ]+{key}: (\d+)s", drain, re.MULTILINE)[1])
                   for key in ("delay", "timeout", "linger")]
        self.assertGreater(float(unit()["Service"]["TimeoutStopSec"]), sum(seconds) + 10)

    def test_an_invalid_file_causes_no_restart_loop(self):
        self.assertEqual(unit()["Service"]["RestartPreventExitStatus"].split(), ["2", "78"])
        # It counts for the main process only.
        self.assertNotIn("ExecStartPre", unit()["Service"])

    def test_its_filter_of_system_calls_lets_weir_set_the_group_of_a_socket(self):
        filters = re.findall(r"^SystemCallFilter=(.+)$", (ROOT / "deploy/weir.service").read_text(), re.MULTILINE)
        # In order: a later line adds to the allowed calls, or with ~ removes from them; @privileged includes @chown.
        self.assertIn("@chown", filters[filters.index("~@privileged") + 1:])

    def test_systemd_understands_it(self):
        self.assertTrue(shutil.which("systemd-analyze"), "deploy/install-packages tests/packages.txt")
        with tempfile.TemporaryDirectory() as folder:
            text = (ROOT / "deploy/weir.service").read_text().replace("/usr/bin/weir", str(WEIR))
            path = pathlib.Path(folder) / "weir.service"
            path.write_text(text)
            result = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True)
            warnings = [line for line in result.stderr.splitlines() if "weir.service" in line]
            self.assertEqual(warnings, [])


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

    def test_finds_the_packages_of_the_libraries(self):
        command = next(value for value in self.values("RUN") if value.startswith("ldd "))
        with tempfile.TemporaryDirectory() as folder:
            built = pathlib.Path(folder) / "build/release"
            built.mkdir(parents=True)
            (built / "weir").symlink_to(WEIR)
            result = run("sh", "-c", command, cwd=folder)
            packages = (pathlib.Path(folder) / "run-packages.txt").read_text().split()
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertLessEqual({"libc6", "libstdc++6", "libyaml-cpp0.7", "libevent-core-2.1-7"}, set(packages))
        for package in packages:
            self.assertRegex(package, r"^[a-z0-9][a-z0-9+.-]+$")

    def test_names_no_host(self):
        self.assertEqual([rest for _, rest in self.lines if "://" in rest], [])


class Quickstart(unittest.TestCase):
    def test_an_interrupted_check_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            os.mkfifo(folder / "started")
            (folder / "weir").write_text(f"#!/bin/sh\necho >{folder}/started\nexec tail -f /dev/null\n")
            (folder / "weir").chmod(0o755)
            for options, code in ((["--check"], 130), ([], 0)):
                trial = subprocess.Popen([ROOT / "deploy/quickstart", *options, "--weir", folder / "weir"],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                (folder / "started").read_text()  # blocks until the first backend is started
                trial.terminate()
                self.assertEqual(trial.wait(timeout=20), code)


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

    def test_without_missing_packages_prints_nothing_and_needs_no_root(self):
        result, sudo = self.run_with("a b", "# list\na\nb  # why\n")
        self.assertEqual((result.returncode, result.stdout, result.stderr, sudo), (0, "", "", ""))

    def test_prints_the_packages_before_it_uses_sudo(self):
        result, sudo = self.run_with("a", "a\nb\nc # why\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout.startswith("Debian packages to install: b c\n"), result.stdout)
        self.assertTrue(sudo.endswith("--as-root b c\n"), sudo)

    def as_root(self, policy=None, put_aside=None, apt="true"):
        """Runs --as-root below another root; its apt-get records the answer of policy-rc.d."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            wants = folder / "etc/systemd/system/multi-user.target.wants"
            wants.mkdir(parents=True)
            (wants / "mine.service").symlink_to("/lib/systemd/system/mine.service")
            (folder / "usr/sbin").mkdir(parents=True)
            script = folder / "usr/sbin/policy-rc.d"
            for path, text in ((script, policy), (folder / "usr/sbin/policy-rc.d.before-weir", put_aside)):
                if text is not None:
                    path.write_text(text)
            (folder / "bin").mkdir()
            (folder / "bin/apt-get").write_text(
                f"#!/bin/bash\n{script} server start; echo $? >>{folder}/policy.log\n"
                f"ln -sf /lib/systemd/system/server.service {wants}/\n{apt}\n")
            (folder / "bin/apt-get").chmod(0o755)
            environment = dict(os.environ, PATH=f"{folder}/bin:{os.environ['PATH']}", INSTALL_PACKAGES_ROOT=str(folder))
            result = run(ROOT / "deploy/install-packages", "--as-root", "server", env=environment)
            self.assertEqual(set((folder / "policy.log").read_text().split()), {"101"}, "a server could start")
            self.assertEqual([path.name for path in wants.iterdir()], ["mine.service"])
            self.assertIn("leaves disabled: server", result.stdout)
            left = {path.name: path.read_text() for path in (folder / "usr/sbin").iterdir()}
            return result.returncode, left

    def test_a_server_is_neither_started_nor_enabled(self):
        self.assertEqual(self.as_root(), (0, {}))

    def test_a_failed_installation_starts_no_server(self):
        code, left = self.as_root(apt="exit 100")
        self.assertNotEqual(code, 0)
        self.assertEqual(left, {})

    def test_keeps_the_policy_file_of_the_host(self):
        self.assertEqual(self.as_root(policy="#!/bin/sh\nexit 0\n"), (0, {"policy-rc.d": "#!/bin/sh\nexit 0\n"}))

    def test_removes_the_policy_file_of_a_killed_run(self):
        own = "#!/bin/sh\n# Written by install-packages of weir while it installs.\nexit 101\n"
        self.assertEqual(self.as_root(policy=own), (0, {}))
        self.assertEqual(self.as_root(policy=own, put_aside="theirs"), (0, {"policy-rc.d": "theirs"}))

    def test_the_lists_are_names_that_debian_could_have(self):
        for name in ("deploy/packages.txt", "tests/packages.txt", "tests/bench/packages.txt"):
            for line in (ROOT / name).read_text().splitlines():
                package = line.split("#")[0].strip()
                self.assertRegex(package, r"^$|^[a-z0-9][a-z0-9+.-]+$")


if __name__ == "__main__":
    WEIR = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
