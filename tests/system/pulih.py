"""Runs the program as a user would, with a repository and a state folder of its own."""
import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("PULIH", str(TOP / "build" / "pulih"))
SHIM = os.environ.get("PULIH_SHIM", str(TOP / "build" / "faults" / "shim.so"))
# A program that hangs is a failed test; the slowest builds (ThreadSanitizer) are ten times slower.
TIMEOUT = 600


class Result:
    def __init__(self, command, process):
        self.command = command
        self.code = process.returncode
        self.out, self.err = process.stdout, process.stderr

    @property
    def text(self):
        return self.out.decode("utf-8", "surrogateescape")

    @property
    def messages(self):
        """The JSON objects of standard output, one a line. Every line must be one."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of_type(self, message_type):
        return [m for m in self.messages if m["message_type"] == message_type]

    @property
    def summary(self):
        found = self.of_type("summary")
        assert len(found) == 1, f"{len(found)} summaries\n{self}"
        return found[0]

    @property
    def error(self):
        found = self.of_type("error")
        assert len(found) == 1, f"{len(found)} errors\n{self}"
        return found[0]

    @property
    def everything(self):
        return (self.out + b"\n" + self.err).decode("utf-8", "backslashreplace")

    def __str__(self):
        def cut(raw):
            text = raw.decode("utf-8", "backslashreplace")
            return text if len(text) < 8000 else text[:4000] + "\n…\n" + text[-4000:]

        return f"$ {' '.join(map(repr, self.command))}\nexit {self.code}\n--- stdout\n{cut(self.out)}\n--- stderr\n{cut(self.err)}"


class Pulih:
    """`folder` holds repository, state and passphrase. p("backup", path) runs `pulih backup path` and wants exit 0."""

    def __init__(self, folder, passphrase="rahasia untuk uji"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.repo = self.folder / "repo"
        self.state = self.folder / "state"
        self.password_file = self.folder / "password"
        self.password_file.write_text(passphrase + "\n")
        self.password_file.chmod(0o600)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PULIH_REPOSITORY": str(self.repo),
            "PULIH_PASSWORD_FILE": str(self.password_file),
            "PULIH_STATE_DIR": str(self.state),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def command(self, *arguments, user=None):
        line = [BINARY, *map(os.fspath, map(_plain, arguments))]
        return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *line] if user else line

    def start(self, *arguments, env=None, user=None, **options):
        """A running process; standard output and error are pipes unless told otherwise."""
        if os.environ.get("PULIH_SANITIZED") and "LD_PRELOAD" in (env or {}):
            import pytest

            pytest.skip("a sanitizer wants to be loaded first: no faults can be injected")
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        environment = {k: str(v) if isinstance(v, int) else os.fspath(v) for k, v in {**self.environment, **(env or {})}.items() if v is not None}
        return subprocess.Popen(self.command(*arguments, user=user), env=environment, **options)

    def __call__(self, *arguments, code=0, env=None, user=None, cwd=None, timeout=TIMEOUT, **options):
        """Runs it and wants one of the exit codes `code` (a number, a tuple, or None for any)."""
        process = self.start(*arguments, env=env, user=user, cwd=cwd, **options)
        try:
            process.stdout_bytes, process.stderr_bytes = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"still running after {timeout} s: {process.args}\n{out!r}\n{err!r}")
        process.stdout, process.stderr = process.stdout_bytes or b"", process.stderr_bytes or b""
        result = Result(process.args, process)
        allowed = code if isinstance(code, tuple) else (code,)
        assert code is None or result.code in allowed, f"exit {result.code}, wanted {code}\n{result}"
        return result

    def json(self, *arguments, **options):
        command = arguments[0]
        return self(command, "--json", *arguments[1:], **options)

    # ---- what most tests do ----

    def init(self):
        self("init")
        return self

    def backup(self, *paths, code=0, **options):
        """Backs up and returns the summary."""
        return self.json("backup", *paths, code=code, **options).summary

    def restore(self, destination, snapshot="latest", *arguments, code=0, **options):
        return self("restore", snapshot, "-t", destination, *arguments, code=code, **options)

    def restored(self, destination, source):
        """Where `source` lies in a full restore into `destination`."""
        return Path(os.fsdecode(os.fsencode(str(destination)) + os.path.abspath(os.fsencode(str(source)))))

    def snapshots(self):
        return self.json("snapshots").of_type("snapshot")

    def objects(self, kind):
        """Files of the repository of one kind: "packs", "index", "snapshots", "keys", "config"."""
        top = self.repo / kind
        return [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file())

    def stored_bytes(self, kind=""):
        """Also while a backup runs: a temporary that gets its name meanwhile is not counted."""
        total = 0
        for folder, _, names in os.walk(self.repo / kind):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += os.stat(os.path.join(folder, name)).st_size
        return total

    def forget_state(self):
        shutil.rmtree(self.state, ignore_errors=True)


def _plain(argument):
    return argument if isinstance(argument, (str, bytes, os.PathLike)) else str(argument)


def flip(path, offset):
    """Changes one bit of a file."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x04
    path.chmod(0o600)
    path.write_bytes(content)


def messages_of_source():
    """{number: (name, kind, cause, remedy)} of core/base/messages.def, in file order."""
    text = (TOP / "core/base/messages.def").read_text()
    rows = re.findall(r'^MESSAGE\((\w+), (\d+), (\w+),\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\)', text, re.M)
    return [(int(number), name, kind, cause, remedy) for name, number, kind, cause, remedy in rows]
