"""Reviews: who may, what is bound, what stays, what waits."""
import contextlib
import hashlib
import json
import os
import pwd
import re
import subprocess
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conftest import needs_root
from test_run import Job, check, check_chain, compact

PEOPLE = """\
  - {id: admin, name: Contoh Admin, nip: "1", position: Admin Web, role: operator, login: daemon}
  - {id: kasubbag, name: Contoh Pemeriksa, position: Kasubbag, role: reviewer}
  - {id: sekretaris, name: Contoh Sekretaris, position: Sekretaris, role: head, login: nobody}
"""


@pytest.fixture
def job(pulih, work, small):
    made = Job(pulih, work, f"files: {{paths: [{small}], exclude: [big]}}")
    text = made.config.read_text()
    start, end = text.index("  - {id: admin"), text.index("targets:")
    made.config.write_text(text[:start] + PEOPLE + text[end:])
    return made


def approve(job, *arguments, note="Lengkap", **options):
    return job.p("review", "approve", "--json", *(arguments or ("latest",)), "--note", note, **options)


def send_back(job, *arguments, note="Basis data tidak ikut", **options):
    return job.p("review", "return", "--json", *(arguments or ("latest",)), "--note", note, **options)


def stored(job):
    return {path.name for path in (job.p.repo / "records").iterdir()}


def everything(job):
    """Every record of the ledger, in order: (kind, id, inner, hash)."""
    ledger = job.ledger()
    rows = [json.loads(row["original"]) for row in ledger.execute("SELECT original FROM record ORDER BY number")]
    ledger.close()
    previous, records = "", []
    for number, original in enumerate(rows, 1):
        inner = original["record"]
        assert inner["number"] == number and inner["previous"] == previous
        previous = check(original)
        records.append((inner["kind"], inner["id"], inner, previous))
    return records


def test_approved_report(job):
    job.run()
    (before,) = check_chain(job)
    review = approve(job).of_type("review")[0]
    assert (review["run_id"], review["review"], review["review_result"]) == (before["id"], "Disetujui", "approved")
    assert review["reviewer"] == "kasubbag" and review["warning"] == "" and review["stored"]
    (after,) = job.reports()
    assert (after["review"], after["review_result"], after["reviews"]) == ("Disetujui", "approved", 1)
    assert {k: after[k] for k in ("id", "hash", "number")} == {k: before[k] for k in ("id", "hash", "number")}
    (_, run, _, run_hash), (kind, review_id, inner, _) = everything(job)
    assert kind == "review" and review_id == review["id"] and inner["about"] == {"id": run, "number": 1, "hash": run_hash}
    assert inner["note"] == "Lengkap" and inner["reviewer"]["id"] == "kasubbag" and inner["follow_up"] is None
    assert stored(job) == {run, review_id}
    text = job.p("report", "show", run).text
    for words in ("Pemeriksaan              : Disetujui\n", "Contoh Pemeriksa, Kasubbag", "Catatan pemeriksa        : Lengkap"):
        assert words in text
    assert not re.search(r"Pemeriksaan +: belum", text)
    shown = job.p("report", "show", "latest", "--json").of_type("report")[0]
    assert shown["review_result"] == "approved" and [r["note"] for r in shown["reviews"]] == ["Lengkap"]
    own = job.p("report", "show", review_id).text
    assert "CATATAN PEMERIKSAAN LAPORAN" in own and run in own and max(map(len, own.splitlines())) <= 78
    job.p("ledger", "verify")


def test_notes_and_follow_up(job):
    job.run()
    result = approve(job, "latest", "--notes", "--follow-up", "Perbaiki izin", "--owner", "admin", "--until", "2099-12-01", note="Dua berkas")
    assert result.of_type("review")[0]["review"] == "Disetujui dengan catatan"
    inner = everything(job)[1][2]
    assert inner["status"] == "approved_with_notes"
    assert (inner["follow_up"]["text"], inner["follow_up"]["owner"]["id"], inner["follow_up"]["until"]) == ("Perbaiki izin", "admin", "2099-12-01")
    assert "Perbaiki izin (Contoh Admin, tenggat 2099-12-01)" in " ".join(job.p("report", "show", "latest").text.split())


