"""PostgreSQL as a source of jobs: private servers, dumped while they are in use, dumped wrongly, restored into another one."""
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from servers import PostgreSQL, program
from test_mariadb import assert_failed, children, processes, record_of, secret, stored, wait_for
from test_run import Job

PASSWORD = r"rahasia:basis\data' #7"


@pytest.fixture(scope="session")
def _servers():
    made = []
    try:
        for _ in range(2):
            made.append(PostgreSQL())
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


def source(server, databases, **more):
    keys = {"databases": databases, "socket": server.socket, "user": "postgres", "without_users": "true", **more}
    return "postgresql: {" + ", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None) + "}"


ODD = "na'ma = \\\"aneh"


def fill(server):
    """Everything that a dump may lose."""
    quoted = '"' + ODD.replace('"', '""') + '"'
    server.sql(f"CREATE DATABASE sipp; CREATE DATABASE {quoted}; CREATE ROLE pembaca LOGIN PASSWORD 'rahasia'")
    server.sql(r"""
CREATE SCHEMA "arsip (lama)";
CREATE TABLE perkara (id serial PRIMARY KEY, nomor text NOT NULL, isi text, bukti bytea, nilai numeric(20, 4));
CREATE TABLE "arsip (lama)"."t "" FROM stdin;" ("a;b" int PRIMARY KEY, "c""d" text);
CREATE UNLOGGED TABLE sementara (a int);
CREATE TABLE kosong ();
CREATE TABLE tahun (y int, v text) PARTITION BY RANGE (y); CREATE TABLE tahun_1 PARTITION OF tahun FOR VALUES FROM (1) TO (10);
INSERT INTO perkara (nomor, isi) VALUES ('1/Pdt.G/2026', E'a\tb\n\\.\n\\.\nCOPY public.perkara FROM stdin;\n-- PostgreSQL database dump complete'),
  ('2''"\', 'emoji 😀 𝔘'), ('3', NULL), ('4', '\N'), ('5', repeat('x', 200000)), ('6', '');
INSERT INTO perkara (nomor, bukti) SELECT 'blob', string_agg(decode(lpad(to_hex(i), 2, '0'), 'hex'), ''::bytea) FROM generate_series(0, 255) i;
INSERT INTO "arsip (lama)"."t "" FROM stdin;" VALUES (1, 'x'), (2, 'y'); INSERT INTO sementara VALUES (1);
INSERT INTO kosong DEFAULT VALUES; INSERT INTO kosong DEFAULT VALUES; INSERT INTO tahun VALUES (1, 'a'), (2, 'b');
COMMENT ON TABLE perkara IS E'CREATE TABLE palsu (a int);\nCOPY palsu FROM stdin;\nit''s \\ "x';
CREATE FUNCTION salin() RETURNS int LANGUAGE plpgsql AS $body$
DECLARE x text := $$
COPY public.palsu (a) FROM stdin;
1
$$; BEGIN CREATE TABLE palsu (a int); RETURN 1; END $body$;
CREATE VIEW v_perkara AS SELECT id, nomor, 'COPY ''x'' FROM stdin;'::text AS c FROM perkara; GRANT SELECT ON v_perkara TO pembaca;
SELECT lo_from_bytea(4711, '\x00ff27');
""", "sipp")
    server.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", "postgres")
    server.sql("DROP TABLE t")


