"""A configured job from the command line: exit codes, records and their chain, reports, what cut-off and failing runs leave."""
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from conftest import needs_root
from pulih import SHIM, TOP

CONFIG = """\
office:
  name: Pengadilan Agama Ternate
  city: Ternate
  timezone: Asia/Jayapura
people:
  - {{id: admin, name: Contoh Admin, nip: "1", position: Admin Web, role: operator}}
  - {{id: kasubbag, name: Contoh Pemeriksa, position: Kasubbag, role: reviewer}}
targets:
  - {{name: hdd, url: {repo}, password_file: {password}}}
jobs:
  - name: website
    sop: {{number: AS/28, item: "2", output: ADK / Dokumen elektronik}}
    performer: admin
    reviewer: kasubbag
    sources:
{sources}
    target: hdd
"""


class Job:
    def __init__(self, pulih, work, *sources):
        self.p = pulih
        self.config = work / "pulih.yaml"
        for name in ("PULIH_REPOSITORY", "PULIH_PASSWORD_FILE"):
            self.p.environment.pop(name)
        self.p.environment["PULIH_CONFIG"] = str(self.config)
        self.write(*sources)

    def write(self, *sources):
        text = "\n".join(f"      - {source}" for source in sources)
        self.config.write_text(CONFIG.format(repo=self.p.repo, password=self.p.password_file, sources=text))

    def run(self, code=0, **options):
        return self.p.json("run", "website", code=code, **options)

    def reports(self):
        return self.p("report", "list", "--json").of_type("report")

    def ledger(self):
        """The ledger's own table, for reading and for breaking it."""
        connection = sqlite3.connect(self.p.state / "ledger.sqlite", isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    def original(self, run_id):
        with contextlib.closing(self.ledger()) as ledger:
            return json.loads(ledger.execute("SELECT original FROM record WHERE id = ?", (run_id,)).fetchone()[0])


@pytest.fixture
def job(pulih, work, small):
    return Job(pulih, work, f"files: {{paths: [{small}], exclude: [big]}}")


def compact(record):
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check(original):
    """The record's hash, after its signature was checked by another program's means."""
    digest = hashlib.sha256(compact(original["record"])).digest()
    if original["signature"]:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(original["public_key"])).verify(bytes.fromhex(original["signature"]), digest)
    return digest.hex()


def check_chain(job):
    reports = job.reports()
    previous = ""
    for number, report in enumerate(reports, 1):
        original = job.original(report["id"])
        assert original["record"]["number"] == number
        assert original["record"]["previous"] == previous
        previous = check(original)
        assert report["hash"] == previous
    return reports


def test_run_leaves_a_signed_record(job, out, small):
    result = job.run()
    record = result.of_type("record")[0]
    assert record["status"] == "success" and record["stored"]
    assert re.fullmatch(r"\d{8}t\d{6}-website-[0-9a-f]{4}", record["run_id"])
    (report,) = check_chain(job)
    assert (report["id"], report["job"], report["status"], report["review"]) == (record["run_id"], "website", "Berhasil", "belum")
    assert report["time"].endswith("+09:00")
    inner = job.original(report["id"])["record"]
    assert inner["snapshot"]["id"] == result.summary["snapshot_id"]
    assert inner["totals"]["files"] == result.summary["total_files_processed"]
    assert inner["trigger"] == "manual" and inner["sop"]["number"] == "AS/28"
    assert {c["name"]: c["good"] for c in inner["checks"]} == {"structure": True, "stored": True, "ledger": True}
    assert (job.p.repo / "records" / report["id"]).is_file()
    assert not list((job.p.state / "runs").glob("*.started"))
    job.p("restore", "latest", "-r", "hdd", "-t", out)
    assert not (job.p.restored(out, small) / "big").exists(), "excluded"


def test_signature_with_openssl(job, work):
    """What the report's reader is told: openssl alone is enough."""
    job.run()
    original = job.original(job.reports()[0]["id"])
    der = bytes.fromhex("302a300506032b6570032100" + original["public_key"])
    (work / "key.der").write_bytes(der)
    (work / "hash").write_bytes(hashlib.sha256(compact(original["record"])).digest())
    (work / "signature").write_bytes(bytes.fromhex(original["signature"]))
    subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", work / "key.der", "-rawin", "-in", work / "hash",
                    "-sigfile", work / "signature"], check=True, stdout=subprocess.DEVNULL)


