"""The scheduler as a process: on time, made up for, again after a failure, stopped and resumed, told and telling."""
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import needs_root
from daemons import FAKETIME, Daemon, Supervisor, descendants, instant
from pulih import TOP

pytestmark = pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")
NIGHTLY = 'schedule: {every: day, at: "01:00"}'


@pytest.fixture
def make(pulih, work, small):
    made = []

    def build(*more, limits="{retry_pause: 1s}", **options):
        daemon = Daemon(pulih, work, {"website": (small, [NIGHTLY, *more])}, limits, **options)
        made.append(daemon)
        return daemon

    yield build
    for daemon in made:
        if daemon.process and daemon.process.poll() is None:
            daemon.cut_power()


def test_runs_on_time_with_a_record(make):
    daemon = make().start()
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    event = daemon.wait_for("success", job="website")
    assert event["trigger"] == "scheduled" and event["planned"] == "2026-11-23T01:00:00+09:00"
    daemon.stop()
    (report,) = daemon.reports()
    assert report["id"] == event["run_id"] and report["result"] == "success"
    record = daemon.record(report["id"])
    assert record["trigger"] == "scheduled" and record["planned"]["local"] == "2026-11-23T01:00:00+09:00"
    (run,) = daemon.runs()
    assert (run["state"], run["result"], run["run_id"], run["planned"]) == ("done", "success", report["id"], instant("2026-11-23T01:00:00"))


def test_new_job_misses_nothing_and_missed_nights_are_made_up_once(make):
    daemon = make().start()
    assert daemon.runs() == []
    daemon.stop()
    daemon.clock.set("2026-11-26T09:00:00")
    daemon.start()
    event = daemon.wait_for("success")
    assert event["trigger"] == "catch_up" and event["planned"] == "2026-11-26T01:00:00+09:00"
    assert daemon.wait_for("missed")["missed"] == 4
    daemon.look()
    daemon.clock.set("2026-11-24T00:00:00")  # set back: the nights come again
    daemon.look()
    daemon.clock.set("2026-11-26T02:00:00")
    daemon.look()
    time.sleep(0.5)
    daemon.stop()
    planned = [run["planned"] for run in daemon.runs()]
    assert planned.count(instant("2026-11-26T01:00:00")) == 1
    daemon.clock.set("2026-11-27T01:00:01")
    daemon.start()
    daemon.wait_for("success", trigger="scheduled", planned="2026-11-27T01:00:00+09:00")
    daemon.stop()


def test_failure_that_may_pass_is_tried_again(make, pulih):
    daemon = make().start()
    away = pulih.repo.rename(pulih.folder / "unplugged")
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    first = daemon.wait_for("failed")
    assert first["again"]
    away.rename(pulih.repo)
    daemon.clock.advance(seconds=5)
    daemon.look()
    daemon.wait_for("success", trigger="retry")
    daemon.stop()
    runs = daemon.runs()
    assert [(r["trigger"], r["attempt"], r["result"]) for r in runs] == [("scheduled", 1, "failed"), ("retry", 2, "success")]
    assert len({r["planned"] for r in runs}) == 1
    assert [(r["id"], r["result"]) for r in daemon.reports()] == [(r["run_id"], r["result"]) for r in runs], "each attempt has a record of its own"
    assert "ulangan" in pulih("report", "show", runs[1]["run_id"]).text


def test_retries_end(make, pulih):
    daemon = make(limits="{retry_pause: 1s, retries: 2}").start()
    pulih.repo.rename(pulih.folder / "unplugged")
    daemon.clock.set("2026-11-23T01:00:00")
    for attempt in range(1, 4):
        daemon.look()
        daemon.wait_for("failed", count=attempt)
        daemon.clock.advance(minutes=2)
    daemon.stop()
    assert [r["attempt"] for r in daemon.runs()] == [1, 2, 3]


def test_wrong_passphrase_is_not_tried_again(make, pulih):
    daemon = make().start()
    pulih.password_file.write_text("wrong\n")
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    assert daemon.wait_for("failed")["again"] is None
    daemon.stop()
    (run,) = daemon.runs()
    assert run["result"] == "failed"