def test_dump_restored_into_another_server_is_the_same_dump(pulih, work, server, other):
    fill(server)
    odd = '"' + ODD.replace("\\", "\\\\").replace('"', '\\"') + '"'
    job = Job(pulih, work, source(server, f"[sipp, {odd}]", without_users=None))
    record = record_of(job, job.run())
    found = {d["path"]: d for d in record["databases"]}
    assert sorted(found) == sorted(["local/sipp", f"local/{ODD}"])
    assert (found["local/sipp"]["tables"], found["local/sipp"]["rows"]) == (6, 14), found
    assert (found[f"local/{ODD}"]["tables"], found[f"local/{ODD}"]["rows"]) == (0, 0)
    version = server.value("SHOW server_version")[:31]
    assert all(d["kind"] == "postgresql" and d["version"] == version and d["client"] and d["consistency"] == "snapshot" for d in found.values())
    names = ["postgresql/local/globals.sql", "postgresql/local/sipp.sql", f"postgresql/local/{ODD}.sql"]
    stored(job, work)
    dumps = [(work / "out" / name).read_bytes() for name in names]
    assert len(dumps[1]) == found["local/sipp"]["size"]
    # nobody who serves the database knows the word that would let psql's own commands out of the dump
    assert len({re.search(rb"^\\restrict ([0-9a-f]{32})\n", dump, re.M)[1] for dump in dumps}) == 1
    # the owner of the other server is there already: the one line that makes it again is left out
    (work / "globals.sql").write_bytes(dumps[0].replace(b"CREATE ROLE postgres;\n", b""))
    other.load(work / "globals.sql")
    other.load(work / "out" / names[1])
    other.load(work / "out" / names[2])
    assert other.value("SELECT count(*) FROM v_perkara", "sipp") == "7"
    assert other.value("SELECT encode(bukti, 'hex') FROM perkara WHERE nomor = 'blob'", "sipp") == bytes(range(256)).hex()
    job.write(source(other, f"[sipp, {odd}]", without_users=None))
    job.run()
    stored(job, work)
    # of the roles: each password is kept as it was hashed
    assert [(work / "out" / name).read_bytes() for name in names] == dumps


def test_unchanged_stores_next_to_nothing_and_a_row_little(pulih, work, server):
    server.sql("CREATE DATABASE a")
    server.sql("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT g, md5(g::text) || md5((g + 1)::text) FROM generate_series(1, 80000) g",
               "a")
    job = Job(pulih, work, source(server, "[a]"))
    assert job.run().summary["total_bytes_processed"] > 5_000_000
    time.sleep(1.1)
    assert job.run().summary["data_added"] < 10_000
    server.sql("UPDATE t SET v = 'lain' WHERE id = 30000", "a")
    summary = job.run().summary
    assert 0 < summary["data_added"] < 400_000 and summary["data_stored"] < 200_000, summary


def test_what_is_written_meanwhile_is_of_one_moment(pulih, work, server, other):
    server.sql("CREATE DATABASE a")
    server.sql("CREATE TABLE x (id int PRIMARY KEY, amount bigint); INSERT INTO x SELECT g, 1000 FROM generate_series(0, 499) g;"
               "CREATE TABLE y (n int PRIMARY KEY, amount bigint)", "a")
    job = Job(pulih, work, source(server, "[a]"))
    script = ("import subprocess, sys\nclient = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, text=True)\nn = 0\nwhile True:\n    n += 1\n"
              "    client.stdin.write(f'BEGIN; UPDATE x SET amount = amount - {n} WHERE id = {n % 500}; INSERT INTO y VALUES ({n}, {n}); COMMIT;\\n')\n"
              "    client.stdin.flush()\n")
    writer = subprocess.Popen([sys.executable, "-c", script, *server.command("a")], start_new_session=True)
    rows = 0
    try:
        for _ in range(3):
            wait_for(lambda: int(server.value("SELECT count(*) FROM y", "a")) > rows)
            record = record_of(job, job.run())
            other.clear()
            other.load(stored(job, work, "postgresql/local/a.sql"))
            assert other.value("SELECT (SELECT sum(amount) FROM x) + coalesce((SELECT sum(amount) FROM y), 0)", "a") == "500000"
            rows = int(other.value("SELECT count(*) FROM y", "a"))
            assert rows > 0 and record["databases"][0]["rows"] == 500 + rows
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()


def with_role(server):
    quoted = PASSWORD.replace("'", "''")
    server.sql(f"CREATE ROLE cadangan LOGIN PASSWORD '{quoted}'; GRANT pg_read_all_data TO cadangan; CREATE DATABASE a")
    server.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)", "a")