def test_report_shows_and_exports(job, work):
    job.run()
    run_id = job.reports()[0]["id"]
    text = job.p("report", "show", run_id).text
    for words in ("LAPORAN PELAKSANAAN BACKUP", "Nomor SOP                : AS/28", "Status                   : Berhasil\n", "|Sesuai", "Contoh Pemeriksa"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 78
    job.p("report", "export", run_id, "-o", work / "a.txt")
    assert (work / "a.txt").read_text() == text
    job.p("report", "export", "latest", "--format", "json", "-o", work / "a.json")
    check(json.loads((work / "a.json").read_bytes()))
    job.p("report", "export", run_id, "-o", work / "a.txt", code=1)
    job.p("report", "show", "nothing-here", code=1)


def test_changed_record_is_refused(job):
    job.run()
    run_id = job.reports()[0]["id"]
    with contextlib.closing(job.ledger()) as ledger:
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            ledger.execute("UPDATE record SET job = 'other'")
        ledger.execute("DROP TRIGGER record_update")
        ledger.execute("UPDATE record SET original = CAST(replace(original, '\"files\"', '\"filez\"') AS BLOB)")
    job.p("report", "show", run_id, code=4)
    job.p("report", "list", code=4)


@needs_root
def test_unreadable_file_gives_notes(job, small):
    victim = small / "secret\nname"
    victim.write_text("x")
    victim.chmod(0)
    for path in (job.p.folder, *job.p.folder.rglob("*"), job.config):
        os.chown(path, 65534, 65534)
    job.run(code=3, user=65534)
    (report,) = check_chain(job)
    assert report["status"] == "Berhasil dengan catatan"
    problems = job.original(report["id"])["record"]["problems"]
    assert [p["kind"] for p in problems] == ["unreadable"] and problems[0]["path"].endswith("name")
    assert re.search(r"\| +1\|Tidak terbaca\|/", job.p("report", "show", "latest").text)


def test_failing_runs_leave_records(job, small):
    job.write(f"files: {{paths: [{small}/nothing-here]}}")
    job.run(code=1)
    job.write(f"files: {{paths: [{small}]}}")
    job.p.password_file.write_text("wrong\n")
    job.run(code=12)
    job.p.password_file.write_text("rahasia untuk uji\n")
    away = job.p.repo.rename(job.p.folder / "away")
    job.run(code=10)
    away.rename(job.p.repo)
    job.run()
    reports = check_chain(job)
    assert [r["status"] for r in reports] == ["Gagal", "Gagal", "Gagal", "Berhasil"]
    assert [r["signed"] for r in reports] == [True, False, False, True]
    assert {p.name for p in (job.p.repo / "records").iterdir()} == {r["id"] for r in reports}, "the next good run stores what was kept here"
    assert job.original(reports[1]["id"])["record"]["failure"]["code"] == "PL-1110"


def test_record_that_cannot_be_stored_is_kept(job):
    records = job.p.repo / "records"
    records.rmdir() if records.exists() else None
    records.write_text("in the way")
    result = job.run()
    assert not result.of_type("record")[0]["stored"]
    assert "PL-1905" in result.everything
    records.unlink()
    job.run()
    assert len(list(records.iterdir())) == 2
    check_chain(job)


def test_killed_run_gets_its_record(job, small):
    with open(small / "large", "wb") as file:
        for _ in range(150):
            file.write(os.urandom(1 << 20))
    process = job.p.start("run", "website")
    marker = job.p.state / "runs" / "website.started"
    deadline = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    busy = job.p("run", "website", code=11)
    assert str(process.pid) in busy.everything
    process.send_signal(signal.SIGKILL)
    process.communicate()
    lost = json.loads(marker.read_bytes())["id"]
    (small / "large").unlink()
    job.run()
    reports = check_chain(job)
    assert [(r["id"] == lost, r["status"]) for r in reports] == [(True, "Gagal"), (False, "Berhasil")]
    assert "PL-1906" in job.p("report", "show", lost).text


def test_a_note_of_a_run_that_the_disk_gives_no_more_stops_no_backup(job):
    marker = job.p.state / "runs" / "website.started"
    marker.parent.mkdir(parents=True)
    marker.write_text("from a run that was cut off")
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": marker, "PULIH_FAULT_OPS": "read", "PULIH_FAULT_ACTION": "eio", "PULIH_FAULT_AT": "1"}
    result = job.p("run", "website", env=fault)
    assert str(marker) in result.everything and not marker.exists()
    assert [report["status"] for report in job.reports()] == ["Berhasil"]


def test_all_runs_every_job(job, small):
    text = job.config.read_text()
    second = text[text.index("  - name: website"):].replace("website", "second").replace(str(small), f"{small}/nothing-here")
    job.config.write_text(text + second + second.replace("second", "third").replace("/nothing-here", ""))
    job.p("run", "--all", code=1)
    assert [(r["job"], r["status"]) for r in check_chain(job)] == [("website", "Berhasil"), ("second", "Gagal"), ("third", "Berhasil")]
    job.p("run", code=2)
    job.p("run", "--all", "website", code=2)
    assert "PL-1712" in job.p("run", "nobody", code=2).everything


def test_sqlite_in_use_is_of_one_moment(pulih, work, source):
    database = source / "content.db"
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE a(n); CREATE TABLE b(n); CREATE TABLE pad(x); INSERT INTO a VALUES(0);"
                             " INSERT INTO b VALUES(0); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<3000)"
                             " INSERT INTO pad SELECT randomblob(1000) FROM n;")
    connection.close()
    job = Job(pulih, work, f"files: {{paths: [{source}]}}", f"sqlite: {{path: {database}}}")
    stop = threading.Event()

    def write():
        writer = sqlite3.connect(database, isolation_level=None, timeout=30)
        while not stop.is_set():
            writer.executescript("BEGIN IMMEDIATE; UPDATE a SET n=n+1; INSERT INTO pad VALUES(randomblob(500)); UPDATE b SET n=n+1; COMMIT;")
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(3):
            job.run()
    finally:
        stop.set()
        thread.join()
    counts = []
    for number, snapshot in enumerate(job.p.json("snapshots").of_type("snapshot")):
        folder = work / f"restored{number}"
        job.p("restore", snapshot["id"], "-t", folder)
        copy = sqlite3.connect(job.p.restored(folder, database))
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        a, b = copy.execute("SELECT a.n, b.n FROM a, b").fetchone()
        assert a == b
        counts.append(a)
        copy.close()
    assert len(counts) == 3 and counts == sorted(counts) and counts[-1] > 0


