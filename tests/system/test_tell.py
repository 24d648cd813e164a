"""What the scheduler tells people of its own accord, against real servers and on a clock that the test sets."""
import contextlib
import json
import os
import signal
import sqlite3
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

import notify_servers as servers
from daemons import FAKETIME, Daemon, Supervisor

pytestmark = pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")
NIGHTLY = 'schedule: {every: day, at: "01:00"}'
MONTHLY = 'schedule: {every: month, day: 23, at: "01:00"}'
PEOPLE = """\
  - {id: admin, name: Contoh Admin, position: Admin Web, role: operator, email: admin@example.org}
  - {id: kasubbag, name: Contoh Pemeriksa, position: Kasubbag, role: reviewer, email: kasubbag@example.org}
  - {id: sekretaris, name: Contoh Sekretaris, position: Sekretaris, role: head, email: sekretaris@example.org}
  - {id: ketua, name: Contoh Ketua, position: Ketua, role: head}
"""


class Office(Daemon):
    """A scheduler with channels."""

    def __init__(self, *arguments, channels, **options):
        self.channels = channels
        super().__init__(*arguments, **options)

    def write(self, jobs, limits=""):
        super().write(jobs, limits)
        text = self.config.read_text()
        start, end = text.index("  - {id: admin"), text.index("targets:")
        channels = "".join(f"  - {{name: {name}, {line}}}\n" for name, line in self.channels.items())
        self.config.write_text(text[:start] + PEOPLE + text[end:] + "notifications:\n" + channels)

    def outbox(self):
        return sorted((self.p.state / "notify" / "outbox").glob("*.json"))

    def settle(self):
        """The scheduler has looked, and all that it had to tell was taken: a message leaves the outbox after its server took it."""
        self.look()
        until(lambda: not self.outbox())


def until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def open_mail(server, on, more=""):
    return f"on: [{on}], mail: {{server: 127.0.0.1, port: {server.port}, security: none, from: pulih@example.org, people: [admin]{more}}}"


@pytest.fixture
def make(pulih, work, small):
    made, started = [], []

    def build(*lines, channels, limits="{retry_pause: 1s}", **options):
        office = Office(pulih, work, {"website": (small, list(lines))}, limits, channels=channels, **options)
        made.append(office)
        return office

    def server(kind, *arguments, **options):
        started.append(kind(*arguments, **options))
        return started[-1]

    build.server = server
    yield build
    for office in made:
        if office.process and office.process.poll() is None:
            office.cut_power()
    for one in started:
        one.close()


def recipients(mails):
    return sorted(mail.recipients[0].split("@")[0] for mail in mails)


def body(mail):
    return next(part for part in mail.walk() if part.get_content_type() == "text/plain").get_content()


def test_missed_times_are_mailed_once_after_a_power_cut(make):
    mail = make.server(servers.MailServer)
    office = make(NIGHTLY, channels={"mail": open_mail(mail, "missed")}).start()
    office.cut_power()
    office.clock.set("2026-11-26T09:00:00")
    office.start()
    office.wait_for("success", trigger="catch_up")
    until(lambda: mail.messages)
    office.cut_power()
    office.start()
    office.settle()
    office.stop()
    office.start()
    office.clock.set("2026-11-27T01:00:00")
    office.look()
    office.wait_for("success", trigger="scheduled")
    office.settle()
    office.stop()
    (message,) = mail.messages
    assert "TIDAK BERJALAN" in message["subject"] and recipients([message]) == ["admin"]
    assert "Waktu rencana yang terlewat tanpa pelaksanaan sendiri: 4" in body(message)
    assert "Kamis, 26 November 2026, 01.00.00" in body(message) and "BELUM PERNAH ADA" in body(message)


def test_run_that_was_cut_off_is_mailed_and_pinged(make, small):
    with open(small / "slow", "wb") as file:
        file.write(os.urandom(32 << 20))
    mail, web = make.server(servers.MailServer), make.server(servers.WebServer)
    channels = {"mail": open_mail(mail, "failure", ", attach_report: true"), "watch": f'ping: {{url: "http://127.0.0.1:{web.port}/p"}}'}
    office = make(NIGHTLY, channels=channels, limits="{bandwidth: 2M, retry_pause: 1h}").start()
    office.clock.set("2026-11-23T01:00:00")
    office.look()
    run = office.wait_for("started")["run_id"]
    until(lambda: any(r.path == "/p/start" for r in web.requests))
    office.cut_power()
    assert not any(r.path == "/p/fail" for r in web.requests)
    office.start()
    office.wait_for("failed", run_id=run)
    until(lambda: mail.messages and any(r.path == "/p/fail" for r in web.requests))
    office.cut_power()
    office.start()
    office.settle()
    office.stop()
    found = [m for m in mail.messages if run in body(m)]
    assert len(found) == 1, "once"
    assert "GAGAL" in found[0]["subject"] and "PL-1906" in body(found[0])
    assert [part.get_filename() for part in found[0].iter_attachments()] == [f"{run}.txt"]