def test_again_only_after_a_return_or_with_a_new_note(job):
    job.run()
    send_back(job)
    assert job.reports()[0]["review"] == "Dikembalikan"
    approve(job, note="Sudah ikut")
    assert "PL-1916" in approve(job, note="Sudah ikut", code=1).everything
    assert "PL-1916" in send_back(job, note="Sudah ikut", code=1).everything
    approve(job, note="Dilihat sekali lagi")
    send_back(job, note="Ternyata belum")
    send_back(job, note="Ternyata belum")
    assert [r[2]["status"] for r in everything(job)] == ["success", "returned", "approved", "approved", "returned", "returned"]
    (report,) = job.reports()
    assert (report["review_result"], report["reviews"]) == ("returned", 5)
    text = job.p("report", "show", "latest").text
    assert text.count("Catatan pemeriksa") == 6, "every review stays, and there is room for the next"


def test_nobody_reviews_their_own_run(job):
    job.run()
    assert "operator" in approve(job, "latest", "--by", "admin", code=13).everything
    # the performer of the run with a role that may review others: the job has another performer now
    text = job.config.read_text().replace("Admin Web, role: operator", "Admin Web, role: reviewer")
    job.config.write_text(text.replace("performer: admin", "performer: kasubbag").replace("reviewer: kasubbag", "reviewer: admin"))
    assert "performed the run" in approve(job, "latest", "--by", "admin", code=13).everything
    assert "performed the run" in approve(job, code=13).everything
    assert [r[0] for r in everything(job)] == ["run"]
    approve(job, "latest", "--by", "sekretaris")
    assert [r[0] for r in everything(job)] == ["run", "review"]


@needs_root
def test_each_under_their_own_unix_user(job):
    job.run()
    nobody, daemon = pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("daemon").pw_uid
    # root may, and the record says so
    review = approve(job, "latest", "--by", "sekretaris", note="a").of_type("review")[0]
    assert "root acted as sekretaris" in review["warning"]
    inner = everything(job)[1][2]
    assert inner["warning"] == review["warning"] and inner["login"] == {"user": "root", "through": ""}
    assert review["warning"] in " ".join(job.p("report", "show", "latest").text.split())
    # through sudo: the right person, another person, the performer
    review = approve(job, "latest", "--by", "sekretaris", note="b", env={"SUDO_UID": nobody}).of_type("review")[0]
    assert review["warning"] == "" and everything(job)[2][2]["login"] == {"user": "root", "through": "nobody"}
    review = approve(job, "latest", "--by", "sekretaris", note="c", env={"SUDO_UID": pwd.getpwnam("bin").pw_uid}).of_type("review")[0]
    assert "called by bin through sudo" in review["warning"]
    for person in ("sekretaris", "kasubbag"):
        assert "PL-1915" in approve(job, "latest", "--by", person, note="d", env={"SUDO_UID": daemon}, code=13).everything
    # not root
    for path in (job.p.folder, *job.p.folder.rglob("*"), job.config):
        os.chown(path, nobody, nobody)
    assert approve(job, "latest", "--by", "sekretaris", note="e", user=nobody).of_type("review")[0]["warning"] == ""
    for path in (job.p.folder, *job.p.folder.rglob("*"), job.config):
        os.chown(path, daemon, daemon)
    assert "only the Unix user nobody acts as sekretaris" in approve(job, "latest", "--by", "sekretaris", note="f", user=daemon, code=13).everything
    assert len(everything(job)) == 5
    # kasubbag has no Unix user of their own: whoever can read the keys may
    bin_user = pwd.getpwnam("bin").pw_uid
    for path in (job.p.folder, *job.p.folder.rglob("*"), job.config):
        os.chown(path, bin_user, bin_user)
    approve(job, note="g", user=bin_user)


