"""Database servers of a test's own: real ones, on a Unix socket in a temporary folder, ended with the test."""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

TIMEOUT = 300


def program(*names, folders=()):
    """The first of these programs that is here; the test is skipped where none is."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *folders])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    pytest.skip(f"{' or '.join(names)} is not installed: make deps")


class Server:
    """Folder, process and end of one."""

    def __init__(self, prefix):
        self.folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        self.socket = self.folder / "s"
        self.process = None

    def wait(self, ready):
        end = time.monotonic() + TIMEOUT
        while not ready():
            assert self.process.poll() is None and time.monotonic() < end, (self.folder / "log").read_text(errors="replace")
            time.sleep(0.05)

    @contextlib.contextmanager
    def frozen(self):
        """It takes connections, because the kernel does, and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class MariaDB(Server):
    def __init__(self, *options):
        program("mariadb-dump", "mysqldump")
        daemon, install = program("mariadbd", "mysqld"), program("mariadb-install-db", "mysql_install_db")
        super().__init__("pulih-mariadb-")
        user = ["--user=root"] if os.geteuid() == 0 else []
        # Servers throw away what they find of temporary tables, also those of others in the same folder.
        (self.folder / "tmp").mkdir()
        subprocess.run([install, "--no-defaults", *user, f"--datadir={self.folder}/data", "--auth-root-authentication-method=normal",
                        "--skip-test-db"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=TIMEOUT,
                       env={**os.environ, "TMPDIR": str(self.folder / "tmp")})
        self.process = subprocess.Popen(
            [daemon, "--no-defaults", *user, f"--datadir={self.folder}/data", f"--socket={self.socket}", f"--tmpdir={self.folder}/tmp", f"--pid-file={self.folder}/pid",
             "--skip-networking", f"--log-error={self.folder}/log", "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=64M",
             "--innodb-flush-log-at-trx-commit=0", "--max-allowed-packet=64M", "--event-scheduler=OFF", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        self.wait(lambda: self.client("SELECT 1", check=False).returncode == 0)

    def command(self, *arguments):
        return [program("mariadb", "mysql"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--default-character-set=utf8mb4",
                "--batch", "--skip-column-names", *arguments]

    def client(self, sql, database="", check=True):
        return subprocess.run(self.command(*([database] if database else [])), input=sql if isinstance(sql, bytes) else sql.encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=check, timeout=TIMEOUT)

    def sql(self, sql, database=""):
        """Runs it; the rows of its answer, each a list of texts."""
        try:
            out = self.client(sql, database).stdout.decode()
        except subprocess.CalledProcessError as error:
            raise AssertionError(error.stderr.decode(errors="replace")) from None
        return [line.split("\t") for line in out.splitlines()]

    def value(self, sql, database=""):
        return self.sql(sql, database)[0][0]

    def load(self, path):
        self.sql(Path(path).read_bytes())

    def clear(self):
        """As it was when it was new."""
        for (name,) in self.sql("SHOW DATABASES"):
            if name not in ("information_schema", "performance_schema", "mysql", "sys"):
                self.sql(f"DROP DATABASE `{name.replace('`', '``')}`")
        for user, host in self.sql("SELECT user, host FROM mysql.user WHERE user NOT IN ('root', 'mariadb.sys', '')"):
            self.sql(f"DROP USER '{user}'@'{host}'")

    @contextlib.contextmanager
    def holding(self, sql, database=""):
        """A connection that ran this and stays."""
        held = subprocess.Popen(self.command("--unbuffered", *([database] if database else [])), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            held.stdin.write(sql.encode() + b"; SELECT 'held';\n")
            held.stdin.flush()
            assert held.stdout.readline() == b"held\n"
            yield
        finally:
            held.stdin.close()
            held.stdout.close()
            held.wait(60)


class PostgreSQL(Server):
    """Trusts everybody on its socket, but for the role "cadangan", which needs its password."""

    def __init__(self):
        folders = sorted((str(f) for f in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
        self.programs = {name: program(name, folders=folders) for name in ("initdb", "postgres", "psql", "pg_dump")}
        super().__init__("pulih-postgresql-")
        self.folder.chmod(0o755)
        self.socket, user = self.folder / "socket", None
        self.socket.mkdir()
        if os.geteuid() == 0:
            user = "postgres"
            shutil.chown(self.folder, user)
            shutil.chown(self.socket, user)
        subprocess.run([self.programs["initdb"], "-D", self.folder / "data", "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8",
                        "--locale=C.UTF-8"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=TIMEOUT, user=user,
                       cwd=self.folder)
        rules = self.folder / "data/pg_hba.conf"
        rules.write_text("local all cadangan scram-sha-256\n" + rules.read_text())
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [self.programs["postgres"], "-D", self.folder / "data", "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.socket}",
                 "-c", "fsync=off"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user, cwd=self.folder)
        self.wait(lambda: self.client("SELECT 1", check=False).returncode == 0)

    def command(self, database, *arguments):
        return [self.programs["psql"], "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket), "-U", "postgres",
                "-d", database, *arguments]

    def client(self, sql, database="postgres", check=True):
        return subprocess.run(self.command(database), input=sql if isinstance(sql, bytes) else sql.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=check, timeout=TIMEOUT)

    def sql(self, sql, database="postgres"):
        try:
            return self.client(sql, database).stdout.decode().splitlines()
        except subprocess.CalledProcessError as error:
            raise AssertionError(error.stderr.decode(errors="replace")) from None

    def value(self, sql, database="postgres"):
        return self.sql(sql, database)[0]

    def load(self, path):
        self.sql(Path(path).read_bytes())

    def clear(self):
        for name in self.sql("SELECT quote_ident(datname) FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"):
            self.sql(f"DROP DATABASE {name} WITH (FORCE)")
        for name in self.sql("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname <> 'postgres' AND rolname NOT LIKE 'pg\\_%'"):
            self.sql(f"DROP ROLE {name}")

    @contextlib.contextmanager
    def holding(self, sql, database):
        """A connection that ran this in a transaction and stays."""
        held = subprocess.Popen(self.command(database), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            held.stdin.write(f"BEGIN; {sql}; SELECT 'held';\n".encode())
            held.stdin.flush()
            assert held.stdout.readline() == b"held\n"
            yield
        finally:
            held.stdin.close()
            held.stdout.close()
            held.wait(60)
