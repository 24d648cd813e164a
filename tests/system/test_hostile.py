"""Whoever holds the storage, or the backup key of one machine, against everybody else."""
import hashlib
import json
import os
import resource
import shutil

import pytest

from compare import assert_same
from daemons import FAKETIME


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def plant_slot(pulih, **cost):
    """A slot that nobody can open, newer than all others."""
    slot = json.loads(pulih.objects("keys")[0].read_text())
    slot.update(id="ff" * 16, created="2261-01-01T00:00:00Z")
    slot["kdf"].update(cost)
    slot.pop("check", None)
    slot["check"] = hashlib.sha256(canonical(slot)).hexdigest()
    planted = pulih.repo / "keys" / slot["id"]
    planted.write_bytes(canonical(slot))
    return planted


@pytest.mark.skipif(bool(os.environ.get("PULIH_SANITIZED")), reason="a sanitizer needs the whole address space")
def test_slot_that_asks_for_all_memory(pulih, small, out):
    """1 GiB is within the bounds of a slot, and more than a small machine has: the others still open."""
    pulih.backup(small)
    planted = plant_slot(pulih, memory_kib=1 << 20, passes=1)
    little = dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (800 << 20, 800 << 20)))
    pulih("snapshots", **little)
    # With nothing else to try, it is the memory that is missing, not the passphrase that is wrong.
    for slot in pulih.objects("keys"):
        if slot != planted:
            slot.unlink()
    refused = pulih("snapshots", code=1, **little)
    assert "1024 MiB" in refused.everything


def change_config(pulih, **options):
    key = pulih.folder / f"{os.urandom(4).hex()}.key"
    return pulih("key", "issue-writer", "-o", key, **options)


def test_old_config_under_another_spelling(pulih, small):
    """What a machine remembers of a place does not depend on how somebody typed its path."""
    old = pulih.objects("config")[0].read_bytes()
    change_config(pulih)
    pulih.objects("config")[0].write_bytes(old)
    link = pulih.folder / "link"
    link.symlink_to("repo")
    for spelling in (pulih.repo, f"{pulih.repo}/", f"{pulih.folder}/./repo", f"file:{pulih.repo}", "repo", "./repo", link):
        refused = pulih("-r", spelling, "snapshots", cwd=pulih.folder, code=4)
        assert "PL-1210" in refused.everything


def test_two_places_under_one_spelling(pulih, small, out):
    """`-r .` in a copy that lags behind is not an attack, and what was read in one place was not read in the other."""
    pulih.backup(small)
    copy = pulih.folder / "copy"
    shutil.copytree(pulih.repo, copy)
    change_config(pulih, cwd=pulih.repo, env={"PULIH_REPOSITORY": "."})
    pulih("verify", "-r", ".", cwd=pulih.repo)
    pulih("snapshots", "-r", ".", cwd=copy)
    pulih("restore", "latest", "-t", out, "-r", ".", cwd=copy)
    assert_same(small, pulih.restored(out, small))
    ledgers = lambda: len(list(pulih.state.glob("*/verify-*")))
    before = ledgers()
    pulih("verify", "-r", ".", cwd=copy)
    assert ledgers() == before + 1


def test_latest_of_a_host_that_two_domains_claim(pulih, work, small, out):
    """A machine can call itself what it likes. What it stores under another one's name is said to be its own."""
    evil = work / "evil"
    evil.mkdir()
    (evil / "file").write_text("not what you want")
    key = pulih.folder / "other.key"
    pulih.backup(small, "--host", "court")
    assert "PL-1250" not in pulih("ls", "latest", "--host", "court").everything
    pulih("key", "issue-writer", "--domain", "other", "-o", key)
    pulih("backup", "--key-file", key, "--host", "other", evil)
    assert "PL-1250" not in pulih("ls", "latest", "--host", "court").everything
    pulih("backup", "--key-file", key, "--host", "court", evil)
    writer = json.loads(key.read_text())["writer"]["id"]
    for command in (("restore", "latest", "-t", out), ("ls", "latest"), ("ls", "latest", "--host", "court")):
        told = pulih(*command).everything
        assert "PL-1250" in told and writer[:8] in told
    # Who names a snapshot knows which.
    mine = pulih.snapshots()[0]["id"]
    assert "PL-1250" not in pulih("ls", mine).everything


@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")
def test_clock_that_is_set_back_meanwhile(pulih, work):
    """What took some seconds did not end before it began."""
    moved = work / "clock"
    moved.write_text("@2026-11-22 12:00:00")
    clock = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": moved, "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = f"printf '@2026-11-22 11:00:00' > {moved}; sleep 0.1; echo data"
    result = pulih("backup", "--json", "--stdin-from-command", "--stdin-filename", "data", "--", "sh", "-c", command, env=clock)
    assert result.summary["backup_end"] < result.summary["backup_start"], "the clock was not moved"
    assert 0.1 <= result.summary["total_duration"] < 1000


@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")
@pytest.mark.parametrize("wrong", ["2040-01-01 00:00:00", "1970-01-02 00:00:00"])
def test_latest_after_a_clock_that_was_wrong(pulih, work, out, wrong):
    """A dead battery sets the clock to anything. The latest is what was stored last all the same."""
    clock = {"LD_PRELOAD": FAKETIME, "FAKETIME": "@" + wrong, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    folder = work / "court"
    folder.mkdir()
    ahead = wrong.startswith("2040")
    (folder / "file").write_text("before")
    pulih("backup", folder, env=clock if ahead else None)
    assert ("PL-1251" in pulih("ls", "latest").everything) == ahead
    (folder / "file").write_text("after, and longer")
    pulih("backup", folder, env=None if ahead else clock)
    told = pulih.restore(out)
    assert_same(folder, pulih.restored(out, folder))
    assert "PL-1251" not in told.everything


def test_latest_of_a_key_that_was_revoked(pulih, small):
    """A stolen key signs on, in a copy of the repository from before it was revoked, and its thief brings the objects in."""
    key = pulih.folder / "writer.key"
    pulih("key", "issue-writer", "--domain", "web", "-o", key)
    pulih("backup", "--key-file", key, small)
    assert "PL-1252" not in pulih("ls", "latest").everything
    copy = pulih.folder / "copy"
    shutil.copytree(pulih.repo, copy)
    writer = json.loads(key.read_text())["writer"]["id"]
    pulih("key", "revoke-writer", writer)
    (small / "not what you want").write_text("evil")
    pulih("backup", "--key-file", key, "-r", copy, "--state-dir", pulih.folder / "thief", small)
    shutil.copytree(copy, pulih.repo, dirs_exist_ok=True, ignore=lambda folder, names: {"config", "keys"} & set(names))
    told = pulih("ls", "latest")
    assert "not what you want" in told.text and "PL-1252" in told.everything and writer[:8] in told.everything
    pulih.backup(small)
    assert "PL-1252" not in pulih("ls", "latest").everything