def test_configuration_that_became_wrong_leaves_the_old_one_in_force(make):
    daemon = make().start()
    text = daemon.config.read_text()
    daemon.config.write_text(text.replace("target: hdd", "tarqet: hdd"))
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    assert "tarqet" in daemon.wait_for("refused")["text"]
    good = daemon.wait_for("success")
    daemon.config.write_text(text.replace("01:00", "02:00"))
    daemon.clock.set("2026-11-23T01:30:00")
    daemon.look()
    daemon.wait_for("reloaded")
    daemon.clock.set("2026-11-23T02:00:00")
    daemon.look()
    later = daemon.wait_for("success", count=2)
    assert "was changed since" not in daemon.p("status", env=daemon.clock.environment).text
    daemon.config.write_text(text)
    assert "was changed since" in daemon.p("status", code=1, env=daemon.clock.environment).text
    daemon.stop()
    assert [daemon.record(run["run_id"])["schedule"] for run in (good, later)] == ["day 01:00", "day 02:00"]


def test_process_that_leaves_no_record_gets_one(make):
    daemon = make().start()
    text = daemon.config.read_text()
    (daemon.p.state / "scheduler.yaml").write_text("damaged")
    daemon.config.write_text("refused, so that the copy stays as it is")
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    failed = daemon.wait_for("failed")
    assert failed["again"] is None
    daemon.config.write_text(text)
    daemon.stop()
    situation = " ".join(daemon.p("report", "situation", failed["run_id"], env=daemon.clock.environment).text.split())
    assert "Tidak diketahui apakah pelaksanaan ini sudah menghasilkan cadangan" in situation
    assert "Pelaksanaan ini tidak menghasilkan cadangan." not in situation
    assert daemon.record(failed["run_id"])["failure"]["code"] == "PL-2005"


def test_configuration_is_read_again(make, small):
    daemon = make().start()
    daemon.write({"website": (small, [NIGHTLY]), "second": (small, ['schedule: {every: hour, minute: 30}'])})
    daemon.look()
    daemon.clock.set("2026-11-22T12:30:00")
    daemon.look()
    daemon.wait_for("success", job="second")
    daemon.stop()
    assert [r["job"] for r in daemon.runs()] == ["second"]


