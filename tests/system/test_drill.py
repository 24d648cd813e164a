"""Restore drills: everything comes back into throw-away places, and whatever does not is found, named and recorded."""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import test_mariadb
import test_postgresql
from conftest import needs_root
from pulih import flip
from servers import MariaDB, PostgreSQL, program
from test_mariadb import children, wait_for
from test_run import Job


@pytest.fixture(scope="session")
def _mariadb():
    server = MariaDB()
    yield server
    server.end()


@pytest.fixture(scope="session")
def _postgresql():
    server = PostgreSQL()
    yield server
    server.end()


@pytest.fixture
def mariadb(_mariadb):
    _mariadb.clear()
    return _mariadb


@pytest.fixture
def postgresql(_postgresql):
    _postgresql.clear()
    return _postgresql


@pytest.fixture
def scratch(work):
    """Where drills restore to: a folder that a server's user may pass through, with a short name. Nothing may be left in it."""
    folder = Path(f"/var/tmp/pd{os.getpid()}{time.monotonic_ns() % 100000}")
    folder.mkdir(mode=0o755)
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    left = list(folder.iterdir())
    shutil.rmtree(folder, ignore_errors=True)
    assert left == []


class DrillJob(Job):
    """A job with a drill; `drill` are its keys."""

    def __init__(self, pulih, work, scratch, *sources, **drill):
        self.scratch, self.drill_keys = scratch, {"folder": str(scratch), "leave_free": "1M", **drill}
        super().__init__(pulih, work, *sources)

    def write(self, *sources):
        self.sources = sources
        super().write(*sources)
        self.config.write_text(self.config.read_text() + "    drill: " + json.dumps({k: v for k, v in self.drill_keys.items() if v is not None}) + "\n")

    def change(self, **drill):
        self.drill_keys.update(drill)
        self.write(*self.sources)

    def drill(self, *arguments, code=0, **options):
        return self.p.json("drill", "website", *arguments, code=code, **options)

    def record(self, result):
        return self.original(result.of_type("record")[0]["run_id"])["record"]


