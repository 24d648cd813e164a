"""Packs that the target lost: the next backup stores again what it needs of them, and what it publishes can be restored."""
import os
import random
import shutil
import time

import pytest

from compare import assert_same
from pulih import SHIM

DATA, METADATA = 1, 2
TYPE_AT = 11  # of a pack's header


def packs(pulih, kind):
    """The packs of that type, the largest first."""
    found = [path for path in pulih.objects("packs") if path.stat().st_size > TYPE_AT and path.read_bytes()[TYPE_AT] == kind]
    return sorted(found, key=lambda path: -path.stat().st_size)


def lose(path, how="removed"):
    content = path.read_bytes()
    path.unlink()
    if how != "removed":
        path.write_bytes({"emptied": b"", "cut": content[:len(content) * 2 // 3], "longer": content + b"\0" * 16}[how])


def must_restore(pulih, source, out, snapshot="latest"):
    pulih.restore(out, snapshot, "--verify")
    assert_same(source, pulih.restored(out, source))
    shutil.rmtree(out)


def warnings(result):
    return [message["message"] for message in result.of_type("warning") if message["code"] == "PL-1406"]


@pytest.fixture
def stored(pulih, source):
    """Two runs, so that there are several packs of each type; at last nothing was changed for a while, so files count as unchanged."""
    rng = random.Random(7)
    (source / "folder").mkdir()
    for number in range(40):
        (source / "folder" / f"file {number}").write_bytes(rng.randbytes(rng.randrange(1, 30_000)))
    (source / "big").write_bytes(rng.randbytes(5 << 20))
    pulih.backup(source)
    (source / "folder" / "later").write_bytes(rng.randbytes(2 << 20))
    time.sleep(0.05)
    pulih.backup(source)
    assert pulih.backup(source)["bytes_read"] == 0
    return pulih


@pytest.mark.parametrize("how", ["removed", "emptied", "cut", "longer"])
@pytest.mark.parametrize("kind", [DATA, METADATA], ids=["data", "metadata"])
def test_pack_is_stored_again(stored, source, out, kind, how):
    lost = packs(stored, kind)[0]
    older = stored.snapshots()[-1]["id"]
    lose(lost, how)
    result = stored.json("backup", source)
    named = warnings(result)
    assert len(named) == 2 and lost.name in named[0] and "pulih verify" in named[1], str(result)
    assert result.summary["packs_lost"] == 1
    assert [(check["name"], check["good"]) for check in result.summary["verification"]] == [("structure", True), ("stored", True), ("earlier", False)]
    must_restore(stored, source, out)
    if kind == DATA:
        # Nothing of the source had changed, so the one before is whole again as well.
        must_restore(stored, source, out, older)
    # The other files were not opened.
    assert (0 < result.summary["bytes_read"] < result.summary["total_bytes_processed"]) == (kind == DATA)
    assert result.summary["files_unmodified"] == result.summary["total_files_processed"]
    found = stored.json("verify", code=4)
    assert [finding["object"] for finding in found.of_type("finding")] == [f"packs/{lost.parent.name}/{lost.name}"]


def test_nothing_is_said_once_all_is_stored_again(stored, source, out):
    """A lost copy of what stands elsewhere harms nobody; verify still names it."""
    lost = packs(stored, DATA)[0]
    content = lost.read_bytes()
    lose(lost)
    assert warnings(stored.json("backup", source))
    again = stored.json("backup", source)
    assert not warnings(again) and again.summary["packs_lost"] == 0 and again.summary["bytes_read"] == 0
    assert [check["good"] for check in again.summary["verification"]] == [True, True]
    (finding,) = stored.json("verify", code=4).of_type("finding")
    assert finding["object"].endswith(lost.name) and finding["touches"] == "no snapshot"
    for snapshot in stored.snapshots()[1:]:
        must_restore(stored, source, out, snapshot["id"])
    lost.write_bytes(content)
    stored("verify", "--tier", "content")


def test_either_copy_will_do(stored, source, out):
    """Of what stands in two packs, one is whole: whichever it is, everything reads it."""
    first = packs(stored, DATA)[0]
    content = first.read_bytes()
    lose(first)
    before = set(stored.objects("packs"))
    stored.backup(source)
    second = next(path for path in packs(stored, DATA) if path not in before)
    for path, how in ((first, "put back"), (second, "removed"), (second, "flipped"), (first, "flipped")):
        first.write_bytes(content)
        if how == "put back":
            second_content = second.read_bytes()
        else:
            second.write_bytes(second_content)
        if how == "removed":
            path.unlink()
        elif how == "flipped":
            damaged = bytearray(path.read_bytes())
            for offset in range(200, len(damaged), 5000):
                damaged[offset] ^= 1
            path.write_bytes(damaged)
        must_restore(stored, source, out)
        assert stored("cat", f"latest:{source}/big").out == (source / "big").read_bytes()
        result = stored("verify", "--tier", "content", code=0 if how == "put back" else 4)
        assert how == "put back" or (path.name in result.everything and "touches no snapshot" in result.everything), result


def test_all_packs_lost(stored, source, out):
    lost = stored.objects("packs")
    shutil.rmtree(stored.repo / "packs")
    result = stored.json("backup", source)
    assert result.summary["packs_lost"] == len(lost)
    assert all(any(path.name in text for text in warnings(result)) for path in lost)
    must_restore(stored, source, out)
    assert stored.backup(source)["bytes_read"] == 0
    must_restore(stored, source, out)


def test_thousands_are_not_all_named(pulih, source, out):
    for number in range(13):
        (source / "file").write_bytes(os.urandom(1000))
        pulih.backup(source)
    shutil.rmtree(pulih.repo / "packs")
    result = pulih.json("backup", source)
    assert result.summary["packs_lost"] >= 26 and len(warnings(result)) == 11 and str(result.summary["packs_lost"]) in warnings(result)[-1]
    must_restore(pulih, source, out)


def test_long_file_whose_list_is_lost(pulih, source, out):
    """The list of chunks of a long file is a chunk of its own, in a metadata pack."""
    (source / "long").write_bytes(os.urandom(100 << 20).hex().encode())
    time.sleep(0.05)
    pulih.backup(source)
    assert pulih.backup(source)["bytes_read"] == 0
    (lists,) = [path for path in packs(pulih, METADATA) if b'"list"' in pulih("cat", "pack", path.name, "--json").out]
    lose(lists)
    assert pulih.backup(source)["bytes_read"] == 200 << 20
    must_restore(pulih, source, out)


def test_backup_key(stored, source, out):
    """A key that can read nothing stores again all the same."""
    key = stored.folder / "backup.key"
    stored("key", "issue-writer", "-o", key)
    for kind in (DATA, METADATA):
        lose(packs(stored, kind)[0])
        result = stored.json("backup", "--key-file", key, source, env={"PULIH_PASSWORD_FILE": None})
        assert warnings(result)
        must_restore(stored, source, out)


def test_dry_run_names_and_stores_nothing(stored, source, out):
    lost = packs(stored, DATA)[0]
    lose(lost)
    before = [stored.objects(kind) for kind in ("packs", "index", "snapshots")]
    result = stored.json("backup", "-n", source)
    assert lost.name in warnings(result)[0] and result.summary["data_added"] > 0
    assert [stored.objects(kind) for kind in ("packs", "index", "snapshots")] == before
    stored.backup(source)
    must_restore(stored, source, out)


def test_file_that_is_gone_from_the_source(stored, source, out):
    """What the source no longer has cannot be stored again: the new snapshot is whole, the older ones are not, and both is said, every time."""
    older = stored.snapshots()[-1]["id"]
    for lost in packs(stored, DATA):
        lose(lost)
    (source / "big").unlink()
    for _ in range(2):
        assert warnings(stored.json("backup", source))
        must_restore(stored, source, out)
    result = stored.restore(out, older, code=4)
    assert "big" in result.everything
    result = stored("verify", code=4)
    assert "3 snapshots, 1 file" in result.everything and "big" in result.everything, result


def test_file_that_cannot_be_read_any_more(stored, source, out):
    """Unchanged, but it would have to be read again: that is no whole backup."""
    for lost in packs(stored, DATA):
        lose(lost)
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": source / "big", "PULIH_FAULT_OPS": "pread", "PULIH_FAULT_AT": "1", "PULIH_FAULT_ACTION": "dead"}
    result = stored.json("backup", source, env=fault, code=3)
    (problem,) = result.of_type("problem")
    assert problem["path"].endswith("/big")
    stored.backup(source)
    must_restore(stored, source, out)


@pytest.mark.parametrize("how, code", [("rm", "PL-1219"), ("truncate -s 1000", "PL-1214")], ids=["removed", "cut"])
def test_pack_lost_while_the_backup_runs(stored, source, out, how, code):
    """It was there at the start: nothing is published, and the next backup heals it."""
    later = source / "folder" / "later"
    before = stored.objects("snapshots")
    lost = packs(stored, DATA)
    result = stored("backup", "--stdin-from-command", "--", "sh", "-c", f"cat '{later}'; {how} {' '.join(map(str, lost))}", code=4)
    assert code in result.everything and any(path.name in result.everything for path in lost)
    assert stored.objects("snapshots") == before
    assert len(warnings(stored.json("backup", "--stdin-from-command", "--", "cat", later))) == len(lost) + 1
    assert stored("cat", "latest:/stdin").out == later.read_bytes()
    stored.backup(source)
    must_restore(stored, source, out)


@pytest.mark.parametrize("at", [1, 4, 8, 12, 16, 20, 24])
@pytest.mark.parametrize("action", ["kill", "full"])
def test_interrupted_while_it_heals(stored, source, out, at, action):
    """Packs are lost, the backup that stores them again is cut off at some write, the one after it goes on from there."""
    lose(packs(stored, DATA)[0])
    lose(packs(stored, METADATA)[0], "cut")
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": stored.repo, "PULIH_FAULT_OPS": "write", "PULIH_FAULT_AT": str(at), "PULIH_FAULT_ACTION": action}
    stored("backup", source, env=fault, code=None)
    stored.backup(source)
    must_restore(stored, source, out)
    assert stored.backup(source)["bytes_read"] == 0
    must_restore(stored, source, out)


def test_pack_of_an_interrupted_run_is_lost(stored, source, out):
    """What an interrupted run stored is taken over only where it is still there."""
    lost = packs(stored, DATA)[0]
    lose(lost)
    before = set(stored.objects("packs"))
    # The first name that an index object would get is never given: its packs are durable by then.
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": stored.repo / "index", "PULIH_FAULT_OPS": "write", "PULIH_FAULT_AT": "1",
             "PULIH_FAULT_ACTION": "kill"}
    stored("backup", source, env=fault, code=-9)
    adopted = sorted(set(stored.objects("packs")) - before, key=lambda path: -path.stat().st_size)
    assert len(adopted) >= 1
    lose(adopted[0])
    summary = stored.backup(source)
    assert summary["packs_resumed"] == len(adopted) - 1 and summary["data_added"] > 5 << 20
    must_restore(stored, source, out)


def test_run_that_was_cut_off_is_resumed(stored, source, out):
    lose(packs(stored, DATA)[0])
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": stored.repo / "index", "PULIH_FAULT_OPS": "write", "PULIH_FAULT_AT": "1",
             "PULIH_FAULT_ACTION": "kill"}
    stored("backup", source, env=fault, code=-9)
    summary = stored.backup(source)
    assert summary["packs_resumed"] > 0 and summary["data_added"] < 1 << 20
    must_restore(stored, source, out)


def flip(path):
    """Gives back what it was."""
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    return whole


def memory(pulih):
    return list(pulih.state.glob("*/bad-*"))


def bad_named(result):
    return [message["message"] for message in result.of_type("warning") if message["code"] == "PL-1407"]


@pytest.mark.parametrize("kind", [DATA, METADATA], ids=["data", "metadata"])
@pytest.mark.parametrize("tier", ["stored", "content"])
def test_a_pack_that_verify_found_damaged_is_not_relied_on(stored, source, out, kind, tier):
    """Its size is right: no listing shows it."""
    bad = packs(stored, kind)[0]
    whole = flip(bad)
    stored("verify", "--tier", tier, code=4)
    (told,) = bad_named(stored.json("backup", source))
    assert bad.name in told
    must_restore(stored, source, out)
    stored("verify", "--tier", tier, code=4)
    # put right, and read again: it counts as before
    bad.write_bytes(whole)
    stored("verify", "--tier", tier)
    assert not memory(stored)
    assert not stored.json("backup", source).of_type("warning")


def test_structure_reads_lists_of_files_and_remembers_too(stored, source, out):
    bad = packs(stored, METADATA)[0]
    flip(bad)
    stored("verify", "--tier", "structure", code=4)
    assert bad_named(stored.json("backup", source))
    must_restore(stored, source, out)


def test_every_damaged_copy_is_remembered(stored, source, out):
    """The second copy of a list is no help once it is damaged too."""
    first = packs(stored, METADATA)[0]
    flip(first)
    stored("verify", "--tier", "structure", code=4)
    before = set(packs(stored, METADATA))
    stored.backup(source)
    (second,) = set(packs(stored, METADATA)) - before
    flip(second)
    stored("verify", "--tier", "structure", code=4)
    stored.backup(source)
    must_restore(stored, source, out)


def test_a_pack_that_was_never_looked_at_is_not_remembered(stored, source):
    flip(packs(stored, DATA)[0])
    stored("verify", "--tier", "structure")
    assert not memory(stored)


def test_a_damaged_memory_of_damaged_packs_stops_no_backup(stored, source, out):
    flip(packs(stored, DATA)[0])
    stored("verify", code=4)
    (remembered,) = memory(stored)
    whole = remembered.read_bytes()
    for damaged in (b"nonsense", whole[:-1], whole + whole, whole[:40] + b"x" + whole[41:]):
        remembered.write_bytes(damaged)
        assert "PL-1408" in stored.json("backup", source).everything
    assert "PL-1408" in stored("verify", code=4).everything
    stored.backup(source)
    must_restore(stored, source, out)


def test_damaged_pack_of_an_interrupted_run_is_not_taken_over(stored, source, out):
    """It is in no index: only the journal of the run that was cut off knows it."""
    (source / "more").write_bytes(os.urandom(3 << 20))
    before = set(stored.objects("packs"))
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": stored.repo / "index", "PULIH_FAULT_OPS": "write", "PULIH_FAULT_AT": "1",
             "PULIH_FAULT_ACTION": "kill"}
    stored("backup", source, env=fault, code=-9)
    left = sorted(set(stored.objects("packs")) - before, key=lambda path: -path.stat().st_size)
    flip(left[0])
    stored("verify", "--tier", "stored", code=4)
    summary = stored.backup(source)
    assert summary["packs_resumed"] == len(left) - 1 and summary["data_added"] >= 3 << 20
    must_restore(stored, source, out)


