"""Dumps of databases back into servers: under their own name or another one, over what is there, from dumps that are damaged or broken off."""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import test_mariadb
import test_postgresql
from servers import MariaDB, PostgreSQL
from test_mariadb import children, stored, wait_for
from test_run import Job


@pytest.fixture(scope="session")
def _mariadb():
    server = MariaDB()
    yield server
    server.end()


@pytest.fixture(scope="session")
def _mariadb_other():
    server = MariaDB()
    yield server
    server.end()


@pytest.fixture(scope="session")
def _postgresql():
    server = PostgreSQL()
    yield server
    server.end()


@pytest.fixture(scope="session")
def _postgresql_other():
    server = PostgreSQL()
    yield server
    server.end()


@pytest.fixture
def mariadb(_mariadb):
    _mariadb.clear()
    return _mariadb


@pytest.fixture
def mariadb_other(_mariadb_other):
    _mariadb_other.clear()
    return _mariadb_other


@pytest.fixture
def postgresql(_postgresql):
    _postgresql.clear()
    return _postgresql


@pytest.fixture
def postgresql_other(_postgresql_other):
    _postgresql_other.clear()
    return _postgresql_other


def to(server, *more):
    """Options that lead to a server of the test."""
    return ["--server-socket", server.socket, "--server-user", "root" if isinstance(server, MariaDB) else "postgres", *more]


def restore(job, what, *arguments, code=0, **options):
    return job.p.json("restore", "-r", job.p.repo, "--password-file", job.p.password_file, what, *arguments, code=code, **options)


def dump_of(server, database):
    """What mariadb-dump says of one database, without what names it."""
    from servers import program
    text = subprocess.run([program("mariadb-dump"), "--no-defaults", f"--socket={server.socket}", "--user=root", "--routines", "--events", "--triggers",
                           "--hex-blob", "--skip-dump-date", "--order-by-primary", database], stdout=subprocess.PIPE, check=True).stdout.decode()
    return [line for line in text.splitlines() if not line.startswith(("-- Host:", "-- Server", "-- Dumping"))]


@pytest.fixture
def sipp(pulih, work, mariadb):
    """A job whose backup has the databases that a dump may lose something of."""
    test_mariadb.fill(mariadb)
    mariadb.sql("DROP VIEW sipp.v_yatim")  # names its database, which is another after a restore under another name
    job = test_mariadb.job_of(pulih, work, mariadb)
    job.run()
    return job


def test_database_comes_back_under_another_name(sipp, mariadb, mariadb_other):
    result = restore(sipp, "latest:mariadb/local.sql", "--to-database", "sipp `uji", "--from-database", "sipp", "--verify", *to(mariadb_other))
    assert result.of_type("plan")[0]["databases"] == [
        {"from": "sipp", "to": "sipp `uji", "tables": 4, "rows": 14, "exists": False, "objects_there": 0}], result
    assert [n for (n,) in mariadb_other.sql("SHOW DATABASES") if "uji" in n or "sipp" in n or "kosong" in n] == ["sipp `uji"]
    assert dump_of(mariadb_other, "sipp `uji") == dump_of(mariadb, "sipp")
    # Beside the original, which is not touched.
    before = dump_of(mariadb, "sipp")
    restore(sipp, "latest:mariadb/local.sql", "--to-database", "sipp2", "--from-database", "sipp", *to(mariadb))
    assert dump_of(mariadb, "sipp2") == before == dump_of(mariadb, "sipp")


def test_all_databases_come_back_under_their_own_names(sipp, mariadb, mariadb_other):
    restore(sipp, "latest:mariadb/local.sql", "--all-databases", "--verify", *to(mariadb_other))
    for name in ("sipp", 'nama aneh-`"', "kosong"):
        assert dump_of(mariadb_other, name) == dump_of(mariadb, name)


def test_what_is_there_is_replaced_only_when_that_is_said(sipp, mariadb, mariadb_other):
    mariadb_other.sql("CREATE DATABASE sipp; CREATE TABLE sipp.tua (a INT); INSERT INTO sipp.tua VALUES (1)")
    mariadb_other.sql("CREATE DATABASE kosong")
    error = restore(sipp, "latest:mariadb/local.sql", "--to-database", "sipp", *to(mariadb_other), code=1).error
    assert error["code"] == "PL-1537" and "sipp" in error["message"], error
    for dry in (["-n"], ["-n", "--overwrite", "always"]):
        plan = restore(sipp, "latest:mariadb/local.sql", "--to-database", "sipp", *to(mariadb_other), *dry, code=None)
        assert plan.of_type("plan")[0]["databases"][0]["objects_there"] == 1
    assert mariadb_other.value("SELECT a FROM sipp.tua") == "1"
    restore(sipp, "latest:mariadb/local.sql", "--to-database", "sipp", *to(mariadb_other), "--overwrite", "always", "--verify")
    assert dump_of(mariadb_other, "sipp") == dump_of(mariadb, "sipp")
    restore(sipp, "latest:mariadb/local.sql", "--to-database", "kosong", *to(mariadb_other))  # there, but empty
    for own in ("mysql", "SYS"):
        assert restore(sipp, "latest:mariadb/local.sql", "--to-database", own, "--from-database", "sipp", *to(mariadb_other),
                       "--overwrite", "always", code=2).error["code"] == "PL-1536"