def servers_in(folder):
    """Processes that work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(entry / "cwd").startswith(f"{folder}/"):
                found.append(int(entry.name))
    return found


def findings(record):
    return sorted((f["code"], f["object"]) for f in record["drill"]["findings"] if f["severity"] == "major")


def sqlite_file(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE surat (id INTEGER PRIMARY KEY, isi TEXT)")
        database.executemany("INSERT INTO surat (isi) VALUES (?)", [(f"surat {i}",) for i in range(50)])
        database.commit()
    return path


def mariadb_source(server, **more):
    return test_mariadb.source(server, without_users=None, **more)


def postgresql_source(server, **more):
    return test_postgresql.source(server, "[sipp]", without_users=None, **more)


def fill_mariadb(server):
    test_mariadb.fill(server)
    server.sql("CREATE USER web@localhost IDENTIFIED BY 'rahasia'; GRANT SELECT ON sipp.* TO web@localhost")


def test_everything_comes_back(pulih, work, scratch, small, mariadb, postgresql):
    fill_mariadb(mariadb)
    test_postgresql.fill(postgresql)
    postgresql.sql("ALTER TABLE kosong OWNER TO pembaca", "sipp")
    database = sqlite_file(work / "surat.sqlite")
    job = DrillJob(pulih, work, scratch, f"files: {{paths: [{small}]}}", f"sqlite: {{path: {database}}}", mariadb_source(mariadb), postgresql_source(postgresql),
                   rto="1h", rpo="1d", assertions=[
                       {"source": "mariadb/local/sipp", "sql": "SELECT COUNT(*), MAX(id) FROM perkara", "expect": "6|6"},
                       {"source": "postgresql/local/sipp", "sql": "SELECT count(*) FROM perkara", "expect": "7"},
                       {"source": f"sqlite{database}", "sql": "SELECT count(*), max(isi) FROM surat", "expect": "50|surat 9"}])
    backup = job.run()
    result = job.drill()
    record = job.record(result)
    drill = record["drill"]
    assert record["kind"] == "drill" and record["status"] == "success" and drill["findings"] == [], drill
    assert drill["snapshot"]["id"] == backup.summary["snapshot_id"]
    assert {(d["kind"], d["path"]): (d["tables"], d["rows"]) for d in drill["databases"]} == {
        (d["kind"], d["path"]): (d["tables"], d["rows"]) for d in job.original(backup.of_type("record")[0]["run_id"])["record"]["databases"]}
    sipp = next(d for d in drill["databases"] if d["path"] == "local/sipp" and d["kind"] == "mariadb")
    assert (sipp["views"], sipp["routines"]) == (2, 4), sipp
    assert [a["good"] for a in drill["assertions"]] == [True] * 3
    assert drill["files"]["verified_files"] > 25 and drill["files"]["problems"] == 0
    assert {s["action"] for s in drill["steps"]} == {"prepare", "files", "sqlite", "server", "load", "compare", "assertion", "clean"}
    assert all(s["good"] for s in drill["steps"])
    assert drill["rto"]["target_ms"] == 3600_000 and 0 < drill["rto"]["reached_ms"] < 3600_000 and drill["rpo"]["reached_ms"] >= 0
    assert list(scratch.iterdir()) == [] and servers_in(scratch) == []
    # It is a record as others are: in the ledger, on the target, to be reviewed; and the next backup goes on.
    run_id = result.of_type("record")[0]["run_id"]
    assert result.of_type("record")[0]["stored"] and run_id in [r["id"] for r in job.reports()]
    job.p("ledger", "verify", env={"PULIH_PASSWORD_FILE": job.p.password_file})
    job.p("review", "approve", run_id, "--note", "baik")
    for language, title in (("id", "BERITA ACARA UJI PEMULIHAN"), ("en", "RECORD OF A RESTORE DRILL")):
        job.config.write_text(job.config.read_text().replace("  city: Ternate\n", f"  city: Ternate\n  language: {language}\n", 1)
                              if language == "id" else job.config.read_text().replace("language: id", "language: en"))
        report = job.p("report", "show", run_id if language == "id" else job.drill().of_type("record")[0]["run_id"]).text
        assert title in report and "perkara" in report and "MariaDB" in report, report
    for form in ("text", "json", "html", "pdf"):
        job.p("report", "export", run_id, "--format", form, "-o", work / f"ba.{form}")
        assert (work / f"ba.{form}").stat().st_size > 1000
    job.run()


def test_row_that_is_another_is_found(pulih, work, scratch, mariadb):
    """A trigger that changes what is loaded stands for a server that does not give back what it took."""
    mariadb.sql("CREATE DATABASE a; USE a; CREATE TABLE t (i INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);"
                "CREATE TABLE u (i INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO u VALUES (1)")
    job = DrillJob(pulih, work, scratch, mariadb_source(mariadb))
    job.run()
    fake = work / "bin"
    fake.mkdir()
    real = program("mariadb")
    for change, found in (("UPDATE a.t SET n = 9 WHERE i = 2", [("rows", "local/a.t")]),
                          ("DELETE FROM a.t WHERE i = 2", [("rows_count", "local/a.t")]),
                          ("DROP TABLE a.u", [("table_missing", "local/a.u")]),
                          ("CREATE TABLE a.v (i INT)", [("structure", "local/a"), ("table_added", "local/a.v")]),
                          ("CREATE VIEW a.v AS SELECT 1 AS x", [("structure", "local/a")]),
                          ("CREATE DATABASE IF NOT EXISTS lain", [])):
        # The client that loads changes something behind the load.
        (fake / "mariadb").write_text(f"#!/bin/sh\ncase \"$*\" in *--binary-mode*) {real} \"$@\" || exit; {real} \"$1\" -e '{change}';; *) exec {real} \"$@\";; esac\n")
        (fake / "mariadb").chmod(0o755)
        result = job.drill(code=5 if found else 0, env={"PATH": f"{fake}:{os.environ['PATH']}"})
        record = job.record(result)
        missing = [f for f in findings(record) if f not in [("structure", "local/a")]] if change.startswith("DROP") else findings(record)
        assert missing == found, record["drill"]["findings"]
        assert record["status"] == ("failed" if found else "success")
        if found:
            assert result.error["code"] == "PL-1540" and record["failure"]["code"] == "PL-1540"


def test_postgresql_row_that_is_another_is_found(pulih, work, scratch, postgresql):
    postgresql.sql("CREATE DATABASE sipp")
    postgresql.sql("CREATE TABLE t (i int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1), (2, 2)", "sipp")
    job = DrillJob(pulih, work, scratch, postgresql_source(postgresql))
    job.run()
    fake = work / "bin"
    fake.mkdir()
    real = program("psql")
    (fake / "psql").write_text(f"#!/bin/sh\ncase \"$*\" in *--output=/dev/null*) {real} \"$@\" && {real} -X -d sipp -c 'UPDATE t SET n = 9 WHERE i = 2';; *) exec {real} \"$@\";; esac\n")
    (fake / "psql").chmod(0o755)
    record = job.record(job.drill(code=5, env={"PATH": f"{fake}:{os.environ['PATH']}"}))
    assert findings(record) == [("rows", "local/sipp.public.t")], record["drill"]["findings"]


def test_assertions_that_do_not_hold(pulih, work, scratch, mariadb):
    mariadb.sql("CREATE DATABASE a; CREATE TABLE a.t (i INT); INSERT INTO a.t VALUES (1)")
    database = sqlite_file(work / "surat.sqlite")
    job = DrillJob(pulih, work, scratch, mariadb_source(mariadb), f"sqlite: {{path: {database}}}", assertions=[
        {"source": "mariadb/local/a", "sql": "SELECT COUNT(*) FROM t", "expect": "2"},
        {"source": "mariadb/local/a", "sql": "SELECT COUNT(*) FROM tidak_ada", "expect": "2"},
        {"source": "mariadb/local/b", "sql": "SELECT 1", "expect": "1"},
        {"source": f"sqlite{database}", "sql": "SELECT max(id) FROM surat", "expect": "51"}])
    job.run()
    record = job.record(job.drill(code=5))
    assert [(a["found"] if "tidak" not in a["found"] else "?", a["good"]) for a in record["drill"]["assertions"]] == [
        ("50", False), ("1", False), ("?", False), ("the backup holds no such database", False)], record["drill"]["assertions"]
    assert [code for code, _ in findings(record)] == ["assertion"] * 4


def test_targets_that_are_missed(pulih, work, scratch, small):
    job = DrillJob(pulih, work, scratch, f"files: {{paths: [{small}]}}", rto="1h", rpo="1s")
    job.run()
    time.sleep(1.1)
    record = job.record(job.drill(code=5))
    assert findings(record) == [("rpo", "")]
    (small / "more").write_bytes(os.urandom(50 << 20))
    job.run()
    job.change(rpo="1d")
    record = job.record(job.drill())
    assert record["status"] == "success" and record["drill"]["rto"]["target_ms"] == 3600_000


def test_damage_in_the_repository_is_found(pulih, work, scratch, small):
    job = DrillJob(pulih, work, scratch, f"files: {{paths: [{small}]}}")
    job.run()
    for pack in job.p.objects("packs"):
        if pack.stat().st_size > 1 << 20:
            flip(pack, pack.stat().st_size // 2)
    record = job.record(job.drill(code=5))
    assert any(code == "file" for code, _ in findings(record)), record["drill"]
    assert record["drill"]["files"]["problems"] > 0
    assert list(scratch.iterdir()) == []


def test_damaged_sqlite_is_found(pulih, work, scratch, mariadb):
    """It was damaged when it was stored as a file; the drill asks SQLite."""
    database = sqlite_file(work / "surat.sqlite")
    job = DrillJob(pulih, work, scratch, f"sqlite: {{path: {database}}}")
    job.run()
    content = database.read_bytes()
    # The same path, as a plain file whose pages are wrong.
    job.write(f"files: {{paths: [{database}]}}")
    database.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    job.run()
    job.write(f"sqlite: {{path: {database}}}")
    record = job.record(job.drill(code=5))
    assert findings(record) == [("sqlite", str(database))], record["drill"]["findings"]


def test_older_snapshot_and_no_snapshot(pulih, work, scratch, small):
    job = DrillJob(pulih, work, scratch, f"files: {{paths: [{small}]}}")
    result = job.drill(code=1)
    assert result.error["code"] == "PL-1541" and job.record(result)["kind"] == "drill" and job.record(result)["status"] == "failed"
    first = job.run().summary["snapshot_id"]
    (small / "new").write_text("x")
    job.run()
    assert job.record(job.drill("--snapshot", first[:8]))["drill"]["snapshot"]["id"] == first
    job.drill("--snapshot", "00000000", code=1)


def test_killed_drill_is_cleared_by_the_next(pulih, work, scratch, mariadb):
    mariadb.sql("CREATE DATABASE besar; USE besar; CREATE TABLE t (a INT PRIMARY KEY, b TEXT) ENGINE=InnoDB;"
                "INSERT INTO t SELECT seq, REPEAT(MD5(seq), 100) FROM seq_1_to_30000")
    job = DrillJob(pulih, work, scratch, mariadb_source(mariadb))
    job.run()
    process = job.p.start("drill", "website")
    wait_for(lambda: children(process, "mariadb"))  # it is being loaded
    assert servers_in(scratch)
    process.kill()
    process.wait()
    wait_for(lambda: not servers_in(scratch))
    assert len(list(scratch.iterdir())) == 1
    result = job.drill()
    assert list(scratch.iterdir()) == []
    kinds = [(r["id"], r["result"]) for r in job.reports() if "-drill-" in r["id"]]
    assert [result for _, result in kinds] == ["failed", "success"], kinds
    assert any("cut off" in note["message"] for note in result.of_type("note")), result


def test_interrupted_drill_cleans_up(pulih, work, scratch, mariadb):
    mariadb.sql("CREATE DATABASE besar; USE besar; CREATE TABLE t (a INT PRIMARY KEY, b TEXT) ENGINE=InnoDB;"
                "INSERT INTO t SELECT seq, REPEAT(MD5(seq), 100) FROM seq_1_to_30000")
    job = DrillJob(pulih, work, scratch, mariadb_source(mariadb))
    job.run()
    process = job.p.start("drill", "website")
    wait_for(lambda: children(process, "mariadb"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 130
    assert list(scratch.iterdir()) == []


def test_server_that_hangs_is_ended(pulih, work, scratch, mariadb):
    mariadb.sql("CREATE DATABASE a; CREATE TABLE a.t (i INT)")
    job = DrillJob(pulih, work, scratch, mariadb_source(mariadb))
    job.run()
    job.config.write_text(job.config.read_text() + "    limits: {timeout: 5s}\n")
    fake = work / "bin"
    fake.mkdir()
    (fake / "mariadbd").write_text("#!/bin/sh\nexec sleep 1000\n")
    (fake / "mariadbd").chmod(0o755)
    result = job.drill("--trigger", "scheduled", code=1, env={"PATH": f"{fake}:{os.environ['PATH']}"})
    assert result.error["code"] == "PL-2002"
    assert list(scratch.iterdir()) == [] and servers_in(scratch) == []


def test_server_that_does_not_come_up(pulih, work, scratch, mariadb):
    mariadb.sql("CREATE DATABASE a; CREATE TABLE a.t (i INT)")
    job = DrillJob(pulih, work, scratch, mariadb_source(mariadb))
    job.run()
    fake = work / "bin"
    fake.mkdir()
    (fake / "mariadbd").write_text("#!/bin/sh\necho kapal pecah >&2; exit 1\n")
    (fake / "mariadbd").chmod(0o755)
    work.chmod(0o755)
    result = job.drill(code=1, env={"PATH": f"{fake}:{os.environ['PATH']}"})
    assert result.error["code"] == "PL-1533" and "kapal pecah" in result.error["message"], result.error
    assert job.record(result)["status"] == "failed" and list(scratch.iterdir()) == []


@needs_root
def test_program_that_is_missing_names_the_package(pulih, work, scratch, postgresql):
    test_postgresql.fill(postgresql)
    job = DrillJob(pulih, work, scratch, postgresql_source(postgresql))
    job.run()
    empty = work / "empty"
    empty.mkdir()
    run = subprocess.run(["unshare", "-m", "sh", "-c", f"mount --bind {empty} /usr/lib/postgresql && exec \"$@\"", "sh",
                          *job.p.command("drill", "website")], env=job.p.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text = (run.stdout + run.stderr).decode()
    assert run.returncode == 1 and "PL-1532" in text and "install the package postgresql" in text, text
    assert list(scratch.iterdir()) == []


@needs_root
def test_scratch_disk_that_is_full(pulih, work, scratch, small, mariadb):
    """Too small from the start; and filled up while it is loaded."""
    disk = scratch / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "pulih-drill", disk], check=True)
    try:
        job = DrillJob(pulih, work, scratch, f"files: {{paths: [{small}]}}", folder=str(disk), leave_free="1k")
        job.run()
        result = job.drill(code=1)
        assert result.error["code"] == "PL-1531" and job.record(result)["status"] == "failed", result.error
        assert list(disk.iterdir()) == []
        subprocess.run(["mount", "-o", "remount,size=700m", disk], check=True)
        mariadb.sql("CREATE DATABASE a; USE a; CREATE TABLE t (a INT PRIMARY KEY, b TEXT) ENGINE=InnoDB; INSERT INTO t SELECT seq, REPEAT('x', 5000) FROM seq_1_to_5000")
        job.write(mariadb_source(mariadb))
        job.run()
        process = job.p.start("--json", "drill", "website")
        wait_for(lambda: children(process, "mariadb"))
        process.send_signal(signal.SIGSTOP)
        with contextlib.suppress(OSError):
            (disk / "other").write_bytes(b"x" * (800 << 20))
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=600)
        assert process.returncode == 1 and b"PL-1531" in out, (out, err)
        assert [p.name for p in disk.iterdir()] == ["other"]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_drill_of_a_user(pulih, work, scratch, mariadb, small):
    """Who is not root runs the servers as themselves."""
    if os.geteuid() != 0:
        pytest.skip("the other tests do so already")
    mariadb.sql("CREATE DATABASE a; CREATE TABLE a.t (i INT); INSERT INTO a.t VALUES (1)")
    scratch.chmod(0o777)
    job = DrillJob(pulih, work, scratch, mariadb_source(mariadb))
    job.run()
    for path in [work, *work.rglob("*")]:
        os.lchown(path, 65534, 65534)
    result = job.drill(user=65534)
    record = job.record(result)
    assert record["status"] in ("success", "success_with_notes") and findings(record) == []
    assert list(scratch.iterdir()) == []


def test_where_the_key_only_adds(pulih, work, scratch, small):
    """The scheduler cannot read then, and its record says so; a person gives the passphrase, or the configuration does."""
    key = work / "add.key"
    pulih("key", "issue-writer", "-o", key)
    job = DrillJob(pulih, work, scratch, f"files: {{paths: [{small}]}}")

    def only_adds():
        job.config.write_text(job.config.read_text().replace(f"{pulih.repo}, password_file: {pulih.password_file}", f"{pulih.repo}, key: {key}"))

    only_adds()
    job.run()
    assert "PL-1107" in job.drill("--trigger", "scheduled", code=12).everything
    assert "PL-1114" in job.drill(code=12).everything
    job.drill("-p", pulih.password_file)
    job.change(password_file=str(pulih.password_file))
    only_adds()
    job.drill("--trigger", "scheduled")
