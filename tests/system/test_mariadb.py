"""MariaDB as a source of jobs: private servers, dumped while they are in use, dumped wrongly, restored into another one."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from servers import MariaDB, program
from test_run import Job

PASSWORD = 'rahasia "basis\\data\' #7'


@pytest.fixture(scope="session")
def _servers():
    made = []
    try:
        for _ in range(2):
            made.append(MariaDB())
        yield made
    finally:
        for server in made:
            server.end()


@pytest.fixture
def server(_servers):
    _servers[0].clear()
    return _servers[0]


@pytest.fixture
def other(_servers):
    _servers[1].clear()
    return _servers[1]


def source(server, **more):
    """A source of the configuration; without users, unless asked for: their notes are for one test."""
    keys = {"socket": server.socket, "user": "root", "without_users": "true", **more}
    return "mariadb: {" + ", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None) + "}"


def job_of(pulih, work, server, *others, **more):
    return Job(pulih, work, source(server, **more), *others)


def record_of(job, result):
    return job.original(result.of_type("record")[0]["run_id"])["record"]


def stored(job, work, name="mariadb/local.sql"):
    """The dump as a restore gives it back."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    job.p("restore", "-r", job.p.repo, "--password-file", job.p.password_file, "latest", "-t", out)
    return out / name


def wait_for(condition):
    end = time.monotonic() + 300
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def processes(name):
    """Process ids of that name below the test."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "comm").read_text().strip() == name[:15]:
                found.append(int(folder.name))
    return found


def children(process, name):
    found = []
    for pid in processes(name):
        with contextlib.suppress(OSError):
            if f"\nPPid:\t{process.pid}\n" in Path(f"/proc/{pid}/status").read_text():
                found.append(pid)
    return found


def fill(server):
    """Everything that a dump may lose."""
    server.sql(r"""
CREATE DATABASE sipp; CREATE DATABASE `nama aneh-``"`; CREATE DATABASE kosong; USE sipp;
CREATE TABLE perkara (id INT PRIMARY KEY AUTO_INCREMENT, nomor VARCHAR(60) NOT NULL COMMENT 'it''s; (a) \\ "comment"', isi MEDIUMTEXT,
  bukti LONGBLOB, nilai DECIMAL(20,4), lahir DATE, KEY (nomor)) ENGINE=InnoDB;
CREATE TABLE pihak (perkara INT, nama VARCHAR(100), CONSTRAINT k FOREIGN KEY (perkara) REFERENCES perkara (id)) ENGINE=InnoDB;
CREATE TABLE hitung (a INT, b INT GENERATED ALWAYS AS (a * 2) STORED, c INT INVISIBLE DEFAULT 7) ENGINE=InnoDB;
CREATE TABLE riwayat (a INT) ENGINE=InnoDB WITH SYSTEM VERSIONING;
CREATE SEQUENCE urut;
INSERT INTO perkara (nomor, isi) VALUES ('1/Pdt.G/2026', '(1,2),(3,4);\n-- Dump completed\nINSERT INTO `perkara` VALUES (9)'),
  ('2/''"\\', 'emoji 😀 and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢'), ('3', NULL), ('4', '\0\r\n\t\Z\\'), ('5', REPEAT('x', 200000));
INSERT INTO pihak VALUES (1, 'Siti "Aminah"'), (2, 'O''Neil');
INSERT INTO hitung (a) VALUES (1), (2), (3);
INSERT INTO riwayat VALUES (1); UPDATE riwayat SET a = 2; DELETE FROM riwayat; INSERT INTO riwayat VALUES (5);
CREATE VIEW v_perkara AS SELECT id, nomor FROM perkara;
CREATE DEFINER = nobody@nowhere VIEW v_yatim AS SELECT id FROM perkara;
DELIMITER ;;
CREATE TRIGGER catat BEFORE INSERT ON pihak FOR EACH ROW BEGIN
  IF NEW.nama = 'INSERT INTO pihak VALUES (1),(2);' THEN INSERT INTO hitung (a) VALUES (1), (2); END IF; END;;
