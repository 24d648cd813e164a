"""A portable disk: exFAT knows no owners, links, case or permissions. A repository can live there; a restore there names what is lost."""
import os
import shutil
import subprocess
import time

import pytest

import trees
from compare import assert_same
from conftest import needs_root
from pulih import Pulih


@pytest.fixture
def disk(work):
    """A mounted exFAT file system."""
    for tool in ("mkfs.exfat", "mount.exfat-fuse"):
        if not shutil.which(tool):
            pytest.skip(f"no {tool} here")
    image, mount = work / "disk.img", work / "disk"
    mount.mkdir()
    with open(image, "wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.exfat", image], check=True, stdout=subprocess.DEVNULL)
    loop = subprocess.run(["losetup", "--find", "--show", image], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if loop.returncode != 0:
        pytest.skip(f"no loop device here: {loop.stderr.decode().strip()}")
    device = loop.stdout.decode().strip()
    try:
        mounted = subprocess.run(["mount.exfat-fuse", device, mount], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if mounted.returncode != 0 or not os.path.ismount(mount):
            pytest.skip(f"exFAT cannot be mounted here: {mounted.stdout.decode().strip()}")
        try:
            yield mount
        finally:
            for _ in range(50):
                if subprocess.run(["umount", mount], stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.1)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@needs_root
def test_repository_on_exfat(disk, work, everything):
    pulih = Pulih(work / "pulih")
    pulih.repo = disk / "pulih"
    pulih.environment["PULIH_REPOSITORY"] = str(pulih.repo)
    pulih.init()
    pulih.backup(everything)
    pulih.backup(everything)
    pulih("verify", "--tier", "content")
    pulih.restore(work / "out")
    assert_same(everything, pulih.restored(work / "out", everything))


@needs_root
def test_restore_onto_exfat(disk, pulih, source):
    """Content is right; what exFAT cannot hold is listed, and it is no success."""
    (source / "plain").write_bytes(b"plain")
    (source / "large").write_bytes(os.urandom(3 << 20))
    os.symlink("plain", source / "link")
    os.link(source / "plain", source / "hard")
    trees.set_acl(source / "plain", "u:1:r")
    os.chown(source / "plain", 1234, 1234)
    pulih.backup(source)
    os.mkfifo(source / "fifo")
    pulih.backup(source)
    result = pulih.json("restore", "latest", "-t", disk / "out", code=3)
    named = {problem["path"]: problem["reason"] for problem in result.of_type("problem") if problem["code"] == "PL-1506"}
    assert "leads to plain" in named[f"{source}/link"] and f"{source}/fifo" in named
    assert any("hard link" in problem["reason"] for problem in result.of_type("problem"))
    missing = result.summary["missing_features"]
    assert {"symlink", "owner"} <= set(missing), missing
    target = pulih.restored(disk / "out", source)
    for name in ("plain", "large", "hard"):
        assert (target / name).read_bytes() == (source / name).read_bytes()


@needs_root
@pytest.mark.parametrize("overwrite", ["changed", "always", "never"])
def test_names_that_differ_in_case_over_an_earlier_restore(pulih, disk, work, overwrite):
    """The file of one name is never written over that of the other, nor taken for it."""
    folder = work / "names"
    folder.mkdir()
    (folder / "A").write_text("AA")
    (folder / "a").write_text("aa")
    pulih.backup(folder)
    out = disk / "out"
    pulih.restore(out, code=1)
    told = pulih.restore(out, "latest", "--overwrite", overwrite, code=1)
    assert "PL-1508" in told.everything
    (left,) = pulih.restored(out, folder).iterdir()
    assert left.read_text() == {"A": "AA", "a": "aa"}[left.name]


@needs_root
def test_folders_that_differ_in_case_over_an_earlier_restore(pulih, disk, work):
    folder = work / "names"
    for name in ("A", "a"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_text(name)
    pulih.backup(folder)
    out = disk / "out"
    pulih.restore(out, code=1)
    told = pulih.restore(out, "latest", "--overwrite", "always", code=1)
    assert "PL-1508" in told.everything
    (left,) = pulih.restored(out, folder).iterdir()
    assert (left / "file").read_text() == left.name


@needs_root
def test_size_and_time_prove_nothing(pulih, disk, source):
    """This file system may have both on the disk before the contents, which a power cut then takes."""
    (source / "file").write_bytes(os.urandom(100_000))
    pulih.backup(source)
    out = disk / "out"
    pulih.restore(out, code=3)
    restored = pulih.restored(out, source) / "file"
    before = restored.stat()
    restored.write_bytes(bytes(100_000))
    os.utime(restored, ns=(0, before.st_mtime_ns))
    pulih.restore(out, "latest", "--overwrite", "changed", code=3)
    assert restored.read_bytes() == (source / "file").read_bytes()