def test_options_that_do_not_go_together(sipp, mariadb_other):
    where = to(mariadb_other)
    for arguments in (["--to-database", "a"], ["--server", "local"], ["--to-database", "a", "--all-databases", *where],
                      ["--to-database", "a", "--server", "local", *where], ["--to-database", "a", "-t", "/tmp/x", *where],
                      ["--to-database", "a", "--server", "nowhere"], ["--to-database", "a", *where],  # of three databases
                      ["--to-database", "a", "--from-database", "tidak", *where], ["--to-database", "a", "--overwrite", "never", *where]):
        restore(sipp, "latest:mariadb/local.sql", *arguments, code=2)
    restore(sipp, "latest", "--to-database", "a", *where, code=2)
    restore(sipp, "latest:mariadb/none.sql", "--to-database", "a", *where, code=1)
    assert [n for (n,) in mariadb_other.sql("SHOW DATABASES") if n == "a"] == []


def test_server_of_the_configuration(sipp, mariadb):
    restore(sipp, "latest:mariadb/local.sql", "--to-database", "baru", "--from-database", "sipp", "--server", "local")
    assert dump_of(mariadb, "baru") == dump_of(mariadb, "sipp")


def test_dump_that_breaks_off_changes_nothing(pulih, work, mariadb_other):
    cut = work / "cut.sql"
    cut.write_text("-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n--\n-- Current Database: `x`\n--\nCREATE DATABASE `x`;\nUSE `x`;\n"
                   "CREATE TABLE `t` (a INT);\nINSERT INTO `t` VALUES (1);\n")
    pulih.backup(cut)
    mariadb_other.sql("CREATE DATABASE x; CREATE TABLE x.tua (a INT)")
    result = pulih.json("restore", f"latest:{cut}", "--to-database", "x", *to(mariadb_other), "--overwrite", "always", code=4)
    assert result.error["code"] == "PL-1535"
    assert mariadb_other.sql("SHOW TABLES", "x") == [["tua"]]
    (work / "text.sql").write_text("SELECT 1;\n")
    pulih.backup(work / "text.sql")
    assert pulih.json("restore", f"latest:{work}/text.sql", "--to-database", "x", *to(mariadb_other), code=2).error["code"] == "PL-1534"


def test_damaged_dump_changes_nothing(sipp, mariadb_other):
    mariadb_other.sql("CREATE DATABASE sipp; CREATE TABLE sipp.tua (a INT)")
    for pack in sipp.p.objects("packs"):
        content = bytearray(pack.read_bytes())
        for at in range(100, len(content), 997):
            content[at] ^= 1
        pack.chmod(0o600)
        pack.write_bytes(content)
    restore(sipp, "latest:mariadb/local.sql", "--to-database", "sipp", *to(mariadb_other), "--overwrite", "always", code=4)
    assert mariadb_other.sql("SHOW TABLES", "sipp") == [["tua"]]


def test_failure_in_the_middle_says_how_far_it_went(pulih, work, mariadb_other):
    dump = work / "d.sql"
    dump.write_text("-- MariaDB dump 10.19\n--\n-- Current Database: `x`\n--\n\nCREATE DATABASE `x`;\nUSE `x`;\nCREATE TABLE `satu` (a INT);\n"
                    "INSERT INTO `satu` VALUES (1),(2);\nCREATE TABLE `dua` (a TIDAKADA);\nINSERT INTO `dua` VALUES (1);\n-- Dump completed\n")
    pulih.backup(dump)
    error = pulih.json("restore", f"latest:{dump}", "--all-databases", *to(mariadb_other), code=1).error
    assert error["code"] == "PL-1538" and "TIDAKADA" in error["message"] and "dua" in error["message"], error