CREATE PROCEDURE salin() BEGIN INSERT INTO hitung (a) VALUES (3), (4); END;;
CREATE FUNCTION satu() RETURNS INT DETERMINISTIC RETURN 1;;
CREATE EVENT tiap ON SCHEDULE EVERY 1 DAY DO INSERT INTO hitung (a) VALUES (9), (10);;
DELIMITER ;
USE `nama aneh-``"`;
CREATE TABLE `t``(` (`a``b` INT PRIMARY KEY, `values (` TEXT) ENGINE=InnoDB;
INSERT INTO `t``(` VALUES (1, 'VALUES (1),(2)'), (2, '');
""")
    blob = bytes(range(256)) * 300
    server.sql(b"INSERT INTO sipp.perkara (nomor, bukti) VALUES ('blob', 0x" + blob.hex().encode() + b")")


def test_dump_restored_into_another_server_is_the_same_dump(pulih, work, server, other, small):
    fill(server)
    job = job_of(pulih, work, server, f"files: {{paths: [{small}]}}")
    record = record_of(job, job.run())
    found = {d["path"]: d for d in record["databases"]}
    assert sorted(found) == ["local/kosong", 'local/nama aneh-`"', "local/sipp"]
    for name, database in (("sipp", found["local/sipp"]), ('nama aneh-`"', found['local/nama aneh-`"']), ("kosong", found["local/kosong"])):
        tables = [t for t, kind in server.sql("SHOW FULL TABLES", name) if kind in ("BASE TABLE", "SYSTEM VERSIONED")]
        rows = sum(int(server.value(f"SELECT COUNT(*) FROM `{t.replace('`', '``')}`" + (" FOR SYSTEM_TIME ALL" if t == "riwayat" else ""), name))
                   for t in tables)
        assert (database["tables"], database["rows"]) == (len(tables), rows), database
        assert database["kind"] == "mariadb" and database["consistency"] == "snapshot" and database["position"] == ""
        assert database["version"] == server.value("SELECT VERSION()")[:31] and "MariaDB" in database["client"]
    dump = stored(job, work).read_bytes()
    assert dump.endswith(b"-- Dump completed\n") and abs(sum(d["size"] for d in found.values()) - len(dump)) < 5000
    assert record["sources"] == [{"kind": "files", "path": str(small)}, {"kind": "mariadb", "path": "local/*"}]
    other.load(work / "out/mariadb/local.sql")
    assert other.value("SELECT HEX(bukti) FROM perkara WHERE nomor = 'blob'", "sipp") == (bytes(range(256)) * 300).hex().upper()
    assert other.value("SELECT HEX(isi) FROM perkara WHERE id = 2", "sipp") == "emoji 😀 and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢".encode().hex().upper()
    assert other.sql("SELECT a FROM riwayat FOR SYSTEM_TIME ALL ORDER BY a", "sipp") == [["1"], ["2"], ["5"]]
    job.write(source(other))
    job.run()
    assert stored(job, work).read_bytes() == dump


def test_unchanged_stores_next_to_nothing_and_a_row_little(pulih, work, server):
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v VARCHAR(200)) ENGINE=InnoDB;"
               "INSERT INTO a.t SELECT seq, CONCAT(MD5(seq), SHA2(seq, 256)) FROM mysql.seq_1_to_60000".replace("mysql.", "a."))
    job = job_of(pulih, work, server, databases="[a]")
    first = job.run()
    assert first.summary["total_bytes_processed"] > 5_000_000
    time.sleep(1.1)  # a dump that had the second of its making in it would differ
    assert job.run().summary["data_added"] < 10_000
    server.sql("UPDATE a.t SET v = 'lain' WHERE id = 30000")
    summary = job.run().summary
    assert 0 < summary["data_added"] < 150_000 and summary["data_stored"] < 80_000, summary


WRITER = """
import subprocess, sys
client = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, text=True)
n = 0
while True:
    n += 1
    client.stdin.write(f"START TRANSACTION; UPDATE satu.a SET amount = amount - {n} WHERE id = {n % 500};"
                       f"INSERT INTO dua.b VALUES ({n}, {n}); COMMIT;\\n")
    client.stdin.flush()