def test_passwords_and_rights(pulih, work, server, small):
    with_role(server)
    files = f"files: {{paths: [{small}]}}"
    path = secret(work, "salah\n")
    job = Job(pulih, work, source(server, "[a]", user="cadangan", password_file=path), files)
    assert_failed(job, job.run(code=1), work, "password authentication failed", files=small, name="postgresql/local/a.sql")
    secret(work, PASSWORD + "\n")
    # one of the environment does not come before the one that is configured
    assert record_of(job, job.run(env={"PGPASSWORD": "salah"}))["status"] == "success"
    # whoever may read the tables only, and not the catalogue of passwords
    server.sql("REVOKE pg_read_all_data FROM cadangan")
    server.sql("GRANT SELECT ON t TO cadangan", "a")
    job.write(source(server, "[a]", user="cadangan", password_file=path, without_users=None), files)
    result = job.run(code=3)
    assert record_of(job, result)["status"] == "success_with_notes" and record_of(job, result)["databases"][0]["rows"] == 2
    assert [(p["code"], p["path"]) for p in result.of_type("problem")] == [("PL-1313", "/postgresql/local/globals.sql")]
    job.write(source(server, "[nihil]"), files)
    assert_failed(job, job.run(code=1), work, "nihil", files=small, name="postgresql/local/nihil.sql")
    server.sql("REVOKE SELECT ON t FROM cadangan", "a")
    job.write(source(server, "[a]", user="cadangan", password_file=path), files)
    assert_failed(job, job.run(code=1), work, "permission denied", files=small, name="postgresql/local/a.sql")


@pytest.mark.parametrize("how", ["killed", "ends early", "half and good", "fails at the end"])
def test_a_dump_that_breaks_off(pulih, work, server, small, how):
    server.sql("CREATE DATABASE a")
    server.sql("CREATE TABLE t (a int, v text); INSERT INTO t SELECT g, repeat(md5(g::text), 10) FROM generate_series(1, 20000) g", "a")
    job = Job(pulih, work, source(server, "[a]"), f"files: {{paths: [{small}]}}")
    real = program("pg_dump")
    script = {"killed": f'"{real}" "$@" | head -c 3000000; kill -9 $$', "ends early": f'"{real}" "$@" | head -c 3000000; exit 0',
              "half and good": f'"{real}" "$@" | sed "/dump complete/,\\$d"; exit 0', "fails at the end": f'"{real}" "$@"; exit 3'}[how]
    programs = work / "bin"
    programs.mkdir()
    (programs / "pg_dump").write_text(f'#!/bin/bash\n[[ "$*" == *--help* ]] && exec "{real}" "$@"\n{script}\n')
    (programs / "pg_dump").chmod(0o755)
    result = job.run(code=1, env={"PATH": f"{programs}:{os.environ['PATH']}"})
    word = {"killed": "signal 9", "fails at the end": "status 3"}.get(how, "breaks off")
    assert_failed(job, result, work, word, files=small, name="postgresql/local/a.sql")
    assert record_of(job, job.run())["status"] == "success"


def test_no_password_in_sight_and_a_dump_that_is_killed(pulih, work, server):
    with_role(server)
    job = Job(pulih, work, source(server, "[a]", user="cadangan", password_file=secret(work, PASSWORD + "\n")))
    seen = 0
    with server.holding("LOCK TABLE t IN ACCESS EXCLUSIVE MODE", "a"):
        run = job.p.start("run", "--json", "-v", "website")
        wait_for(lambda: server.value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0")
        pid = children(run, "pg_dump")[0]
        for folder in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    text = (folder / name).read_bytes()
                    seen += b"pg_dump" in text and name == "cmdline"
                    assert b"basis" not in text, (folder / "cmdline").read_bytes()
        os.kill(pid, signal.SIGKILL)
        out, err = run.communicate(timeout=300)
    assert run.returncode == 1 and seen > 0 and b"signal 9" in out and b"basis" not in out + err
    for path in [*pulih.state.rglob("*"), *work.glob("*")]:
        if path.is_file() and path.name != "db-password":
            assert b"basis\\data" not in path.read_bytes(), path


def test_a_server_that_hangs(pulih, work, server):
    server.sql("CREATE DATABASE a")
    job = Job(pulih, work, source(server, "[a]"))
    job.config.write_text(job.config.read_text().replace("    target: hdd\n", "    target: hdd\n    limits: {timeout: 3s}\n"))
    with server.frozen():
        result = job.p.json("run", "website", "--trigger", "scheduled", code=1)
    assert result.error["code"] == "PL-2002" and record_of(job, result)["status"] == "failed"
    for pid in processes("pg_dump"):
        with contextlib.suppress(OSError):
            assert os.fsencode(job.p.state) not in Path(f"/proc/{pid}/environ").read_bytes(), "a client outlived the run"
