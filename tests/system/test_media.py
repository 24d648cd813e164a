"""Media that fail: what the disk lost while memory still has it, and what memory took and the disk never got."""
import mmap
import os
import subprocess
import time

import pytest

from conftest import needs_root
from pulih import SHIM, Pulih


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Disk:
    """An ext4 file system in an image file, mounted through a loop device."""

    def __init__(self, image, mount, size):
        self.image, self.mount, self.loop = image, mount, None
        mount.mkdir()
        with open(image, "wb") as file:
            file.truncate(size)
        for tool in (["mkfs.ext4", "-q", "-O", "^has_journal", "-E", "nodiscard", image], ["mount", "-o", "loop,errors=continue", image, mount]):
            made = run(*tool)
            if made.returncode != 0:
                pytest.skip(f"no disk can be made here: {made.stdout.decode().strip()}")

    def remove(self):
        for _ in range(50):
            if run("umount", self.mount).returncode == 0:
                return
            time.sleep(0.1)


@pytest.fixture
def disk(work):
    made = Disk(work / "disk.img", work / "disk", 128 << 20)
    yield made
    made.remove()


@pytest.fixture
def dying(work):
    """A disk of 128 MB that can really hold 16: what goes beyond fails when it is written out, long after write() took it."""
    below = work / "below"
    below.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", below).returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        made = Disk(below / "disk.img", work / "disk", 128 << 20)
        yield made
        made.remove()
    finally:
        run("umount", "--lazy", below)


@needs_root
@pytest.mark.parametrize("tier", ["structure", "stored", "content"])
@pytest.mark.parametrize("kind", ["packs", "index", "snapshots"])
def test_damage_that_memory_hides(disk, source, kind, tier):
    (source / "file").write_bytes(os.urandom(4 << 20))
    pulih = Pulih(disk.mount / "pulih").init()
    pulih("backup", source)
    os.sync()
    pulih("verify", "--tier", "content", "--all")
    victim = max(pulih.objects(kind), key=lambda path: path.stat().st_size)
    content = victim.read_bytes()
    at = len(content) // 2
    with open(disk.image, "r+b") as file, mmap.mmap(file.fileno(), 0) as image:
        image[image.find(content[at:at + 64])] ^= 1
    assert victim.read_bytes() == content, "memory does not hide it: this test proves nothing"
    found = pulih("verify", "--tier", tier, "--all", code=4 if kind != "packs" or tier != "structure" else 0)
    assert victim.name in found.everything or found.code == 0


@needs_root
@pytest.mark.parametrize("options", [[], ["--verify"]], ids=["plain", "verify"])
@pytest.mark.parametrize("count", [1, 10])
def test_restore_onto_a_disk_that_takes_and_loses(pulih, dying, source, count, options):
    """Large files are synced one by one, small ones with all the others in the end."""
    for number in range(count):
        (source / f"file {number}").write_bytes(os.urandom((40 << 20) // count))
    pulih("backup", source)
    result = pulih("restore", "latest", "-t", dying.mount / "out", *options, code=1)
    assert ("source/file 0" if count == 1 else "cannot write everything") in result.everything


@needs_root
def test_backup_onto_a_disk_that_takes_and_loses(dying, source, work, out):
    pulih = Pulih(work / "pulih")
    pulih.environment["PULIH_REPOSITORY"] = str(dying.mount / "repo")
    pulih.repo = dying.mount / "repo"
    pulih.init()
    (source / "file").write_bytes(os.urandom(1 << 20))
    first = pulih.backup(source)["snapshot_id"]
    (source / "file").write_bytes(os.urandom(60 << 20))
    assert pulih("backup", source, code=1).code == 1
    pulih.restore(out, first)
    assert (pulih.restored(out, source / "file")).stat().st_size == 1 << 20


def losing(path, at=1):
    """The write with number `at` to what is below `path` says that it wrote, and did not."""
    return {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": path, "PULIH_FAULT_OPS": "data", "PULIH_FAULT_ACTION": "lie", "PULIH_FAULT_AT": str(at)}


def test_a_slot_that_the_disk_lost_replaces_none(pulih, work):
    """A passphrase that was "changed" into one that opens nothing, with the old one gone."""
    new = work / "new"
    new.write_text("kata sandi yang baru")
    new.chmod(0o600)
    result = pulih("key", "passwd", "--new-password-file", new, env=losing(pulih.repo), code=1)
    assert "PL-1403" in result.everything
    pulih("snapshots")
    pulih("verify")
    pulih("key", "passwd", "--new-password-file", new)
    pulih("snapshots", "-p", new)


def test_a_config_that_the_disk_lost_replaces_none(pulih, work):
    result = pulih("key", "issue-writer", "-o", work / "key", env=losing(pulih.repo), code=1)
    assert "PL-1403" in result.everything and not (work / "key").exists()
    pulih("snapshots")
    pulih("verify")
    pulih("key", "issue-writer", "-o", work / "key")
    pulih("verify")


def test_init_on_a_disk_that_loses_what_it_took(bare):
    for at in (1, 2):
        result = bare("init", env=losing(bare.repo, at), code=1)
        assert "PL-1403" in result.everything
    bare("init")
    bare("verify")