@needs_root
def test_who_ran_it_by_hand_does_not_review_it(job):
    nobody, bin_user = pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("bin").pw_uid
    job.run(env={"SUDO_UID": nobody})
    assert everything(job)[0][2]["login"] == {"user": "root", "through": "nobody"}
    assert "Dijalankan pengguna : root (sudo: nobody)" in " ".join(job.p("report", "show", "latest").text.split())
    # sekretaris is nobody; whoever they say that they are, and whoever types it
    for person, typing in (("sekretaris", nobody), ("kasubbag", nobody), ("sekretaris", bin_user), ("sekretaris", 0)):
        assert "PL-1915" in approve(job, "latest", "--by", person, env={"SUDO_UID": typing}, code=13).everything
    approve(job, env={"SUDO_UID": bin_user})
    assert "Diketik pengguna : root (sudo: bin)" in " ".join(job.p("report", "show", "latest").text.split())
    job.run(env={"SUDO_UID": bin_user})
    approve(job, "latest", "--by", "sekretaris", env={"SUDO_UID": nobody})


def test_mistakes_are_refused(job):
    assert "PL-1902" in approve(job, code=1).everything
    job.run()
    job.p("review", "approve", "latest", code=2)
    job.p("review", "approve", "latest", "--note", " ", code=2)
    job.p("review", "approve", "--note", "x", code=2)
    approve(job, "latest", "--by", "siapa", code=2)
    approve(job, "nothing-here", code=1)
    approve(job, "latest", "--follow-up", "x", code=2)
    approve(job, "latest", "--follow-up", "x", "--owner", "siapa", "--until", "2099-01-01", code=2)
    for date in ("2020-01-01", "2099-02-30", "besok", "2099-1-1", "2099-01-01x"):
        assert "--until" in approve(job, "latest", "--follow-up", "x", "--owner", "admin", "--until", date, code=2).everything
    job.p("review", "return", "latest", "--notes", "--note", "x", code=2)
    approve(job)
    review_id = everything(job)[1][1]
    assert "is no run" in approve(job, review_id, note="y", code=1).everything
    assert len(everything(job)) == 2


def test_without_a_key_there_is_no_review(job):
    job.run()
    away = job.p.repo.rename(job.p.folder / "away")
    approve(job, code=10)
    away.rename(job.p.repo)
    job.p.password_file.write_text("wrong\n")
    approve(job, code=12)
    assert len(everything(job)) == 1


def test_review_that_the_target_does_not_take_is_sent_later(job):
    job.run()
    records = job.p.repo / "records"
    kept = records.rename(job.p.folder / "records-kept")
    records.write_text("in the way")
    review = approve(job)
    assert not review.of_type("review")[0]["stored"] and "PL-1905" in review.everything
    records.unlink()
    kept.rename(records)
    job.run()
    assert stored(job) == {r[1] for r in everything(job)}


def test_what_waits(job):
    assert job.p("review", "list", "--json").summary == {"message_type": "summary", "waiting": 0, "overdue": 0}
    job.run()
    job.run()
    first, second = [r["id"] for r in job.reports()]
    waiting = job.p("review", "list", "--json").of_type("waiting")
    assert [(w["id"], w["state"], w["who"], w["days"], w["overdue"]) for w in waiting] == [
        (first, "waiting", "Contoh Pemeriksa", 0, False), (second, "waiting", "Contoh Pemeriksa", 0, False)]
    send_back(job, first)
    approve(job, second)
    (waiting,) = job.p("review", "list", "--json").of_type("waiting")
    assert (waiting["id"], waiting["state"], waiting["who"]) == (first, "returned", "Contoh Admin")
    assert job.p("review", "list", "--overdue", "--json").summary == {"message_type": "summary", "waiting": 0, "overdue": 0}
    assert first in job.p("review", "list").text