def slow(small, megabytes=64):
    with open(small / "slow", "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))


def test_stop_and_resume(make, small):
    slow(small)
    daemon = make(limits="{bandwidth: 4M}").start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("started")
    time.sleep(3)
    daemon.stop()
    assert [(r["state"], r["result"]) for r in daemon.runs()] == [("done", "interrupted"), ("queued", "")]
    daemon.write({"website": (small, [NIGHTLY])})
    daemon.start()
    daemon.wait_for("success")
    daemon.stop()
    runs = daemon.runs()
    assert [(r["trigger"], r["attempt"], r["result"]) for r in runs] == [("scheduled", 1, "interrupted"), ("scheduled", 1, "success")]
    assert [r["id"] for r in daemon.reports()] == [r["run_id"] for r in runs]


def wait_for_marker(daemon, job):
    marker = daemon.p.state / "runs" / f"{job}.started"
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_what_a_scheduler_finds_late_when_it_comes_is_made_up(make, small):
    """One run was at work when it was stopped, the other waited behind it and never began."""
    slow(small)
    jobs = {"website": (small, [NIGHTLY, "priority: 5"]), "second": (small, [NIGHTLY])}
    daemon = make(limits="{bandwidth: 4M}")
    daemon.write(jobs, "{bandwidth: 4M}")
    daemon.start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("started", job="website")
    wait_for_marker(daemon, "website")
    daemon.stop()
    daemon.write(jobs)
    daemon.clock.advance(hours=5)
    daemon.start()
    daemon.wait_for("success", count=2)
    daemon.stop()
    runs = [(r["job"], r["trigger"], r["result"], r["missed"]) for r in daemon.runs()]
    assert sorted(runs) == [("second", "catch_up", "success", 1), ("website", "catch_up", "success", 0), ("website", "scheduled", "interrupted", 0)]
    assert [(e["job"], e["missed"]) for e in daemon.events if e.get("event") == "missed"] == [("second", 1)]
    assert {daemon.record(r["run_id"])["trigger"] for r in daemon.runs()} == {"scheduled", "catch_up"}


@pytest.mark.parametrize("restart", [False, True])
def test_run_of_a_job_that_is_configured_no_more_has_its_record(make, small, restart):
    slow(small)
    daemon = make(limits="{bandwidth: 2M}").start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    run_id = daemon.wait_for("started")["run_id"]
    wait_for_marker(daemon, "website")
    if restart:
        daemon.cut_power()
    daemon.write({"second": (small, [])})
    if restart:
        daemon.start()
    else:
        daemon.look()
        for pid in descendants(daemon.process.pid):
            os.kill(pid, signal.SIGKILL)
    assert daemon.wait_for("failed", run_id=run_id)["again"] is None
    daemon.stop()
    record = daemon.record(run_id)
    assert record["failure"]["code"] == "PL-1906" and record["job"] == "website" and record["trigger"] == "scheduled"
    assert (record["performer"]["id"], record["target"]["name"]) == (("", "") if restart else ("admin", "hdd"))
    assert [r["result"] for r in daemon.runs()] == ["cut_off"]
    assert not (daemon.p.state / "runs" / "website.started").exists()
    assert "website" in daemon.p("report", "show", run_id).text
    daemon.p("report", "export", run_id, "--format", "pdf", "-o", daemon.work / "report.pdf")
    daemon.p("ledger", "verify")


def test_second_stop_kills(make, small):
    slow(small)
    daemon = make('before: [sh, -c, "trap \\"\\" TERM; sleep 300"]').start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("started")
    time.sleep(1)
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(60) == 0
    assert [r["state"] for r in daemon.runs()] == ["running"]
    daemon.write({"website": (small, [NIGHTLY])})
    daemon.start()
    daemon.wait_for("success", trigger="catch_up")
    daemon.stop()


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.2, 0.6])
def test_power_cut_during_a_run(make, small, moment):
    slow(small, 24)
    daemon = make(limits="{bandwidth: 20M}").start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("started")
    time.sleep(moment)
    daemon.cut_power()
    daemon.clock.advance(hours=5)
    daemon.start()
    daemon.wait_for("success", trigger="catch_up")
    daemon.stop()
    runs = daemon.runs()
    assert [(r["trigger"], r["result"]) for r in runs] == [("scheduled", "cut_off"), ("catch_up", "success")]
    reports = daemon.reports()
    assert [r["id"] for r in reports] == [r["run_id"] for r in runs]
    assert daemon.record(runs[0]["run_id"])["failure"]["code"] == "PL-1906"


def test_scheduler_that_died_alone_waits_for_its_run(make, small):
    slow(small, 24)
    daemon = make(limits="{bandwidth: 8M}").start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    run_id = daemon.wait_for("started")["run_id"]
    marker = daemon.p.state / "runs" / "website.started"
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    daemon.process.kill()
    daemon.process.wait()
    daemon.start()
    assert daemon.wait_for("success")["run_id"] == run_id
    daemon.stop()
    assert [r["run_id"] for r in daemon.runs()] == [run_id] and len(daemon.reports()) == 1


def test_clock_that_is_set_during_a_run_changes_no_duration(make, small):
    slow(small, 24)
    daemon = make(limits="{bandwidth: 8M}").start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    run_id = daemon.wait_for("started")["run_id"]
    marker = daemon.p.state / "runs" / "website.started"
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    daemon.clock.set("2026-11-22T22:00:00")
    daemon.wait_for("success", run_id=run_id)
    daemon.stop()
    record = daemon.record(run_id)
    assert record["started"]["local"][:13] == "2026-11-23T01" and record["ended"]["local"][:13] == "2026-11-22T22"
    assert 1000 < record["duration_ms"] < 3600 * 1000


@needs_root
def test_run_whose_process_cannot_be_started_waits_for_the_next_chance(make, work):
    """A user of its own may have one process only; then as many as it likes."""
    user = 54321
    daemon = make(limits="{retry_pause: 1s}")
    subprocess.run(["chown", "-hR", f"{user}:{user}", work], check=True)
    daemon.start(user=user)
    limit = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "prlimit", "--pid", str(daemon.process.pid))
    before = subprocess.check_output([*limit, "--nproc", "-o", "SOFT", "--noheadings"]).decode().strip()
    subprocess.run([*limit, "--nproc=1:"], check=True)
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("failed")
    subprocess.run([*limit, f"--nproc={before}:"], check=True)
    daemon.clock.advance(seconds=5)
    daemon.look()
    event = daemon.wait_for("success")
    daemon.stop()
    assert event["trigger"] == "scheduled" and [r["id"] for r in daemon.reports()] == [event["run_id"]]
    assert [r["result"] for r in daemon.runs()][0] == "not_started" and {r["planned"] for r in daemon.runs()} == {instant("2026-11-23T01:00:00")}


