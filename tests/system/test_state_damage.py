"""The scheduler with a state folder that lies: a ledger or a state that is damaged, or a disk that takes nothing more. Backups go on."""
import signal
import sqlite3

import pytest

from daemons import FAKETIME, Daemon
from pulih import SHIM

pytestmark = pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")
NIGHTLY = 'schedule: {every: day, at: "01:00"}'


@pytest.fixture
def make(pulih, work, small):
    made = []

    def build(jobs=("website", "mail"), limits="{retry_pause: 1s, retries: 1}"):
        daemon = Daemon(pulih, work, {name: (small, [NIGHTLY]) for name in jobs}, limits)
        made.append(daemon)
        return daemon

    yield build
    for daemon in made:
        if daemon.process and daemon.process.poll() is None:
            daemon.cut_power()


def snapshots(daemon):
    return len(list((daemon.p.repo / "snapshots").iterdir()))


def spoil(daemon, name):
    for path in daemon.p.state.glob(f"{name}*"):
        path.unlink()
    (daemon.p.state / name).write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)


def test_damaged_ledger_stops_no_backup(make):
    daemon = make().start()
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    daemon.wait_for("success", 2)
    spoil(daemon, "ledger.sqlite")
    for day in (24, 25):
        before = snapshots(daemon)
        daemon.clock.set(f"2026-11-{day}T01:00:05")
        daemon.look()
        for job in ("website", "mail"):
            event = daemon.wait_for("failed", day - 23, timeout=40, job=job)
            assert "ledger.sqlite is damaged" in event["text"]
        assert snapshots(daemon) == before + 2
    daemon.stop()
    assert daemon.runs("state <> 'done'") == []
    # What is wrong is a matter for a person, and the next run that can gives the one before it its record.
    status = daemon.p("status", env=daemon.clock.environment, code=1)
    assert "ledger" in status.everything
    for path in daemon.p.state.glob("ledger.sqlite*"):
        path.unlink()
    daemon.p("ledger", "rebuild", "-r", "hdd", env=daemon.clock.environment)
    daemon.clock.set("2026-11-26T01:00:05")
    daemon.start()
    daemon.wait_for("success", 4)
    daemon.stop()
    assert sorted(r["result"] for r in daemon.reports()) == ["failed"] * 2 + ["success"] * 4


def test_power_cut_that_also_damages_the_ledger(make, small):
    daemon = make(("website",)).start()
    (small / "big").write_bytes(b"".join(i.to_bytes(8, "little") * 128 for i in range(24 << 10)))
    daemon.write({"website": (small, [NIGHTLY])}, "{bandwidth: 1M}")
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    daemon.wait_for("started")
    daemon.cut_power()
    spoil(daemon, "ledger.sqlite")
    daemon.write({"website": (small, [NIGHTLY])})
    daemon.start()
    assert "no record" in daemon.wait_for("failed")["text"]
    daemon.wait_for("started", trigger="catch_up")
    daemon.wait_for("failed", 2)
    assert snapshots(daemon) == 1
    daemon.stop()
    assert [r["state"] for r in daemon.runs()] == ["done", "done"]


def damage_a_page(path):
    """As a bad sector does: the file opens, and what it holds is wrong."""
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page:page + 512] = b"\xa5" * 512
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["no database", "bad sectors", "cut off while set aside"])
def test_damaged_state_is_begun_anew_and_misses_nothing(make, how):
    daemon = make().start()
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    daemon.wait_for("success", 2)
    daemon.stop()
    path = daemon.p.state / "scheduler.sqlite"
    if how == "bad sectors":
        damage_a_page(path)
    else:
        spoil(daemon, path.name)
    if how == "cut off while set aside":
        path.rename(path.with_name(path.name + ".damaged"))
        (daemon.p.state / "scheduler.sqlite-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(1 << 16))
    daemon.clock.set("2026-11-25T12:00:00")
    daemon.start()
    if how != "cut off while set aside":
        daemon.wait_for("success", 4)
        assert {e["missed"] for e in daemon.events if e.get("event") == "missed"} == {2}
        assert any(m.get("code") == "PL-2009" for m in daemon.events), daemon.events
    done = len(daemon.runs())
    daemon.look()
    daemon.stop()
    daemon.start()
    daemon.look()
    assert len(daemon.runs()) == done
    daemon.stop()
    assert "scheduler.sqlite.damaged" in daemon.p("status", env=daemon.clock.environment, code=1).everything


def test_state_that_the_disk_gives_no_more_is_begun_anew(make):
    daemon = make(("website",)).start()
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    daemon.wait_for("success")
    daemon.stop()
    daemon.clock.set("2026-11-25T12:00:00")
    daemon.start(env={"LD_PRELOAD": f"{FAKETIME}:{SHIM}", "PULIH_FAULT_PREFIX": daemon.p.state / "scheduler.sqlite", "PULIH_FAULT_OPS": "read",
                      "PULIH_FAULT_AT": "1", "PULIH_FAULT_ACTION": "eio"})
    daemon.wait_for("success", 2)
    assert any(m.get("code") == "PL-2009" for m in daemon.events), daemon.events
    daemon.stop()
    assert (daemon.p.state / "scheduler.sqlite.damaged").exists()


def test_state_that_is_damaged_at_work(make):
    daemon = make(("website",)).start()
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    daemon.wait_for("success")
    connection = sqlite3.connect(daemon.p.state / "scheduler.sqlite")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    damage_a_page(daemon.p.state / "scheduler.sqlite")
    connection = sqlite3.connect(daemon.p.state / "scheduler.sqlite")
    connection.execute("PRAGMA user_version = 2")  # as any writer would: caches are read again
    connection.close()
    daemon.clock.set("2026-11-24T01:00:05")
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.process.wait(60) == 4, daemon.events
    daemon.start()
    daemon.wait_for("success", 2)
    daemon.stop()
