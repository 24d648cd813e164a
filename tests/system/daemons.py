"""A scheduler as a service manager runs it, on a clock that the test sets."""
import contextlib
import json
import os
import queue
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pulih import BINARY

ZONE = timezone(timedelta(hours=9))
FAKETIME = next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)

CONFIG = """\
office:
  name: Pengadilan Agama Ternate
  timezone: Asia/Jayapura
people:
  - {{id: admin, name: Contoh Admin, position: Admin Web, role: operator}}
  - {{id: kasubbag, name: Contoh Pemeriksa, position: Kasubbag, role: reviewer}}
targets:
  - {{name: hdd, url: {repo}, password_file: {password}}}
"""
JOB = """\
  - name: {name}
    performer: admin
    reviewer: kasubbag
    sources:
      - files: {{paths: [{source}]}}
    target: hdd
"""


class Clock:
    """Shared by all processes that are started with its environment: the real clock and an offset, which may be moved while they run."""

    def __init__(self, folder, start):
        self.file = folder / "clock"
        self.set(start)

    def set(self, when):
        if isinstance(when, str):
            when = datetime.fromisoformat(when)
        if when.tzinfo is None:
            when = when.replace(tzinfo=ZONE)
        self.offset = round(when.timestamp() - time.time())
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.offset:+d}\n")
        os.replace(new, self.file)

    def advance(self, **span):
        self.set(self.now() + timedelta(**span))

    def now(self):
        return datetime.fromtimestamp(time.time() + self.offset, ZONE)

    @property
    def environment(self):
        return {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


class Supervisor:
    """A socket that takes what a service tells its manager; it reads on whether or not somebody waits, as a manager does."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)
        self.heard = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            self.heard.put(self.socket.recv(4096).decode())

    def wait_for(self, text):
        """Until that is heard, after what was waited for before."""
        while True:
            heard = self.heard.get(timeout=120)
            if text in heard:
                return heard


class Daemon:
    def __init__(self, pulih, work, jobs, limits="", start="2026-11-22T12:00:00"):
        self.p = pulih
        self.work = work
        self.config = work / "pulih.yaml"
        for name in ("PULIH_REPOSITORY", "PULIH_PASSWORD_FILE"):
            self.p.environment.pop(name, None)
        self.p.environment["PULIH_CONFIG"] = str(self.config)
        self.clock = Clock(work, start)
        self.process = None
        self.events = []
        self.condition = threading.Condition()
        self.write(jobs, limits)

    def write(self, jobs, limits=""):
        """`jobs`: {name: (source, further lines)}."""
        text = CONFIG.format(repo=self.p.repo, password=self.p.password_file)
        if limits:
            text += f"limits: {limits}\n"
        text += "jobs:\n"
        for name, (source, more) in jobs.items():
            text += JOB.format(name=name, source=source)
            text += "".join(f"    {line}\n" for line in more)
        self.config.write_text(text)

    # ---- the process ----

    def start(self, env=None, wait=True, user=None):
        if wait:
            self.supervisor = supervisor = Supervisor(self._fresh())
            env = {**(env or {}), "NOTIFY_SOCKET": str(supervisor.path)}
        self.process = self.p.start("scheduler", "--foreground", "--json", env={**self.clock.environment, **(env or {})}, stderr=subprocess.STDOUT,
                                    preexec_fn=user and (lambda: (os.setgroups([]), os.setgid(user), os.setuid(user))))
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        if wait:
            supervisor.wait_for("READY=1")
        return self

    def _fresh(self):
        folder = self.work / f"supervisor{time.monotonic_ns()}"
        folder.mkdir()
        return folder

    def _read(self, stream):
        for line in stream:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                with self.condition:
                    self.events.append(message)
                    self.condition.notify_all()

    def wait_for(self, event, count=1, timeout=120, **members):
        """Until `count` events of that name with those members were heard in all; returns the last of them."""
        deadline = time.monotonic() + timeout
        with self.condition:
            while True:
                found = [m for m in self.events if m.get("event") == event and all(m.get(k) == v for k, v in members.items())]
                if len(found) >= count:
                    return found[-1]
                assert time.monotonic() < deadline, f"no {event} {members}: {self.events}"
                self.condition.wait(1)

    def look(self):
        """The clock was moved: libfaketime moves it unnoticed, where the kernel would tell. When the second one is heard of, the daemon has looked."""
        for _ in range(2):
            self._hang_up()

    def _hang_up(self):
        with self.condition:
            seen = sum(m.get("event") in ("reloaded", "refused") for m in self.events)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 120
        with self.condition:
            while sum(m.get("event") in ("reloaded", "refused") for m in self.events) <= seen:
                assert time.monotonic() < deadline, self.events
                self.condition.wait(1)

    def stop(self, code=0):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(120) == code, self.events

    def cut_power(self):
        """kill -9 for the scheduler and everything it started."""
        pids = [self.process.pid, *descendants(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pid in pids[1:]:
            deadline = time.monotonic() + 60
            while os.path.exists(f"/proc/{pid}") and open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z" and time.monotonic() < deadline:
                time.sleep(0.005)

    # ---- what is left ----

    def runs(self, where="1"):
        connection = sqlite3.connect(self.p.state / "scheduler.sqlite", timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(f"SELECT * FROM run WHERE {where} ORDER BY id")]
        finally:
            connection.close()

    def reports(self):
        return self.p("report", "list", "--json", env=self.clock.environment).of_type("report")

    def record(self, run_id):
        return self.p("report", "show", run_id, "--json", env=self.clock.environment).of_type("report")[0]["record"]


def descendants(pid):
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in open(f"/proc/{pid}/task/{task}/children").read().split():
                found += [int(child), *descendants(int(child))]
    return found


def instant(text):
    """Nanoseconds since 1970 of a local time of the office."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * 10**9


assert BINARY