def test_run_that_takes_too_long_is_stopped(make, small):
    slow(small)
    daemon = make(limits="{bandwidth: 1M, timeout: 3s}").start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    failed = daemon.wait_for("failed")
    assert failed["again"] is None
    daemon.stop()
    assert daemon.record(failed["run_id"])["failure"]["code"] == "PL-2002"


def test_commands_before_and_after(make, pulih, work):
    daemon = make(f'before: [sh, -c, "echo $0 > {work}/said; echo noise", "two words"]', f'after: [touch, "{work}/after"]').start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("success")
    daemon.stop()
    assert (work / "said").read_text() == "two words\n" and (work / "after").exists()


def test_command_that_leaves_something_at_work_holds_up_no_run(make, work):
    """It keeps the output open, as a server does that a script started; what it said until the script ended is heard."""
    left = f"(while [ ! -e {work}/over ]; do sleep 0.1; done; touch {work}/left) & echo ready"
    daemon = make(f"before: [sh, -c, '{left}']", 'after: [sh, -c, "(sleep 600 &) ; echo last word; exit 7"]')
    daemon.p("run", "website", code=3, timeout=60)
    (report,) = daemon.reports()
    record = daemon.record(report["id"])
    assert "status 7" in record["failure"]["message"] and [p["reason"] for p in record["problems"]] == ["last word"]
    (work / "over").touch()
    deadline = time.monotonic() + 60
    while not (work / "left").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (work / "left").exists(), "what was started goes on behind the run"


def test_password_command_of_the_environment_is_no_word_of_a_command(make, work):
    """The words of a process can be read by everybody, its environment cannot."""
    daemon = make(f'before: [sh, -c, "cat /proc/$PPID/cmdline > {work}/words"]')
    daemon.config.write_text(daemon.config.read_text().replace(f", password_file: {daemon.p.password_file}", ""))
    daemon.start(env={"PULIH_PASSWORD_COMMAND": f"cat {daemon.p.password_file}; : rahasia"})
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("success")
    daemon.stop()
    words = (work / "words").read_text()
    assert "--run-id" in words and "rahasia" not in words


def test_run_that_was_cut_off_has_a_record_though_an_exclude_file_is_gone(make, small, work):
    slow(small, 24)
    (work / "patterns").write_text("*.tmp\n")
    daemon = make(limits="{bandwidth: 2M, retries: 0}")
    daemon.config.write_text(daemon.config.read_text().replace(f"paths: [{small}]", f"paths: [{small}], exclude_files: [{work}/patterns]"))
    daemon.start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    run_id = daemon.wait_for("started")["run_id"]
    marker = daemon.p.state / "runs" / "website.started"
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    (work / "patterns").unlink()
    for pid in descendants(daemon.process.pid):
        os.kill(pid, signal.SIGKILL)
    daemon.wait_for("failed", run_id=run_id)
    daemon.stop()
    record = daemon.record(run_id)
    assert record["failure"]["code"] == "PL-1906" and [s["path"] for s in record["sources"]] == [str(small)]


def test_command_before_that_fails(make, small, work):
    daemon = make('before: [sh, -c, "seq 1 99; echo disk is asleep >&2; exit 3"]', f'after: [touch, "{work}/after"]')
    daemon.p("run", "website", code=1)
    (report,) = daemon.reports()
    record = daemon.record(report["id"])
    assert record["failure"]["code"] == "PL-2003" and "status 3" in record["failure"]["message"]
    assert [p["reason"] for p in record["problems"]] == [*(str(n) for n in range(91, 100)), "disk is asleep"]
    assert {p["kind"] for p in record["problems"]} == {"before"} and (work / "after").exists()
    assert not record["snapshot"]


