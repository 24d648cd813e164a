"""SQLite databases while they are in use."""
import os
import sqlite3
import subprocess
import sys
import time

import pytest

# One transaction moves an amount from one table to the other: the sum over both never changes. Some of it is in the journal.
WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60)
n = 0
while True:
    n += 1
    db.execute("UPDATE a SET amount = amount - ? WHERE id = ?", (n, n % 500))
    db.execute("INSERT INTO b VALUES (?, ?)", (n, n))
    db.commit()
"""

# Ends as by a power cut, with pages of a transaction in the log, or of one that is to be taken back in the journal.
BREAKS_OFF = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA cache_size = 1")
db.execute("UPDATE a SET amount = amount + 7")
db.executemany("INSERT INTO b VALUES (?, 0)", [(n,) for n in range(20000)])
if db.execute("PRAGMA journal_mode").fetchone() == ("wal",):
    db.commit()
os._exit(0)
"""


def make(path, mode):
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA journal_mode = {mode}")
    db.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, amount INTEGER)")
    db.execute("CREATE TABLE b (n INTEGER, amount INTEGER)")
    db.executemany("INSERT INTO a VALUES (?, 1000)", [(n,) for n in range(500)])
    db.commit()
    db.close()


def check(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    total = db.execute("SELECT (SELECT sum(amount) FROM a) + coalesce((SELECT sum(amount) FROM b), 0)").fetchone()[0]
    rows = db.execute("SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)").fetchone()[0]
    db.close()
    assert total == 500 * 1000
    return rows


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_database_in_use(pulih, source, work, mode):
    path = source / "court.db"
    make(path, mode)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path])
    summaries = []
    try:
        for _ in range(5):
            time.sleep(0.1)
            summaries.append(pulih.json("backup", "--sqlite", path, source).summary)
    finally:
        writer.kill()
        writer.wait()
    rows_before = 0
    for number, summary in enumerate(summaries):
        out = work / f"out-{number}"
        pulih.restore(out, summary["snapshot_id"])
        restored = pulih.restored(out, path)
        assert os.listdir(restored.parent) == ["court.db"], "the journal of the live database does not belong to the copy"
        rows = check(restored)
        assert rows >= rows_before and summary["databases"][0]["rows"] == rows
        rows_before = rows
    assert rows_before > 500


def test_database_that_is_not_there(pulih, source):
    result = pulih("backup", "--sqlite", source / "nothing.db", code=(1, 3))
    assert "PL-1306" in result.everything or "PL-1303" in result.everything
    assert not (source / "nothing.db").exists(), "looking must not make one"


def test_file_that_is_no_database(pulih, source):
    (source / "text.db").write_bytes(b"this is no database" * 1000)
    result = pulih("backup", "--sqlite", source / "text.db", code=(1, 3))
    assert "PL-1306" in result.everything


def test_damaged_database(pulih, source):
    path = source / "court.db"
    make(path, "DELETE")
    content = bytearray(path.read_bytes())
    content[4096:4196] = b"\xff" * 100  # the root page of table a
    path.write_bytes(content)
    result = pulih("backup", "--sqlite", path, code=(1, 3))
    assert "PL-1307" in result.everything or "PL-1306" in result.everything


@pytest.mark.parametrize("mode,suffix", [("WAL", "-wal"), ("DELETE", "-journal")])
def test_restored_over_a_database_that_broke_off(pulih, source, out, mode, suffix):
    """What the database that is replaced has left would be taken into the restored one: it is named, until it is gone."""
    path = source / "court.db"
    make(path, mode)
    pulih.backup("--sqlite", path)
    subprocess.run([sys.executable, "-c", BREAKS_OFF, path])
    left = source / f"court.db{suffix}"
    assert left.stat().st_size > 0
    for _ in range(2):
        result = pulih("restore", f"latest:{path}", "-t", source, code=3)
        assert "PL-1519" in result.everything and left.name in result.everything
    left.unlink()
    pulih("restore", f"latest:{path}", "-t", source, "--verify")
    assert check(path) == 500


def test_journals_that_are_restored_too(pulih, source):
    """A database that was saved with its log is restored with it."""
    path = source / "court.db"
    make(path, "WAL")
    subprocess.run([sys.executable, "-c", BREAKS_OFF, path])
    pulih.backup(source)
    saved = {name: (source / name).read_bytes() for name in os.listdir(source)}
    assert "court.db-wal" in saved
    for how in "always", "changed", "always":
        path.write_bytes(bytes(len(saved["court.db"])))
        pulih("restore", f"latest:{source}", "-t", source, "--overwrite", how, "--verify")
        assert {name: (source / name).read_bytes() for name in os.listdir(source)} == saved
    # Without it, or with another in its place, it is not the one that was saved.
    path.unlink()
    assert "PL-1519" in pulih("restore", f"latest:{source}", "-t", source, "--include", "*.db", code=3).everything
    path.unlink()
    assert "PL-1519" in pulih("restore", f"latest:{source}", "-t", source, "--overwrite", "never", code=3).everything