def test_damaged_pack_that_goes_and_comes_back_as_it_was(stored, source, out):
    """A look at the place while it is away proves nothing about it."""
    bad = packs(stored, DATA)[0]
    flip(bad)
    stored("verify", "--tier", "stored", code=4)
    damaged = bad.read_bytes()
    bad.unlink()
    for tier in ("structure", "stored"):
        stored("verify", "--tier", tier, code=4)
    bad.write_bytes(damaged)
    (told,) = bad_named(stored.json("backup", source))
    assert bad.name in told
    must_restore(stored, source, out)


@pytest.mark.parametrize("tier", ["structure", "stored", "content"])
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_disk_that_goes_away_while_verify_reads(stored, source, work, tier, part):
    """That nothing of the place can be read says nothing about its packs: the next backup must not store everything again."""
    log = work / "log"
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": stored.repo, "PULIH_FAULT_OPS": "read", "PULIH_FAULT_ACTION": "dead"}
    stored("verify", "--tier", tier, env={**fault, "PULIH_FAULT_LOG": log, "PULIH_FAULT_AT": "0"})
    reads = [number for number, line in enumerate(log.read_text().splitlines(), 1) if "/packs/" in line and "read" in line.split()[1]]
    at = reads[round(part * (len(reads) - 1))]
    stored("verify", "--tier", tier, env={**fault, "PULIH_FAULT_AT": str(at)}, code=(1, 4))
    assert not memory(stored)
    result = stored.json("backup", source)
    assert not result.of_type("warning") and result.summary["data_added"] < 10_000


def test_one_pack_that_cannot_be_read_is_remembered(stored, source, out):
    bad = packs(stored, DATA)[0]
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": bad, "PULIH_FAULT_OPS": "read", "PULIH_FAULT_ACTION": "dead", "PULIH_FAULT_AT": "1"}
    stored("verify", "--tier", "stored", env=fault, code=4)
    (told,) = bad_named(stored.json("backup", source))
    assert bad.name in told
    bad.unlink()
    must_restore(stored, source, out)


def test_damaged_memory_is_warned_of_until_everything_was_read(stored, source):
    flip(packs(stored, DATA)[0])
    stored("verify", "--tier", "stored", code=4)
    (remembered,) = memory(stored)
    remembered.write_bytes(b"nonsense")
    for _ in range(2):
        assert "PL-1408" in stored("verify", "--tier", "structure").everything
        assert "PL-1408" in stored("backup", source).everything
    stored("verify", "--tier", "stored", code=4)
    assert bad_named(stored.json("backup", source))