def test_failure_before_a_power_cut_is_told_though_it_has_its_record(make, pulih):
    """As when the power went between the record and the outbox: to hear of it twice is better than not at all."""
    mail = make.server(servers.MailServer)
    office = make(NIGHTLY, channels={"mail": open_mail(mail, "failure")}, limits="{retries: 0}").start()
    pulih.repo.rename(pulih.folder / "unplugged")
    office.clock.set("2026-11-23T01:00:00")
    office.look()
    run = office.wait_for("failed")["run_id"]
    until(lambda: mail.messages)
    office.stop()
    with contextlib.closing(sqlite3.connect(pulih.state / "scheduler.sqlite", isolation_level=None)) as state:
        state.execute("UPDATE run SET state = 'running', result = '', ended = 0")
    office.start()
    until(lambda: len(mail.messages) == 2)
    office.settle()
    office.stop()
    first, second = map(body, mail.messages)
    assert run in first and run in second
    assert [line for line in first.splitlines() if "Penyebab" in line] == [line for line in second.splitlines() if "Penyebab" in line]


def test_overdue_review_goes_to_the_right_people_at_the_right_times(make, work):
    mail, metrics = make.server(servers.MailServer), work / "pulih.prom"
    channels = {"mail": open_mail(mail, "review_overdue"), "numbers": f"metrics: {{file: {metrics}}}"}
    office = make(MONTHLY, channels=channels).start()
    until(metrics.exists)
    office.clock.set("2026-11-23T01:00:00")
    office.look()
    run = office.wait_for("success")["run_id"]

    def at(when):
        """Who gets a mail at that time, whether or not the scheduler is started anew."""
        office.clock.set(when)
        before = len(mail.messages)
        office.settle()
        office.stop()
        office.start()
        office.settle()
        new = mail.messages[before:]
        assert all(f"- {run}: " in body(m) and "BELUM DIPERIKSA" in m["subject"] for m in new)
        return recipients(new)

    def overdue():
        families = text_string_to_metric_families(metrics.read_text())
        return next(s.value for f in families for s in f.samples if s.name == "pulih_job_reviews_overdue")

    assert at("2026-11-26T00:59:00") == [] and overdue() == 0
    assert at("2026-11-26T02:00:00") == ["admin", "kasubbag"]
    until(lambda: overdue() == 1)
    assert "sejak Senin, 23 November 2026" in body(mail.messages[-1]) and "untuk Contoh Pemeriksa" in body(mail.messages[-1])
    assert at("2026-11-29T01:59:00") == []
    assert at("2026-11-27T01:00:00") == [], "the clock jumps back"
    assert at("2026-11-29T02:01:00") == ["admin", "kasubbag"], "reminded"
    assert at("2026-11-30T00:59:00") == []
    assert at("2026-11-30T02:00:00") == ["admin", "kasubbag", "sekretaris"], "escalated"
    assert "diteruskan kepada Contoh Sekretaris" in body(mail.messages[-1])
    needs = office.p("status", "--json", code=1, env=office.clock.environment).of_type("needs")
    assert any(n["job"] == "website" and "1 report is overdue" in n["text"] and run in n["text"] for n in needs)
    office.p("review", "return", run, "--note", "Kurang", env=office.clock.environment)
    assert at("2026-12-01T02:00:00") == []
    assert at("2026-12-04T02:00:00") == ["admin"], "sent back: the performer is in the channel already"
    assert "dikembalikan" in body(mail.messages[-1])
    office.p("review", "approve", run, "--note", "Lengkap", env=office.clock.environment)
    assert at("2026-12-20T02:00:00") == []
    until(lambda: overdue() == 0)
    assert not any(n["job"] == "website" for n in office.p("status", "--json", env=office.clock.environment).of_type("needs"))
    office.stop()


