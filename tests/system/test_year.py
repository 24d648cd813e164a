"""A simulated time of a court's server: nights, month ends, and power that fails at any moment. At the end every planned time was done or made up
for, exactly once, each run left one record, the chain holds, and every backup comes back.

The short form is some weeks; a year: make year."""
import os
import random
import time
from datetime import datetime, timedelta

import pytest

from daemons import FAKETIME, ZONE, Daemon

pytestmark = pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")

JOBS = {"nightly": 'schedule: {every: day, at: "01:00"}', "monthly": 'schedule: {every: month, day: 30, at: "03:00"}'}
START = datetime(2026, 1, 20, 12, tzinfo=ZONE)
CUTS = 0.35  # of the times that something is due


def is_due(job, day):
    if job == "nightly":
        return True
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return day.day == min(30, last.day)


def planned_times(job, after, until):
    hour = 1 if job == "nightly" else 3
    day = after.replace(hour=hour, minute=0, second=0, microsecond=0)
    while day <= until:
        if day > after and is_due(job, day):
            yield day
        day += timedelta(days=1)


class Life:
    """Moves the clock on, cuts the power, and remembers what was in the source when."""

    def __init__(self, daemon, source, seed):
        self.daemon, self.source = daemon, source
        self.rng = random.Random(seed)
        self.written = []
        self.alive = False
        self.cuts = 0
        self.on_time = []

    def write(self):
        """Something changes in the source, between two runs."""
        text = f"{len(self.written)} {self.rng.random()}\n"
        (self.source / "today.txt").write_text(text)
        (self.source / f"file{self.rng.randrange(20)}").write_bytes(self.rng.randbytes(self.rng.randrange(200000)))
        self.written.append((self.daemon.clock.now(), text))

    def wait_until_idle(self):
        deadline = time.monotonic() + 300
        while self.daemon.runs("state <> 'done'"):
            assert self.daemon.process.poll() is None, self.daemon.events
            assert time.monotonic() < deadline, self.daemon.runs("state <> 'done'")
            time.sleep(0.02)

    def next_moment(self, now):
        due = min(time for job in JOBS for time in planned_times(job, now, now + timedelta(days=40)))
        if self.rng.random() < 0.25:
            return now + timedelta(minutes=self.rng.randrange(1, 60 * 60))  # off for up to 60 hours
        return due + timedelta(seconds=self.rng.randrange(0, 120))

    def step(self):
        now = self.daemon.clock.now()
        then = self.next_moment(now)
        due = [(job, time) for job in JOBS for time in planned_times(job, now, then)]
        self.write()
        self.daemon.clock.set(then)
        if self.alive:
            self.daemon.look()
        else:
            self.daemon.start()
            self.alive = True
        if self.rng.random() < CUTS:
            time.sleep(self.rng.choice([0, self.rng.uniform(0, 0.15), self.rng.uniform(0, 1.2)]))
            self.daemon.cut_power()
            self.alive = False
            self.cuts += 1
            return
        self.daemon.look()  # one that has just started may not have looked yet, and then nothing seems to be due
        self.wait_until_idle()
        if len(due) == 1 and then - due[0][1] < timedelta(minutes=5):
            self.on_time.append(due[0])

    def end(self):
        if not self.alive:
            self.daemon.start()
        self.daemon.look()
        self.wait_until_idle()


def check_runs(life, until):
    runs = life.daemon.runs()
    assert {run["state"] for run in runs} == {"done"}
    good = {job: [run["planned"] for run in runs if run["job"] == job and run["result"] == "success"] for job in JOBS}
    for job, planned in good.items():
        expected = [int(time.timestamp()) * 10**9 for time in planned_times(job, START, until)]
        assert len(planned) == len(set(planned)), f"{job}: a planned time was done twice"
        assert planned == sorted(planned) and set(planned) <= set(expected)
        assert (planned[-1:] or [0]) == (expected[-1:] or [0]), f"{job}: the last planned times were neither done nor made up for"
    for job, planned in life.on_time:
        assert int(planned.timestamp()) * 10**9 in good[job], (f"{job} of {planned} was due while the power was there", runs)
    assert any(run["result"] == "cut_off" for run in runs), "no power cut hit a run: the test shows nothing"
    assert {run["trigger"] for run in runs} >= {"scheduled", "catch_up"}
    return [run for run in runs if run["run_id"]]