def test_a_dump_cannot_reach_files_or_other_databases(pulih, work, mariadb_other):
    """It names what it drops and makes itself; the person named another database."""
    mark = work / "mark"
    mariadb_other.sql("CREATE DATABASE x; CREATE TABLE x.tua (a INT)")
    dump = work / "d.sql"
    dump.write_text(f"-- MySQL dump 10.13  Distrib 5.5.62\n--\n-- Current Database: `x`\n--\n\n/*!40000 DROP DATABASE IF EXISTS `x`*/;\n"
                    f"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `x` /*!40100 DEFAULT CHARACTER SET latin1 */;\nUSE `x`;\n"
                    f"CREATE TABLE `t` (a INT(11) NOT NULL DEFAULT '0', b DATETIME DEFAULT '0000-00-00 00:00:00') TYPE=MyISAM;\n-- Dump completed\n")
    dump.write_text(dump.read_text().replace("TYPE=MyISAM", "ENGINE=MyISAM"))
    pulih.backup(dump)
    restored = pulih.json("restore", f"latest:{dump}", "--to-database", "y", *to(mariadb_other), code=(0, 1))
    assert mariadb_other.sql("SHOW TABLES", "x") == [["tua"]], restored
    dump.write_text(f"-- MariaDB dump\n\\! touch {mark}\nsystem touch {mark}\n-- Current Database: `z`\nCREATE DATABASE `z`;\nUSE `z`;\n-- Dump completed\n")
    pulih.backup(dump)
    pulih.json("restore", f"latest:{dump}", "--all-databases", *to(mariadb_other), code=1)
    assert not mark.exists()


def test_interrupted_loading_is_a_failure(pulih, work, mariadb, mariadb_other):
    mariadb.sql("CREATE DATABASE besar; USE besar; CREATE TABLE besar.t (a INT PRIMARY KEY, b TEXT) ENGINE=InnoDB;"
                "INSERT INTO besar.t SELECT seq, REPEAT(MD5(seq), 100) FROM seq_1_to_20000")
    job = test_mariadb.job_of(pulih, work, mariadb)
    job.run()
    process = job.p.start("restore", "-r", job.p.repo, "--password-file", job.p.password_file, "latest:mariadb/local.sql", "--all-databases", *to(mariadb_other))
    with mariadb_other.frozen():
        wait_for(lambda: children(process, "mariadb"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert not children(process, "mariadb")


# ---- PostgreSQL ----

ROWS = "SELECT md5(string_agg(p::text, '|' ORDER BY id)) FROM perkara p"


@pytest.fixture
def arsip(pulih, work, postgresql):
    test_postgresql.fill(postgresql)
    postgresql.sql("ALTER DATABASE sipp OWNER TO pembaca; COMMENT ON DATABASE sipp IS 'CREATE DATABASE sipp'; GRANT CONNECT ON DATABASE sipp TO pembaca")
    postgresql.sql("ALTER TABLE kosong OWNER TO pembaca", "sipp")
    job = Job(pulih, work, test_postgresql.source(postgresql, "[sipp]", without_users=None))
    job.run()
    return job


def test_postgresql_comes_back_with_its_roles(arsip, postgresql, postgresql_other):
    other = postgresql_other
    assert restore(arsip, "latest:postgresql/local/sipp.sql", "--to-database", "sipp", *to(other), code=1).error["code"] == "PL-1538"  # no role
    restore(arsip, "latest:postgresql/local/sipp.sql", "--to-database", "sipp", "--with-users", "--overwrite", "always", "--verify", *to(other))
    assert other.value(ROWS, "sipp") == postgresql.value(ROWS, "sipp")
    assert other.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'sipp'") == "pembaca"
    # A role that is there keeps its password.
    other.sql("ALTER ROLE pembaca PASSWORD 'lain' NOLOGIN")
    before = other.value("SELECT rolpassword || rolcanlogin FROM pg_authid WHERE rolname = 'pembaca'")
    restore(arsip, "latest:postgresql/local/sipp.sql", "--to-database", "sipp", "--with-users", "--overwrite", "always", *to(other))
    assert other.value("SELECT rolpassword || rolcanlogin FROM pg_authid WHERE rolname = 'pembaca'") == before


@pytest.mark.parametrize("name", ["sipp_uji", "na'ma \"aneh\\ ="])
def test_postgresql_under_another_name(arsip, postgresql, name):
    restore(arsip, "latest:postgresql/local/sipp.sql", "--to-database", name, "--verify", *to(postgresql))
    literal = "'" + name.replace("'", "''") + "'"
    assert postgresql.value(f"SELECT pg_get_userbyid(datdba) || shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = {literal}") == \
        "pembacaCREATE DATABASE sipp"
    assert postgresql.value("SELECT count(*) FROM perkara", "sipp") == "7"
    error = restore(arsip, "latest:postgresql/local/sipp.sql", "--to-database", name, *to(postgresql), code=1).error
    assert error["code"] == "PL-1537", error
    restore(arsip, "latest:postgresql/local/sipp.sql", "--to-database", name, "--verify", "--overwrite", "always", *to(postgresql))


def test_postgresql_dump_is_not_for_mariadb(arsip, mariadb_other):
    assert restore(arsip, "latest:postgresql/local/sipp.sql", "--to-database", "x", "--defaults-file", "/dev/null", code=2).error["code"] == "PL-1804"