"""


def test_what_is_written_meanwhile_is_of_one_moment(pulih, work, server, other):
    server.sql("CREATE DATABASE satu; CREATE DATABASE dua; CREATE TABLE satu.a (id INT PRIMARY KEY, amount BIGINT) ENGINE=InnoDB;"
               "CREATE TABLE dua.b (n INT PRIMARY KEY, amount BIGINT) ENGINE=InnoDB; INSERT INTO satu.a SELECT seq, 1000 FROM satu.seq_0_to_499;")
    job = job_of(pulih, work, server, databases="[satu, dua]")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, *server.command()], start_new_session=True)
    rows = 0
    try:
        for _ in range(3):
            wait_for(lambda: int(server.value("SELECT COUNT(*) FROM dua.b")) > rows)
            record = record_of(job, job.run())
            counted = {d["path"]: d["rows"] for d in record["databases"]}
            other.clear()
            other.load(stored(job, work))
            assert other.value("SELECT (SELECT SUM(amount) FROM satu.a) + COALESCE((SELECT SUM(amount) FROM dua.b), 0)") == "500000"
            rows = int(other.value("SELECT COUNT(*) FROM dua.b"))
            assert rows > 0 and counted == {"local/satu": 500, "local/dua": rows}
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()


# ---- what goes wrong ----

def assert_failed(job, result, work, *words, files=None, name="mariadb/local.sql"):
    """The run failed and says why; the files are stored, the dump is not; the report names it."""
    assert result.error["code"] == "PL-1409", result
    record = record_of(job, result)
    assert record["status"] == "failed" and record["failure"]["code"] == "PL-1409" and record["databases"] == []
    assert [p["path"] for p in record["problems"]] == [name]
    for word in words:
        assert word in record["failure"]["message"] and word in record["problems"][0]["reason"], record["failure"]
    if files is None:
        return
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    job.p("restore", "-r", job.p.repo, "--password-file", job.p.password_file, "latest", "-t", out)
    assert (Path(f"{out}{files}") / "big").exists() and not (out / name).exists()
    assert "gagal" in job.p("report", "show", record["id"]).text.lower()


def with_account(server, rights="SELECT, SHOW VIEW, TRIGGER, EVENT ON *.*"):
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "''")
    server.sql(f"CREATE USER cadangan@localhost IDENTIFIED BY '{quoted}'; GRANT {rights} TO cadangan@localhost;"
               "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO a.t VALUES (1), (2)")


def secret(work, text, name="db-password"):
    (work / name).write_text(text)
    (work / name).chmod(0o600)
    return work / name


def test_wrong_password(pulih, work, server, small):
    with_account(server)
    job = job_of(pulih, work, server, f"files: {{paths: [{small}]}}", user="cadangan", password_file=secret(work, "salah betul\n"))
    result = job.run(code=1)
    assert_failed(job, result, work, "Access denied", files=small)
    secret(work, PASSWORD + "\n")
    assert record_of(job, job.run())["status"] == "success"
    # what others can read is no secret
    (work / "db-password").chmod(0o644)
    assert "PL-1709" in job.p("config", "check", code=2).everything
    assert_failed(job, job.run(code=1), work, "other users may read", files=small)


def test_databases_come_before_files(pulih, work, server):
    """What a database names was a file before it was in the database: so the files are those after the dump, wherever they are stored."""
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (i int); INSERT INTO a.t VALUES (1)")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        programs, uploads = work / "programs", Path(memory) / "uploads"
        programs.mkdir()
        uploads.mkdir()
        (programs / "mariadb-dump").write_text(
            f'#!/bin/sh\n{program("mariadb-dump", "mysqldump")} "$@" || exit 1\n[ "$2" = --help ] || echo new > {uploads}/$$\n')
        (programs / "mariadb-dump").chmod(0o755)
        job = job_of(pulih, work, server, f"files: {{paths: [{uploads}]}}")
        job.run(env={"PATH": f"{programs}:{os.environ['PATH']}"})
        made = sorted(path.name for path in uploads.iterdir())
        assert made and sorted(path.name for path in stored(job, work, f"{uploads}"[1:]).iterdir()) == made


def test_option_file_and_users(pulih, work, server, other):
    with_account(server, "SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD ON *.*")
    option = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    options = secret(work, f'[client]\nuser=cadangan\npassword="{option}"\n[mysqldump]\nskip-comments\nno-data\n', "my.cnf")
    job = job_of(pulih, work, server, user=None, defaults_file=options, databases="[a]", without_users="false")
    # what is said there for other dumps than this one: comments are asked for, because the last one proves the end
    record = record_of(job, job.run())
    assert [(d["path"], d["rows"]) for d in record["databases"]] == [("local/a", 2)]
    secret(work, f'[client]\nuser=cadangan\npassword="{option}"\n', "my.cnf")
    record = record_of(job, job.run())
    assert record["status"] == "success" and [(d["path"], d["rows"]) for d in record["databases"]] == [("local/a", 2)]
    users = stored(job, work, "mariadb/local/users.sql")
    assert users.read_bytes().endswith(b"-- Dump completed\n")
    other.load(users)
    other.load(work / "out/mariadb/local.sql")
    login = [program("mariadb", "mysql"), f"--defaults-file={options}", f"--socket={other.socket}", "-e", "SELECT * FROM a.t"]
    assert subprocess.run(login, stdout=subprocess.PIPE, check=True).stdout == b"id\n1\n2\n"


def test_users_that_may_not_be_read_are_a_note(pulih, work, server):
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT) ENGINE=InnoDB; CREATE USER cadangan@localhost;"
               "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON a.* TO cadangan@localhost")
    job = job_of(pulih, work, server, user="cadangan", without_users=None)
    result = job.run(code=3)
    record = record_of(job, result)
    assert record["status"] == "success_with_notes" and [d["path"] for d in record["databases"]] == ["local/a"]
    assert [(p["code"], p["path"]) for p in result.of_type("problem")] == [("PL-1313", "/mariadb/local/users.sql")]
    job.write(source(server, user="cadangan"))
    assert record_of(job, job.run())["status"] == "success"


def test_a_database_that_is_not_there(pulih, work, server, small):
    job = job_of(pulih, work, server, f"files: {{paths: [{small}]}}", databases="[nihil]")
    assert_failed(job, job.run(code=1), work, 'no database "nihil"', files=small)
    # nothing else in the job: there is no snapshot, and the reason is still named
    job.write(source(server, databases="[nihil]"))
    result = job.run(code=1)
    assert 'no database "nihil"' in result.error["message"] and record_of(job, result)["snapshot"] is None


def test_a_view_that_cannot_be_read_fails_the_dump(pulih, work, server):
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT) ENGINE=InnoDB; CREATE VIEW a.rusak AS SELECT id FROM a.t; DROP TABLE a.t")
    job = job_of(pulih, work, server)
    assert_failed(job, job.run(code=1), work, "rusak")


@pytest.mark.parametrize("how", ["killed", "ends early", "half and good", "fails at the end"])
def test_a_dump_that_breaks_off(pulih, work, server, small, how):
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v TEXT) ENGINE=InnoDB;"
               "INSERT INTO a.t SELECT seq, REPEAT(MD5(seq), 10) FROM a.seq_1_to_20000")
    job = job_of(pulih, work, server, f"files: {{paths: [{small}]}}")
    real = program("mariadb-dump", "mysqldump")
    script = {"killed": f'"{real}" "$@" | head -c 3000000; kill -9 $$', "ends early": f'"{real}" "$@" | head -c 3000000; exit 0',
              "half and good": f'"{real}" "$@" | sed "\\$d"; exit 0', "fails at the end": f'"{real}" "$@"; exit 3'}[how]
    programs = work / "bin"
    programs.mkdir()
    (programs / "mariadb-dump").write_text(f'#!/bin/bash\n[[ "$*" == *--help* ]] && exec "{real}" "$@"\n{script}\n')
    (programs / "mariadb-dump").chmod(0o755)
    result = job.run(code=1, env={"PATH": f"{programs}:{os.environ['PATH']}"})
    word = {"killed": "signal 9", "fails at the end": "status 3"}.get(how, "breaks off")
    assert_failed(job, result, work, word, files=small)
    assert record_of(job, job.run())["status"] == "success"


def waiting_dump(server, run):
    """The process of the dump, once it waits for a lock: the program ran before, to say what it can."""
    wait_for(lambda: server.value("SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'") != "0")
    return children(run, "mariadb-dump")[0]


def hold(server):
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO a.t VALUES (1)")
    return server.holding("LOCK TABLES t WRITE", "a")


def test_the_process_of_the_dump_is_killed(pulih, work, server, small):
    job = job_of(pulih, work, server, f"files: {{paths: [{small}]}}")
    with hold(server):
        run = job.p.start("run", "--json", "website")
        pid = waiting_dump(server, run)
        os.kill(pid, signal.SIGKILL)
        out, _ = run.communicate(timeout=300)
    assert run.returncode == 1 and b"signal 9" in out and b"PL-1409" in out


def test_no_password_in_sight(pulih, work, server):
    with_account(server)
    job = job_of(pulih, work, server, user="cadangan", password_file=secret(work, PASSWORD + "\n"))
    seen = 0
    with server.holding("LOCK TABLES t WRITE", "a"):
        run = job.p.start("run", "--json", "-v", "website")
        waiting_dump(server, run)
        for folder in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    text = (folder / name).read_bytes()
                    seen += b"mariadb-dump" in text and name == "cmdline"
                    assert b"basis\\data" not in text and b"basis\\\\data" not in text, (folder / "cmdline").read_bytes()
    out, err = run.communicate(timeout=300)
    assert run.returncode == 0 and seen > 0 and b"basis\\" not in out + err
    for path in [*pulih.state.rglob("*"), *work.glob("*")]:
        if path.is_file() and path.name != "db-password":
            assert b"basis\\" not in path.read_bytes(), path


def test_a_server_that_hangs(pulih, work, server, small):
    """The limit of the run ends it, and every process of it."""
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY) ENGINE=InnoDB")
    job = job_of(pulih, work, server, f"files: {{paths: [{small}]}}")
    job.config.write_text(job.config.read_text().replace("    target: hdd\n", "    target: hdd\n    limits: {timeout: 3s}\n"))
    with server.frozen():
        result = job.p.json("run", "website", "--trigger", "scheduled", code=1)
    assert result.error["code"] == "PL-2002" and record_of(job, result)["status"] == "failed"
    for pid in processes("mariadb") + processes("mariadb-dump"):
        with contextlib.suppress(OSError):
            assert os.fsencode(job.p.state) not in Path(f"/proc/{pid}/environ").read_bytes(), "a client outlived the run"


def test_an_interrupt_ends_the_dump(pulih, work, server):
    job = job_of(pulih, work, server)
    with hold(server):
        run = job.p.start("run", "--json", "website")
        pid = waiting_dump(server, run)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=300)
        assert run.returncode == 130 and not Path(f"/proc/{pid}").exists()


# ---- what is dumped, and how ----

def test_tables_without_transactions(pulih, work, server):
    server.sql("CREATE DATABASE a; CREATE DATABASE b; CREATE TABLE a.lama (id INT) ENGINE=MyISAM; INSERT INTO a.lama VALUES (1), (2);"
               "CREATE TABLE b.baru (id INT) ENGINE=InnoDB")
    job = job_of(pulih, work, server)
    record = record_of(job, job.run())
    assert {d["path"]: (d["consistency"], d["rows"]) for d in record["databases"]} == {"local/a": ("locked", 2), "local/b": ("locked", 0)}
    assert "terkunci" in job.p("report", "show", record["id"]).text
    # a lock that the user may not take is a failure, and no lock is
    server.sql("CREATE USER c@localhost; GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO c@localhost")
    job.write(source(server, user="c"))
    assert_failed(job, job.run(code=1), work, "RELOAD")
    job.write(source(server, user="c", without_lock="true"))
    record = record_of(job, job.run())
    assert {d["path"]: (d["consistency"], d["rows"]) for d in record["databases"]} == {"local/a": ("none", 2), "local/b": ("snapshot", 0)}
    text = job.p("report", "show", record["id"]).text
    assert re.search(r"konsistensi tidak dijamin: local/a", text, re.I), text
    job.write(source(server, databases="[b]"))
    assert record_of(job, job.run())["databases"][0]["consistency"] == "snapshot"


def test_several_servers_and_names(pulih, work, server, other):
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT) ENGINE=InnoDB")
    other.sql("CREATE DATABASE a; CREATE TABLE a.u (id INT) ENGINE=InnoDB; INSERT INTO a.u VALUES (3)")
    job = Job(pulih, work, source(server), source(other, name="arsip", databases="[a]"))
    record = record_of(job, job.run())
    assert {d["path"]: d["rows"] for d in record["databases"]} == {"local/a": 0, "arsip/a": 1}
    assert stored(job, work).exists() and (work / "out/mariadb/arsip.sql").exists()
    job.write(source(server, databases="[nihil]"), source(other, name="arsip"))
    result = job.run(code=1)
    record = record_of(job, result)
    assert [d["path"] for d in record["databases"]] == ["arsip/a"] and record["status"] == "failed" and record["snapshot"]
    assert result.summary["snapshot_id"] == record["snapshot"]["id"]


def test_programs_by_their_old_names(pulih, work, server):
    server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT) ENGINE=InnoDB; INSERT INTO a.t VALUES (1)")
    programs = work / "bin"
    programs.mkdir()
    job = job_of(pulih, work, server)
    result = job.run(code=1, env={"PATH": str(programs)})
    assert "PL-1311" in result.everything or "mysqldump" in result.error["message"]
    (programs / "mysqldump").symlink_to(program("mariadb-dump", "mysqldump"))
    (programs / "mysql").symlink_to(program("mariadb", "mysql"))
    assert record_of(job, job.run(env={"PATH": str(programs)}))["databases"][0]["rows"] == 1


def test_position_in_the_binary_log(pulih, work):
    server = MariaDB("--log-bin=biner", "--server-id=7")
    try:
        server.sql("CREATE DATABASE a; CREATE TABLE a.t (id INT) ENGINE=InnoDB; INSERT INTO a.t VALUES (1); CREATE USER c@localhost;"
                   "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO c@localhost")
        job = job_of(pulih, work, server)
        position = record_of(job, job.run())["databases"][0]["position"]
        file, offset = server.sql("SHOW MASTER STATUS")[0][:2]
        assert position == f"{file}:{offset} {server.value('SELECT @@gtid_binlog_pos')}"
        job.write(source(server, user="c"))
        assert record_of(job, job.run())["databases"][0]["position"] == ""
    finally:
        server.end()