def check_records(life, runs):
    reports = life.daemon.reports()
    assert len(reports) == len({report["id"] for report in reports})
    assert {report["id"] for report in reports} == {run["run_id"] for run in runs}, "each run has one record, and no record is of no run"
    results = {"success": "success", "cut_off": "failed", "failed": "failed"}
    by_id = {report["id"]: report["result"] for report in reports}
    for run in runs:
        assert by_id[run["run_id"]] == results[run["result"]], run
    life.daemon.p("ledger", "verify", "-r", "hdd", env=life.daemon.clock.environment)


def check_snapshots(life, work, runs):
    pulih, environment = life.daemon.p, life.daemon.clock.environment
    snapshots = {s["id"]: s for s in pulih("snapshots", "-r", "hdd", "--json", env=environment).of_type("snapshot")}
    recorded = [life.daemon.record(run["run_id"])["snapshot"]["id"] for run in runs if run["result"] == "success"]
    assert len(set(recorded)) == len(recorded) and set(recorded) <= set(snapshots)
    texts = [text for _, text in life.written]
    seen = []
    for number, (snapshot_id, snapshot) in enumerate(sorted(snapshots.items(), key=lambda item: item[1]["time"])):
        folder = work / f"restored{number}"
        pulih("restore", snapshot_id, "-r", "hdd", "-t", folder, env=environment)
        text = pulih.restored(folder, life.source / "today.txt").read_text()
        assert text in texts
        seen.append(texts.index(text))
        started = datetime.fromisoformat(snapshot["time"])
        second = started + timedelta(seconds=1)  # the listing shows whole seconds
        there = [t for moment, t in life.written if moment <= started][-1:] + [t for moment, t in life.written if started < moment <= second]
        assert text in there, (f"snapshot of {snapshot['time']} holds {text!r}, not what was there when it was made", life.written)
        os.system(f"rm -rf '{folder}'")
    assert seen == sorted(seen)


def simulate(pulih, work, source, days, seed):
    daemon = Daemon(pulih, work, {job: (source, [schedule]) for job, schedule in JOBS.items()}, start=START.isoformat())
    life = Life(daemon, source, seed)
    for number in range(20):
        (source / f"file{number}").write_bytes(life.rng.randbytes(5000))
    life.write()
    daemon.start()
    life.alive = True
    try:
        while daemon.clock.now() < START + timedelta(days=days):
            life.step()
        life.end()
        until = daemon.clock.now()
        status = pulih("status", "--json", env=daemon.clock.environment, code=(0, 1))
        assert all("overdue for review" in need["text"] for need in status.of_type("needs")), "nobody reviews in that office; all else is well"
        daemon.stop()
    finally:
        if daemon.process.poll() is None:
            daemon.cut_power()
    runs = check_runs(life, until)
    check_records(life, runs)
    check_snapshots(life, work, runs)
    pulih("verify", "-r", "hdd", env=daemon.clock.environment)
    print(f"seed {seed}: {days} days, {life.cuts} power cuts, {len(runs)} runs, {sum(run['result'] == 'cut_off' for run in runs)} of them cut off")


@pytest.mark.parametrize("seed", [1, 2])
def test_some_weeks(pulih, work, source, seed):
    simulate(pulih, work, source, 20, seed)


@pytest.mark.skipif(not os.environ.get("PULIH_YEAR"), reason="takes a quarter of an hour: make year")
def test_year(pulih, work, source):
    simulate(pulih, work, source, 365, int(os.environ["PULIH_YEAR"]))
