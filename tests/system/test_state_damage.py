"""The scheduler with a state folder that lies: a ledger or a state that is damaged, or a disk that takes nothing more. Backups go on."""
import pytest

from daemons import FAKETIME, Daemon

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