def test_people_hear_of_runs_though_the_file_became_wrong(make, pulih):
    mail = make.server(servers.MailServer)
    office = make(NIGHTLY, channels={"mail": open_mail(mail, "success")}).start()
    office.config.write_text(office.config.read_text() + "nothing: of this kind\n")
    office.clock.set("2026-11-23T01:00:00")
    office.look()
    office.wait_for("success")
    until(lambda: mail.messages)
    office.cut_power()
    office.clock.set("2026-11-24T01:00:00")
    office.start()
    office.wait_for("success", count=2)
    until(lambda: len(mail.messages) == 2)
    office.stop()
    office.p("status", code=2)
    (office.p.state / "scheduler.yaml").unlink()
    office.p("scheduler", code=2, env=office.clock.environment)


def test_dead_mail_server_delays_nothing(make):
    dead = make.server(servers.BadServer, servers.hang)
    office = make(NIGHTLY, channels={"mail": open_mail(dead, "missed", ", timeout: 600")})
    office.start()
    office.stop()
    office.clock.set("2026-11-26T09:00:00")
    office.supervisor = Supervisor(office._fresh())
    office.start(env={"NOTIFY_SOCKET": str(office.supervisor.path), "WATCHDOG_USEC": "1000000"}, wait=False)
    office.wait_for("success", trigger="catch_up")
    until(lambda: dead.connections)
    office.clock.set("2026-11-27T01:00:00")
    office.look()
    office.wait_for("success", trigger="scheduled")
    for _ in range(4):
        office.supervisor.wait_for("WATCHDOG=1")
    (message,) = office.outbox()
    assert json.loads(message.read_bytes())["kind"] == "missed"
    office.stop()  # the process that sends hangs for ten minutes, were it left alone
    assert office.outbox() == [message], "it waits for the next scheduler"
    office.clock.advance(hours=2)
    needs = office.p("status", "--json", code=1, env=office.clock.environment).of_type("needs")
    assert any("channel mail: 1 notification waits for more than an hour" in n["text"] for n in needs)


def test_dead_mail_server_holds_up_no_other_job(make, small):
    """One runs at a time: what the first has to tell is sent by another process, and the second does not wait for it."""
    dead = make.server(servers.BadServer, servers.hang)
    office = make(NIGHTLY, channels={"mail": open_mail(dead, "success", ", timeout: 600")})
    office.write({name: (small, [NIGHTLY]) for name in ("website", "archive", "letters")})
    office.start()
    office.clock.set("2026-11-23T01:00:00")
    office.look()
    office.wait_for("success", 3)
    waiting = [json.loads(m.read_bytes()) for m in office.outbox()]
    assert [m["kind"] for m in waiting] == ["success"] * 3
    assert any(m["attempts"] == 0 for m in waiting), "no run tried to send what it had to tell"
    until(lambda: dead.connections)
    office.stop()


def test_what_waits_is_sent_without_any_run(make):
    port = servers.closed_port()
    office = make(MONTHLY, channels={"watch": f'on: [missed], webhook: {{url: "http://127.0.0.1:{port}/"}}'}).start()
    office.stop()
    office.clock.set("2027-01-26T09:00:00")
    office.start()
    office.wait_for("success", trigger="catch_up")
    until(lambda: office.outbox() and json.loads(office.outbox()[0].read_bytes())["attempts"] > 0)
    web = make.server(servers.WebServer, port=port)
    office.clock.advance(minutes=10)
    office.settle()
    assert [json.loads(r.body)["kind"] for r in web.requests] == ["missed"]
    office.stop()


def test_process_that_sends_is_reaped_and_alone(make):
    """However often something is told, one process sends at a time, and none is left behind."""
    dead = make.server(servers.BadServer, servers.hang)
    office = make(NIGHTLY, channels={"mail": open_mail(dead, "missed", ", timeout: 600")}).start()
    for day in range(26, 30):
        office.clock.set(f"2026-11-{day}T09:00:00")
        office.look()
        office.wait_for("success", count=day - 25)
    until(lambda: dead.connections)
    senders = [pid for pid in os.listdir("/proc") if pid.isdigit() and is_sender(pid, office)]
    assert len(senders) == 1 and len(office.outbox()) == 4
    os.kill(int(senders[0]), signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{senders[0]}"))
    office.stop()
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and is_sender(pid, office)]


def is_sender(pid, office):
    try:
        words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
    except OSError:
        return False
    return words[1:3] == [b"notify", b"retry"] and str(office.p.state).encode() in words