def test_command_after_that_fails_gives_notes(make):
    daemon = make('after: [sh, -c, "echo still off; exit 1"]')
    daemon.p("run", "website", code=3)
    (report,) = daemon.reports()
    assert report["result"] == "success_with_notes"
    assert [p["reason"] for p in daemon.record(report["id"])["problems"]] == ["still off"]


def test_recap_calls_nothing_missed_that_is_at_work(make, small):
    slow(small)
    daemon = make(limits="{bandwidth: 4M}").start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("started")
    (recap,) = daemon.p("report", "recap", "--month", "2026-11", "--json", env=daemon.clock.environment).of_type("recap")
    assert (recap["total"]["planned"], recap["total"]["missed"]) == (23, 22), "nothing tells that the job is new"
    daemon.stop()


def test_window_holds_back_what_is_late(make, small):
    daemon = make()
    daemon.write({"website": (small, ['schedule: {every: day, at: "01:00", window: {from: "20:00", to: "05:00"}}'])})
    daemon.start()
    daemon.stop()
    daemon.clock.set("2026-11-23T12:00:00")
    daemon.start()
    daemon.wait_for("missed")
    time.sleep(0.3)
    assert [r["state"] for r in daemon.runs()] == ["queued"]
    needs = [n["text"] for n in daemon.p("status", "--json", code=1, env=daemon.clock.environment).of_type("needs")]
    assert any("planned at 2026-11-23T01:00:00+09:00 still waits" in text and "opens at 2026-11-23T20:00:00+09:00" in text for text in needs)
    daemon.clock.set("2026-11-23T20:00:01")
    daemon.look()
    daemon.wait_for("success", trigger="catch_up")
    daemon.stop()


def test_priority_decides_and_one_runs_at_a_time(make, small):
    daemon = make()
    daemon.write({name: (small, [NIGHTLY, f"priority: {priority}"]) for name, priority in (("low", -5), ("high", 5), ("middle", 0))})
    daemon.start()
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("success", count=3)
    daemon.stop()
    told = [(e["event"], e["job"]) for e in daemon.events if e.get("event") in ("started", "success")]
    assert told == [(event, job) for job in ("high", "middle", "low") for event in ("started", "success")]


def test_one_scheduler_for_a_state_folder(make):
    daemon = make().start()
    second = daemon.p("scheduler", code=11, env=daemon.clock.environment)
    assert str(daemon.process.pid) in second.everything
    daemon.stop()


def test_manual_run_at_the_planned_time(make, small):
    slow(small)
    daemon = make(limits="{bandwidth: 16M, retry_pause: 1s}").start()
    manual = daemon.p.start("run", "website", env=daemon.clock.environment)
    marker = daemon.p.state / "runs" / "website.started"
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    daemon.wait_for("failed")
    manual.communicate()
    assert manual.returncode == 0
    daemon.clock.advance(seconds=10)
    daemon.look()
    daemon.wait_for("success")
    daemon.stop()
    assert [r["result"] for r in daemon.runs()][-1] == "success"
    assert len(daemon.reports()) == 2


def test_service_manager_is_told(make, work):
    daemon = make()
    supervisor = Supervisor(work)
    daemon.start(env={"NOTIFY_SOCKET": str(supervisor.path), "WATCHDOG_USEC": "2000000"}, wait=False)
    supervisor.wait_for("READY=1")
    supervisor.wait_for("WATCHDOG=1")
    supervisor.wait_for("WATCHDOG=1")
    daemon.process.send_signal(signal.SIGHUP)
    supervisor.wait_for("RELOADING=1")
    supervisor.wait_for("READY=1")
    daemon.clock.set("2026-11-23T01:00:00")
    daemon.look()
    supervisor.wait_for("STATUS=website: success")
    daemon.process.send_signal(signal.SIGTERM)
    supervisor.wait_for("STOPPING=1")
    assert daemon.process.wait(60) == 0


def test_run_takes_what_the_scheduler_says(make, pulih):
    daemon = make()
    pulih("run", "website", "--trigger", "catch_up", "--planned", "2026-11-22T01:00:00+09:00", "--run-id", "chosen-1")
    record = daemon.record("chosen-1")
    assert record["trigger"] == "catch_up" and record["planned"]["utc"] == "2026-11-21T16:00:00Z"
    assert "PL-1903" in pulih("run", "website", "--run-id", "chosen-1", code=1).everything
    for wrong in (("--run-id", "Not An Id"), ("--planned", "yesterday"), ("--trigger", "bored")):
        pulih("run", "website", *wrong, code=2)
    pulih("run", "--all", "--run-id", "x", code=2)