def test_another_id_makes_no_other_person(job):
    job.run()
    run_id = job.reports()[0]["id"]
    text = job.config.read_text().replace("id: admin,", "id: other,").replace("performer: admin", "performer: other")
    job.config.write_text(text.replace("Admin Web, role: operator", "Admin Web, role: reviewer"))
    assert "performed the run" in approve(job, run_id, "--by", "other", code=13).everything
    approve(job, run_id)


# ---- what nobody with a key wrote ----


def forge(job, inner, key=None):
    """Adds a record behind the last one with sqlite3 alone, as whoever may write the file can; `key`: one that nobody knows."""
    original = {"record": inner, "writer": "", "public_key": "", "signature": ""}
    with contextlib.closing(job.ledger()) as ledger:
        number, previous = ledger.execute("SELECT number, hash FROM record ORDER BY number DESC LIMIT 1").fetchone()
        inner.update(number=number + 1, previous=previous.hex())
        digest = hashlib.sha256(compact(inner)).digest()
        if key:
            public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            original.update(writer="00" * 16, public_key=public.hex(), signature=key.sign(digest).hex())
        repository = (inner["repository"] or {}).get("id")
        moment = int(datetime.fromisoformat((inner.get("time") or inner["started"])["utc"].replace("Z", "+00:00")).timestamp()) * 10**9
        row = (number + 1, inner["id"], inner["kind"], inner["job"], inner.get("about", {}).get("id", ""), inner["status"], moment)
        row += (repository and bytes.fromhex(repository), None, previous, digest, compact(original) + b"\n")
        ledger.execute(f"INSERT INTO record VALUES ({', '.join('?' * 12)})", row)


def forged_review(job):
    (report,) = job.reports()
    run = job.original(report["id"])["record"]
    about = {"id": report["id"], "number": run["number"], "hash": report["hash"]}
    login = {"user": "kasubbag", "through": ""}
    return {"format": 1, "kind": "review", "id": "20261123t000000-website-review-abcd", "job": "website", "status": "approved",
            "office": run["office"], "time": run["ended"], "host": run["host"], "tool": run["tool"], "repository": None, "about": about,
            "reviewer": run["reviewer"], "role": "reviewer", "note": "Lengkap", "follow_up": None, "login": login, "warning": ""}


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed by nobody"])
def test_review_without_a_key(job, signed):
    job.run()
    forge(job, forged_review(job), Ed25519PrivateKey.generate() if signed else None)
    listed = job.p("report", "list", "--json", code=4)
    assert [report["review_result"] for report in listed.of_type("report")] == ["pending"]
    found = job.p("ledger", "verify", "--json", code=4).of_type("finding")
    assert [finding["object"] for finding in found] == ["record 2"]
    # The next backup is made, and its record gets to the target.
    assert job.run().of_type("record")[0]["stored"]
    assert len(job.p.objects("snapshots")) == 2
    assert "20261123t000000-website-review-abcd" not in stored(job)


def test_review_with_the_key_of_an_unknown_repository(job):
    job.run()
    review = forged_review(job)
    repository = job.original(review["about"]["id"])["record"]["repository"]
    forge(job, {**review, "repository": {**repository, "id": "ab" * 16}}, Ed25519PrivateKey.generate())
    verified = job.p("ledger", "verify", "--json", code=4)
    assert [(finding["object"], finding["code"]) for finding in verified.of_type("finding")] == [("record 2", "PL-1109")]
    assert verified.of_type("unchecked")[0]["records"] == 1


def test_good_run_without_a_key(job):
    job.run()
    (report,) = job.reports()
    run = {**job.original(report["id"])["record"], "id": "20261123t000000-website-abcd", "repository": None, "snapshot": None}
    forge(job, run)
    found = job.p("ledger", "verify", "--json", code=4).of_type("finding")
    assert [finding["object"] for finding in found] == ["record 2"]


