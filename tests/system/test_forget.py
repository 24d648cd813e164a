"""Retention: what is forgotten and why, who may, and that its absence is explained; schedule and status."""
import os
import sqlite3

import pytest

from daemons import FAKETIME, Daemon
from test_run import Job


def test_forget_says_why_and_explains_itself(pulih, work, small, out):
    job = Job(pulih, work, f"files: {{paths: [{small}]}}")
    for number in range(4):
        (small / "number").write_text(str(number))
        job.run()
    first = pulih.json("snapshots", "-r", "hdd").of_type("snapshot")
    dry = pulih("forget", "-r", "hdd", "--keep-last", "2", "-n", "--json")
    assert (dry.summary["kept"], dry.summary["forgotten"]) == (2, 2)
    assert pulih.json("snapshots", "-r", "hdd").of_type("snapshot") == first
    done = pulih("forget", "-r", "hdd", "--keep-last", "2", "--json")
    assert done.summary["forgotten"] == 2
    choices = {c["id"]: (c["keep"], c["reasons"]) for c in done.of_type("choice")}
    left = pulih.json("snapshots", "-r", "hdd").of_type("snapshot")
    assert [s["id"] for s in left] == [s["id"] for s in first[2:]]
    assert all(choices[s["id"]] == (True, "last") for s in left) and len(choices) == 4
    pulih("ledger", "verify", "-r", "hdd")
    pulih("restore", "latest", "-r", "hdd", "-t", out)
    assert (pulih.restored(out, small) / "number").read_text() == "3"
    pulih("verify", "-r", "hdd", "--tier", "content")
    assert job.run().summary["files_unmodified"] > 0
    assert pulih("forget", "-r", "hdd", "--keep-last", "9", "--json").summary["forgotten"] == 0


def test_absence_that_nobody_explained_is_found(pulih, work, small):
    job = Job(pulih, work, f"files: {{paths: [{small}]}}")
    job.run()
    (small / "more").write_text("x")
    job.run()
    os.unlink(pulih.objects("snapshots")[0])
    pulih("ledger", "verify", "-r", "hdd", code=4)


def test_empty_policy_and_wrong_words_are_refused(pulih, small):
    pulih.backup(small)
    assert "PL-2007" in pulih("forget", code=2).everything
    assert "PL-2007" in pulih("forget", "--keep-last", "0", code=2).everything
    pulih("forget", "--keep-within", "90", code=2)
    assert len(pulih.snapshots()) == 1


def test_a_backup_key_may_not_and_the_run_says_so(pulih, work, small):
    key = work / "backup.key"
    pulih("key", "issue-writer", "-o", key)
    job = Job(pulih, work, f"files: {{paths: [{small}]}}")
    job.config.write_text(job.config.read_text().replace(f"password_file: {pulih.password_file}", f"key: {key}") + "    keep: {last: 1}\n")
    job.run()
    notes = job.run().of_type("note")
    assert any("pulih forget" in note["message"] for note in notes), notes
    pulih("forget", "-r", "hdd", "--keep-last", "1", code=12)
    assert len(pulih.json("snapshots", "-r", "hdd").of_type("snapshot")) == 2


def test_run_keeps_what_its_rules_say(pulih, work, small):
    job = Job(pulih, work, f"files: {{paths: [{small}]}}")
    job.config.write_text(job.config.read_text() + "    keep: {last: 2}\n")
    for number in range(4):
        (small / "number").write_text(str(number))
        job.run()
    assert len(pulih.json("snapshots", "-r", "hdd").of_type("snapshot")) == 2
    pulih("backup", small, "-r", "hdd")  # another group: it stays
    job.run()
    assert len(pulih.json("snapshots", "-r", "hdd").of_type("snapshot")) == 3
    pulih("ledger", "verify", "-r", "hdd")


def test_last_good_backup_stays_whatever_the_rules(pulih, work, small):
    job = Job(pulih, work, f"files: {{paths: [{small}, {work}/appears]}}")
    (work / "appears").write_text("x")
    job.run()
    good = pulih.json("snapshots", "-r", "hdd").of_type("snapshot")[0]["id"]
    (work / "appears").unlink()
    partial = job.run(code=(1, 3))
    if partial.code == 1:
        pytest.skip("a path that is not there is no partial backup")
    pulih("forget", "-r", "hdd", "--keep-last", "1")
    assert good in [s["id"] for s in pulih.json("snapshots", "-r", "hdd").of_type("snapshot")]


@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")
def test_schedule_and_status(pulih, work, small):
    daemon = Daemon(pulih, work, {"website": (small, ['schedule: {every: day, at: "01:00"}'])})
    environment = daemon.clock.environment
    status = pulih("status", "--json", env=environment, code=1)
    assert {need["job"] for need in status.of_type("needs")} == {"", "website"} and not status.summary["well"]
    schedule = pulih("schedule", "--json", env=environment)
    (job,) = schedule.of_type("job")
    assert job["next"][0] == "2026-11-23T01:00:00+09:00" and len(job["next"]) == 10 and job["schedule"] == "setiap hari pukul 01.00"
    daemon.start()
    daemon.clock.set("2026-11-23T01:00:01")
    daemon.look()
    daemon.wait_for("success")
    well = pulih("status", env=environment)
    assert "all is well" in well.text and "2026-11-24 01:00:00" in well.text
    daemon.stop()
    assert pulih("status", env=environment, code=1).everything.count("no scheduler is at work") == 1
    daemon.clock.set("2026-11-26T12:00:00")
    assert "3 planned times" in pulih("schedule", env=environment).text
    assert any("3 planned times" in need["text"] for need in pulih("status", "--json", env=environment, code=1).of_type("needs"))
    daemon.start()
    daemon.wait_for("success", trigger="catch_up")
    daemon.stop()
    (missed,) = pulih("schedule", "--json", env=environment).of_type("missed")
    assert missed["missed"] == 3 and missed["planned"] == "2026-11-26T01:00:00+09:00"
    pulih.repo.rename(pulih.folder / "away")
    assert any("no repository" in need["text"] for need in pulih("status", "--json", env=environment, code=1).of_type("needs"))
    assert sqlite3.connect(pulih.state / "scheduler.sqlite").execute("PRAGMA integrity_check").fetchone() == ("ok",)