def test_limits_are_checked(make, small):
    daemon = make()
    text = daemon.config.read_text()
    for old, new, said in ((r"limits: .*", "limits: {parallel: 0}", "limits.parallel"), (r"limits: .*", "limits: {timeout: 6x}", "limits.timeout"),
                           (r"limits: .*", "limits: {bandwidth: 2}", "limits.bandwidth"), (r"limits: .*", "limits: {ionice: best}", "limits.ionice"),
                           (r"    target: hdd", "    target: hdd\n    limits: {parallel: 2}", "jobs[0].limits.parallel"),
                           (r"    target: hdd", "    target: hdd\n    priority: 1000", "jobs[0].priority")):
        daemon.config.write_text(re.sub(old, new, text, count=1))
        assert said in daemon.p("config", "check", code=2).everything
    daemon.config.write_text(re.sub(r"limits: .*", "limits: {parallel: 2, timeout: 6h, nice: 5, ionice: idle, bandwidth: 2M, retries: 0, retry_pause: 5m}", text))
    daemon.p("config", "check")


def test_unit_file_is_right(work):
    unit = TOP / "conf" / "systemd" / "pulih-scheduler.service"
    copy = work / unit.name
    copy.write_text(unit.read_text().replace("/usr/local/bin/pulih", "/bin/true"))
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0 and not [line for line in result.stdout.decode().splitlines() if unit.name in line], result.stdout.decode()


def test_drill_on_its_time(make, work):
    """Beside the job: its own times, its own record, made up for as runs are; what was missed is told as a drill that is overdue."""
    folder = work / "uji"
    folder.mkdir(mode=0o755)
    daemon = make(f'drill: {{every: month, day: 30, at: "03:00", folder: {folder}, leave_free: 1M}}').start()
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    backup = daemon.wait_for("success", job="website")
    daemon.clock.set("2026-11-30T03:00:02")
    daemon.look()
    drill = daemon.wait_for("success", job="website.drill")
    assert drill["trigger"] == "scheduled" and drill["planned"] == "2026-11-30T03:00:00+09:00"
    record = daemon.record(drill["run_id"])
    assert record["kind"] == "drill" and record["job"] == "website" and record["planned"]["local"] == "2026-11-30T03:00:00+09:00"
    assert record["drill"]["snapshot"] and "-website-drill-" in record["id"] and record["schedule"].startswith("month, day 30")
    assert list(folder.iterdir()) == []
    daemon.stop()
    daemon.clock.set("2026-12-31T09:00:00")
    daemon.start()
    assert daemon.wait_for("success", job="website.drill", trigger="catch_up")["planned"] == "2026-12-30T03:00:00+09:00"
    daemon.stop()
    status = daemon.p("status", "--json", code=None, env=daemon.clock.environment).of_type("job")[0]
    assert status["drill_status"] == "success" and status["drill_id"] != drill["run_id"] and status["run_id"] != status["drill_id"], backup


def test_power_cut_during_a_drill(make, work, small):
    folder = work / "uji"
    folder.mkdir(mode=0o755)
    (small / "huge").write_bytes(os.urandom(300 << 20))
    daemon = make(f'drill: {{every: month, day: 30, at: "03:00", folder: {folder}, leave_free: 1M}}').start()
    daemon.clock.set("2026-11-23T01:00:05")
    daemon.look()
    daemon.wait_for("success", job="website")
    daemon.clock.set("2026-11-30T03:00:02")
    daemon.look()
    daemon.wait_for("started", job="website.drill")
    while not list(folder.iterdir()):
        time.sleep(0.01)
    daemon.cut_power()
    assert len(list(folder.iterdir())) == 1
    daemon.start()
    daemon.wait_for("success", job="website.drill")
    daemon.stop()
    assert list(folder.iterdir()) == []
    drills = [(r["kind"], r["result"]) for r in daemon.reports() if r["kind"] == "drill"]
    assert drills == [("drill", "failed"), ("drill", "success")]