# ---- what a record says of the place and of the time before ----

def newest(job):
    return job.original(job.reports()[-1]["id"])["record"]


def seconds(time):
    return datetime.fromisoformat(time["utc"].replace("Z", "+00:00")).timestamp()


@pytest.fixture
def labelled(work):
    """A disk with a name of its own."""
    image, mount = work / "disk.img", work / "media arsip"
    mount.mkdir()
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-L", "ARSIP 1", "-U", "01234567-89ab-cdef-0123-456789abcdef", image], check=True)
    loop = subprocess.run(["losetup", "--find", "--show", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if loop.returncode != 0:
        pytest.skip(f"no loop device here: {loop.stderr.decode().strip()}")
    device = loop.stdout.decode().strip()
    try:
        subprocess.run(["mount", device, mount], check=True)
        try:
            yield device, mount
        finally:
            subprocess.run(["umount", mount], check=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@needs_root
def test_record_names_the_medium(job, labelled):
    device, mount = labelled
    shutil.move(job.p.repo, mount / "pulih")
    job.config.write_text(job.config.read_text().replace(str(job.p.repo), f'"{mount}/pulih"'))
    job.run()
    medium = newest(job)["target"]["medium"]
    assert medium == {"device": device, "type": "ext4", "label": "ARSIP 1", "uuid": "01234567-89ab-cdef-0123-456789abcdef", "serial": ""}
    text = " ".join(job.p("report", "show", "latest").text.split())
    assert f"label ARSIP 1, UUID 01234567-89ab-cdef-0123-456789abcdef, sistem berkas ext4, perangkat {device}" in text


def test_record_of_a_medium_that_is_no_disk(job):
    """Where the file system is in memory, there is no label and no number, and the run is as good."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        shutil.move(job.p.repo, f"{folder}/pulih")
        job.config.write_text(job.config.read_text().replace(str(job.p.repo), f"{folder}/pulih"))
        job.run()
        medium = newest(job)["target"]["medium"]
        assert (medium["type"], medium["label"], medium["uuid"], medium["serial"]) == ("tmpfs", "", "", "")


@needs_root
def test_record_names_the_serial_number_of_the_disk(job):
    """As the system knows it; the folder of the test is on a disk of this machine."""
    device = subprocess.check_output(["findmnt", "-no", "MAJ:MIN", "-T", job.p.folder], text=True).strip()
    disk = Path(f"/sys/dev/block/{device}").resolve()
    disk = disk.parent if (disk / "partition").exists() else disk
    if not (disk / "serial").is_file() or not (disk / "serial").read_text().strip():
        pytest.skip("the disk below has no serial number")
    job.run()
    assert newest(job)["target"]["medium"]["serial"] == (disk / "serial").read_text().strip()


def test_record_has_the_recovery_point(job, small):
    job.run()
    first = newest(job)
    assert first["rpo"] is None
    assert "belum dapat dihitung" in job.p("report", "show", "latest").text
    time.sleep(1.1)
    job.run()
    second = newest(job)
    assert 0 <= seconds(second["rpo"]["previous"]) - seconds(first["started"]) <= 30
    assert 1000 <= second["rpo"]["reached_ms"] < 600_000
    # a run that fails lets it slip further, from the last good one
    shutil.rmtree(small)
    time.sleep(1.1)
    job.run(code=1)
    third = newest(job)
    assert third["snapshot"] is None and seconds(third["rpo"]["previous"]) >= seconds(second["started"])
    assert third["rpo"]["reached_ms"] >= 1000
    # nothing of it comes from this machine's memory
    job.p.forget_state()
    small.mkdir()
    (small / "file").write_text("x")
    job.run(code=4)  # its ledger is gone: the target knows more
    assert newest(job)["rpo"]["previous"] == third["rpo"]["previous"]


def test_record_has_the_age_of_what_was_not_read_again(job):
    job.run()
    first = newest(job)["unread"]
    assert first["packs"] == first["never_read_again"] == len(job.p.objects("packs")) and 0 <= first["age_ms"] < 600_000
    long_ago = time.time() - 10 * 86400
    for path in job.p.objects("packs"):
        os.utime(path, (long_ago, long_ago))
    job.run()
    old = newest(job)["unread"]
    assert abs(seconds(old["since"]) - long_ago) < 2 and 10 * 86400_000 <= old["age_ms"] < 11 * 86400_000
    assert "paling lama 10 hari" in job.p("report", "show", "latest").text
    job.p("verify", "-r", "hdd")
    job.run()
    now = newest(job)["unread"]
    assert now["age_ms"] < 86400_000 and now["never_read_again"] < old["never_read_again"]


def test_record_of_a_run_without_a_repository(job):
    shutil.move(job.p.repo, f"{job.p.repo}-away")
    job.run(code=10)
    record = newest(job)
    assert record["target"]["medium"] is None and record["rpo"] is None and record["unread"] is None
    assert "Gagal" in job.p("report", "show", "latest").text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_passphrase_that_others_can_read_or_change_is_refused_where_it_is_used(job, mode):
    job.p.password_file.chmod(mode)
    for command in (("run", "website"), ("snapshots", "-r", "hdd"), ("forget", "-r", "hdd", "--keep-last", "1")):
        result = job.p(*command, code=2)
        assert "PL-1709" in result.err.decode().splitlines()[-2], result
    assert job.original(job.reports()[-1]["id"])["record"]["failure"]["code"] == "PL-1709" and job.p.objects("snapshots") == []
    # whoever names it by hand is there to read a warning
    assert "PL-1812" in job.p("snapshots", "-p", job.p.password_file, "-r", job.p.repo).everything or mode == 0o622
    job.p.password_file.chmod(0o600)
    job.run()


# ---- configuration and sheet ----

def test_configuration_is_checked(job):
    assert job.p("config", "check", "--json").summary["jobs"] == 1
    assert "website" in job.p("config", "show").text
    job.config.write_text(job.config.read_text().replace("    target: hdd", "    tarqet: hdd"))
    for command in (("config", "check"), ("run", "website"), ("snapshots", "-r", "hdd")):
        text = job.p(*command, code=2).everything
        assert re.search(r"pulih\.yaml:\d+:5: .*tarqet.*allowed: ", text)
    job.p("config", "check", "-c", job.p.folder / "nothing", code=2)


SCHEDULES = [
    ('{every: hour, minute: 15}', "hour, minute 15", "setiap jam pada menit ke-15"),
    ('{every: hour, hours: 6, minute: 15}', "hour, minute 15, every 6", "setiap 6 jam sejak tengah malam, pada menit ke-15"),
    ('{every: week, weekday: sunday, at: "02:00"}', "week sunday 02:00", "setiap hari Minggu pukul 02.00"),
    ('{every: week, weekdays: [thursday, monday], at: "02:00", window: {from: "20:00", to: "05:00"}}',
     "week monday thursday 02:00, window 20:00-05:00", "setiap hari Senin dan Kamis pukul 02.00; hanya antara pukul 20.00 dan 05.00"),
    ('{every: month, day: 30, at: "03:00"}', "month, day 30, 03:00", "setiap tanggal 30 (atau hari terakhir bulan) pukul 03.00"),
    ('{cron: "15 1 * * 1-5"}', "cron 15 1 * * 1-5", "menurut ekspresi cron 15 1 * * 1-5"),
]


@pytest.mark.parametrize("schedule, recorded, words", SCHEDULES, ids=[words for _, _, words in SCHEDULES])
def test_schedule_stands_in_the_record_and_the_report(job, schedule, recorded, words):
    with job.config.open("a") as out:
        out.write(f"    schedule: {schedule}\n    drill: {schedule}\n")
    run_id = job.run().of_type("record")[0]["run_id"]
    assert job.original(run_id)["record"]["schedule"] == recorded
    assert f": {words}\n" in re.sub(r"\n {27}", " ", job.p("report", "show", "latest").text)


@pytest.mark.parametrize("schedule, column, words", [
    ('{cron: "15 1 * * 1-8"}', 34, 'field 5 (day of the week): "8"'),
    ('{every: day, at: "12:00", window: {from: "20:00", to: "05:00"}}', 49, "the planned time 12:00 is outside"),
])
def test_wrong_schedule_is_named_with_its_place(job, schedule, column, words):
    with job.config.open("a") as out:
        out.write(f"    schedule: {schedule}\n")
    line = len(job.config.read_text().splitlines())
    text = job.p("config", "check", code=2).everything
    assert f"pulih.yaml:{line}:{column}: " in text and words in text


def test_example_is_good_but_for_its_paths(job, work):
    text = (TOP / "conf" / "pulih.example.yaml").read_text()
    key = work / "backup.key"
    key.write_text("x")
    key.chmod(0o600)
    text = text.replace("/etc/pulih/backup.key", str(key)).replace("/etc/pulih/excludes", str(key))
    (work / "example.yaml").write_text(text)
    job.p("config", "check", "-c", work / "example.yaml")


def test_sheet_opens_the_repository(job, work):
    job.run()
    sheet = work / "sheet.pdf"
    shown = job.p("key", "sheet", "-o", sheet, "--made-by", "Contoh Admin")
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert re.search(rb"^Pages: +1$", subprocess.check_output(["pdfinfo", sheet]), re.M)
    subprocess.run(["pdftoppm", "-r", "110", "-png", "-singlefile", sheet, work / "sheet"], check=True)
    scanned = subprocess.check_output(["zbarimg", "-q", "--raw", work / "sheet.png"], stderr=subprocess.DEVNULL).decode().strip()
    mark, version, repository, code = scanned.split(":")
    assert (mark, version) == ("PULIH-RECOVERY", "1") and repository == json.loads((job.p.repo / "config").read_bytes())["id"]
    assert code not in shown.everything
    text = subprocess.check_output(["pdftotext", "-layout", sheet, "-"]).decode()
    for words in (code[:20], code[21:], "Pengadilan Agama Ternate", str(job.p.repo), "pulih restore latest", "BRANKAS", "SAFE"):
        assert words in text.replace("\n", " ") or words in text
    job.p.password_file.write_text(code + "\n")
    job.p("snapshots")
    job.p("key", "sheet", "-o", sheet, code=1)


def replace_ledger(job, content):
    for path in job.p.state.glob("ledger.sqlite*"):
        path.unlink()
    if content is None:
        (job.p.state / "ledger.sqlite").mkdir()
    else:
        (job.p.state / "ledger.sqlite").write_bytes(content)


@pytest.mark.parametrize("content", [b"{}", b"\0" * 100, b"x" * 10000, b"SQLite format 3\0" + b"\xff" * 8000, None],
                         ids=["other", "zeros", "long", "damaged", "folder"])
def test_a_ledger_that_cannot_be_read_stops_no_backup(job, content):
    job.run()
    first = job.reports()[0]["id"]
    replace_ledger(job, content)
    for _ in range(2):
        before = len(list((job.p.repo / "snapshots").iterdir()))
        result = job.run(code=1 if content is None else 4)
        assert "ledger.sqlite" in result.everything
        # The marker of the run without a record is still there.
        assert (job.p.state / "runs" / "website.started").exists()
        assert len(list((job.p.repo / "snapshots").iterdir())) == before + 1
    replace_ledger(job, b"") if content is not None else (job.p.state / "ledger.sqlite").rmdir()
    job.p("ledger", "rebuild", "-r", "hdd")
    job.run()
    reports = check_chain(job)
    assert [r["result"] for r in reports] == ["success", "failed", "success"] and reports[0]["id"] == first


def test_a_ledger_that_was_emptied_is_noticed(job):
    """Its runs lie on the target: a machine that knows nothing of them was rolled back, or somebody removed its ledger."""
    job.run()
    replace_ledger(job, b"")
    result = job.run(code=4)
    assert "PL-1912" in result.everything
    assert [r["result"] for r in job.reports()] == ["success_with_notes"]


def test_status_is_not_well_where_a_run_found_backups_lost(job):
    job.run()
    assert "all is well" in job.p("status").text
    job.p.objects("snapshots")[0].unlink()
    job.run(code=4)
    (need,) = job.p("status", "--json", code=1).of_type("needs")
    assert need["job"] == "website" and "ledger: 1 missing or unknown" in need["text"]
    job.p("ledger", "accept", "-r", "hdd", "--by", "kasubbag", "--note", "media lama hilang")
    job.run()
    assert "all is well" in job.p("status").text


def test_status_is_not_well_while_packs_are_damaged_or_were_lost(job, small):
    """Of a damaged pack verify knows until it is whole or gone; what is lost the next run stores again, and says so once."""
    (small / "noise").write_bytes(os.urandom(1 << 20))
    job.run()
    pack = max(job.p.objects("packs"), key=lambda path: path.stat().st_size)
    whole = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    access = {"PULIH_PASSWORD_FILE": job.p.password_file}
    job.p("verify", "-r", "hdd", code=4, env=access)
    (need,) = job.p("status", "--json", code=1).of_type("needs")
    assert "1 pack that verify found damaged" in need["text"]
    pack.write_bytes(whole)
    job.p("verify", "-r", "hdd", env=access)
    assert "all is well" in job.p("status").text
    pack.unlink()
    job.run()
    (need,) = job.p("status", "--json", code=1).of_type("needs")
    assert need["job"] == "website" and "earlier: packs" in need["text"]
    job.run()
    assert "all is well" in job.p("status").text


def test_ledger_has_the_times_of_the_office(job):
    job.run()
    (run,) = job.reports()
    assert run["time"][:19].replace("T", " ") in job.p("ledger", "verify").text


def test_a_lost_ledger_is_noticed_though_the_key_is_another(job, work):
    job.run()
    (run,) = job.reports()
    job.p("key", "issue-writer", "-r", job.p.repo, "-o", work / "new.key", env={"PULIH_PASSWORD_FILE": job.p.password_file})
    job.config.write_text(job.config.read_text().replace(f"password_file: {job.p.password_file}", f"key: {work / 'new.key'}"))
    job.p("ledger", "verify")
    replace_ledger(job, b"")
    found = job.p("ledger", "verify", "--json", code=4).of_type("finding")
    assert [(f["object"], f["code"]) for f in found] == [(f"records/{run['id']}", "PL-1912")]
    job.p("ledger", "rebuild", "-r", "hdd")
    job.p("ledger", "verify")


def test_a_copy_that_lacks_backups_is_told_of(job, work):
    """The repository was copied to another disk, and the copy was cut off: no run ever saw there what is missing."""
    job.run()
    (first,) = job.p.objects("snapshots")
    job.run()
    shutil.copytree(job.p.repo, work / "larger")
    (target,) = job.p("ledger", "verify", "-r", work / "larger", "--json", env={"PULIH_PASSWORD_FILE": job.p.password_file}).of_type("target")
    assert (target["elsewhere"], target["findings"]) == (0, 0)
    (work / "larger" / "snapshots" / first.name).unlink()
    result = job.p("ledger", "verify", "-r", work / "larger", "--json", env={"PULIH_PASSWORD_FILE": job.p.password_file})
    (target,) = result.of_type("target")
    assert (target["elsewhere"], target["findings"]) == (1, 0)
    text = job.p("ledger", "verify", "-r", work / "larger", env={"PULIH_PASSWORD_FILE": job.p.password_file}).text
    assert "1 snapshot made at another place" in text


def test_nothing_is_called_whole_where_nothing_was_looked_at(pulih, work):
    """As a user whose state folder is another, and who may not read the configuration."""
    environment = {"PULIH_STATE_DIR": work / "own", "PULIH_REPOSITORY": None}
    result = pulih("ledger", "verify", env=environment, code=1)
    assert "PL-1902" in result.everything and "nothing was verified" in result.everything and str(work / "own") in result.everything
    assert str(work / "own") in pulih("report", "list", env=environment).text


@pytest.mark.parametrize("bad, said", [("exclude: ['[']", "exclude[0]"), ("exclude: [x, a//b]", "exclude[1]"), ("exclude_if_present: [a/b]", "exclude_if_present[0]"),
                                       ("exclude_files: [{file}]", "exclude_files[0]")])
def test_config_check_knows_patterns_that_a_run_would_refuse(pulih, work, small, bad, said):
    (work / "patterns").write_text("good\n[z-a]\n")
    job = Job(pulih, work, f"files: {{{{paths: [{small}], {bad}}}}}".format(file=work / "patterns"))
    assert said in job.p("config", "check", code=2).everything


@pytest.mark.parametrize("make", [lambda text: "[" * 400000, lambda text: "{a: " * 200000, lambda text: "- " * 400000,
                                  lambda text: text + "  - &s {x: [" + ",".join(["/a"] * 9000) + "]}\n" + "  - *s\n" * 9000], ids=["lists", "mappings", "blocks", "aliases"])
def test_a_configuration_that_is_made_to_hang_is_refused(pulih, work, small, make):
    job = Job(pulih, work, f"files: {{paths: [{small}]}}")
    job.config.write_text(make(job.config.read_text()))
    error = job.p("config", "check", "--json", code=2, timeout=60).error
    assert error["code"] == "PL-1701" and str(job.config) in error["message"]


def test_another_repository_for_a_job_is_refused_not_ignored(pulih, work, small):
    job = Job(pulih, work, f"files: {{paths: [{small}]}}")
    assert "--repo" in job.p("run", "website", "-r", work / "elsewhere", code=2).everything
    job.run(env={"PULIH_REPOSITORY": str(work / "elsewhere")})