def test_forget_record_of_a_stranger_explains_nothing(job):
    job.run()
    (report,) = job.reports()
    run = job.original(report["id"])["record"]
    inner = {"format": 1, "kind": "forget", "id": "20261123t000000-website-forget-abcd", "job": "website", "status": "done",
             "office": run["office"], "time": run["ended"], "host": run["host"], "tool": run["tool"], "repository": run["repository"],
             "target": {"name": "hdd", "url": str(job.p.repo)}, "reason": "keep last 1", "snapshots": [{"id": run["snapshot"]["id"]}]}
    forge(job, inner, Ed25519PrivateKey.generate())
    (snapshot,) = job.p.objects("snapshots")
    snapshot.unlink()
    assert job.run(code=4).of_type("record")[0]["status"] == "success_with_notes"
    found = job.p("ledger", "verify", "--json", code=4).of_type("finding")
    assert "record 2" in [finding["object"] for finding in found]
    assert f"snapshots/{run['snapshot']['id']}" in [finding["object"] for finding in found]


@pytest.mark.parametrize("same", ["name: 'contoh  ADMIN'", "name: Lain Sama Sekali, nip: ' 1 '"])
def test_performer_under_another_description(job, same):
    job.run()
    text = job.config.read_text()
    job.config.write_text(text.replace("targets:", f"  - {{id: other, {same}, position: Kasubbag, role: reviewer}}\ntargets:", 1))
    assert "performed the run" in approve(job, "latest", "--by", "other", code=13).error["message"]
    job.config.write_text(job.config.read_text().replace("reviewer: kasubbag", "reviewer: other"))
    refused = job.p("config", "check", "--json", code=2).error
    assert "under another id" in refused["message"]


def test_what_was_sent_back_needs_something(job):
    job.run()
    assert "Tidak diperlukan." in job.p("report", "show", "latest").text
    send_back(job)
    assert "Tidak diperlukan." not in job.p("report", "show", "latest").text
    approve(job, note="Sudah ikut")
    assert "Tidak diperlukan." in job.p("report", "show", "latest").text


def test_papers_show_what_was_asked_for(job):
    job.run()
    asked = ("--follow-up", "Perbaiki izin", "--owner", "admin", "--until", "2099-12-01")
    send_back(job, "latest", *asked)
    text = job.p("report", "show", "latest").text
    block = text[text.index("TINDAK LANJUT"):text.index("PEMERIKSAAN DAN TANDA")]
    assert all(word in block for word in ("Perbaiki izin", "Contoh Admin", "2099-12-01")), block
    assert "Tidak diperlukan" not in block
    recap = job.p("report", "recap").text
    findings = recap[recap.index("TEMUAN"):recap.index("TANDA TANGAN")]
    assert re.search(r"website *\|Berhasil *\|Dikembalikan *\|", findings), findings


@needs_root
def test_many_long_names_leave_a_record(job, work):
    """Names of 255 bytes that are no text, in folders as deep as there may be: what can be named of them is."""
    deep = os.fsencode(work) + b"/long" + (b"/" + b"\xff" * 250) * 14
    os.makedirs(deep)
    for i in range(3000):
        path = deep + b"/" + b"\xff" * 200 + b"%05d" % i
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0))
    (work / "long" / "good").write_text("terbaca")
    job.write(f"files: {{paths: [{work}/long]}}")
    subprocess.run(["chown", "-R", "65534:65534", work], check=True)
    subprocess.run(["chmod", "755", work], check=True)
    job.p("run", "-q", "website", code=3, user=65534)
    assert len(stored(job)) == 1
    with contextlib.closing(job.ledger()) as ledger:
        original = json.loads(ledger.execute("SELECT original FROM record").fetchone()[0])["record"]
    assert original["status"] == "success_with_notes" and original["problems_omitted"] > 0
    assert len(original["problems"]) + original["problems_omitted"] == 3000
