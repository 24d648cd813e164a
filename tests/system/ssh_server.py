"""An sshd of a test's own: Debian's, on a port of the loopback, with its own keys and files, ended with the test; and what drives core/ssh against it."""
import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path

from pulih import TIMEOUT, TOP
from servers import Server, program

DRIVE = os.environ.get("PULIH_SSH_DRIVE", str(TOP / "build" / "ssh-drive"))
USER = pwd.getpwuid(os.getuid()).pw_name


def keygen(path, kind="ed25519", passphrase="", *options):
    subprocess.run([program("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-f", str(path), *options], check=True)
    return path


def public(path):
    """Type and key, without the comment."""
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def fingerprint(path):
    return subprocess.run([program("ssh-keygen"), "-l", "-f", f"{path}.pub"], stdout=subprocess.PIPE, check=True).stdout.decode().split()[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def below(pid):
    """The processes that stem from this one, itself last."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        listed = children.read_text().split()
    except OSError:
        listed = []
    return [each for child in listed for each in below(int(child))] + [pid]


class Ended:
    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err.decode("utf-8", "backslashreplace")

    @property
    def text(self):
        return self.out.decode()

    def __str__(self):
        return f"{self.arguments}\nexit {self.code}\n{self.out[:2000]!r}\n{self.err}"


class Running:
    """A drive that is at work."""

    def __init__(self, process, arguments):
        self.process, self.arguments = process, arguments

    def read(self, size):
        """Exactly so many bytes of its output: it has got this far."""
        out = b""
        while len(out) < size:
            piece = self.process.stdout.read(size - len(out))
            assert piece, self.process.stderr.read().decode()
            out += piece
        return out

    def end(self, before=b""):
        out, err = self.process.communicate(timeout=TIMEOUT)
        return Ended(self.arguments, self.process.returncode, before + out, err)


class SshServer(Server):
    def __init__(self, host_keys=("ed25519",), settings=(), address="127.0.0.1"):
        super().__init__("pulih-sshd-")
        self.sshd = program("sshd")
        program("ssh-keygen")
        self.port, self.address, self.settings = free_port(), address, list(settings)
        self.host_keys = [keygen(self.folder / f"host_{kind}", kind) for kind in host_keys]
        self.key = keygen(self.folder / "id")
        self.authorized = self.folder / "authorized_keys"
        self.authorized.write_text(public(self.key) + "\n")
        self.known = self.folder / "known_hosts"
        self.know(*self.host_keys)
        self.start()

    def know(self, *keys, name=None):
        self.known.write_text("".join(f"{name or f'[{self.address}]:{self.port}'} {public(key)}\n" for key in keys))

    def start(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        config = self.folder / "sshd_config"
        lines = [f"Port {self.port}", f"ListenAddress {self.address}", "PidFile none", f"AuthorizedKeysFile {self.authorized}", "StrictModes no", "UsePAM no",
                 "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "UseDNS no", "PrintMotd no", "MaxStartups 100"]
        lines += [f"HostKey {key}" for key in self.host_keys] + self.settings
        if not any(line.startswith("Subsystem") for line in self.settings):
            lines.insert(0, "Subsystem sftp internal-sftp")
        # Blocks of Match end at the end only.
        config.write_text("\n".join(sorted(lines, key=lambda line: line.startswith("Match"))) + "\n")
        self.process = subprocess.Popen([self.sshd, "-D", "-e", "-f", str(config)], stderr=open(self.folder / "log", "ab"), stdin=subprocess.DEVNULL)
        self.wait(self.listens)

    def listens(self):
        with socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET) as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def processes(self):
        return below(self.process.pid)

    def signal_all(self, number):
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """Listener and sessions at once, as a power cut of a machine whose kernel still says that its ports are closed."""
        self.signal_all(signal.SIGKILL)
        self.process.wait()

    def end(self):
        if self.process and self.process.poll() is None:
            self.signal_all(signal.SIGCONT)
            self.kill()
        super().end()

    def arguments(self, *action, **options):
        given = dict(host=self.address, user=USER, port=self.port, known_hosts=self.known, key_file=self.key, agent="", folder="", timeout=20, connect_timeout=60)
        given.update(options)
        return [DRIVE, *(f"{name}={value}" for name, value in given.items() if value is not None), *map(str, action)]

    def begin(self, *action, environment=None, **options):
        arguments = self.arguments(*action, **options)
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                                   env=dict(os.environ, **(environment or {})))
        return Running(process, arguments)

    def run(self, *action, stdin=b"", environment=None, **options):
        arguments = self.arguments(*action, **options)
        done = subprocess.run(arguments, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                              env=dict(os.environ, **(environment or {})))
        return Ended(arguments, done.returncode, done.stdout, done.stderr)

    def ok(self, *action, **options):
        ended = self.run(*action, **options)
        assert ended.code == 0, str(ended)
        return ended

    def fails(self, code, *action, **options):
        ended = self.run(*action, **options)
        assert ended.code == 1 and f"PL-{code} " in ended.err, str(ended)
        return ended
