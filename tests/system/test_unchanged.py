"""A second run reads only what changed."""
import mmap
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import trees
from compare import assert_same
from conftest import needs_root
from pulih import SHIM, Pulih


def test_second_run_reads_nothing(pulih, everything):
    first = pulih.backup(everything)
    assert first["bytes_read"] > 0
    second = pulih.backup(everything)
    assert second["bytes_read"] == 0
    assert second["total_files_processed"] == first["total_files_processed"] and second["files_unmodified"] == first["total_files_processed"]
    assert second["files_new"] == second["files_changed"] == 0


def test_same_tree_gives_same_root(pulih, small):
    """Nothing of a tree that did not change is stored again."""
    pulih.backup(".", cwd=small)
    packs = pulih.objects("packs")
    pulih.backup(".", cwd=small)
    assert pulih.objects("packs") == packs


def test_without_state_folder(pulih, small, out):
    """What the state folder holds is disposable: without it files are read again, and nothing is stored twice."""
    pulih.backup(small)
    before = pulih.stored_bytes("packs")
    pulih.forget_state()
    second = pulih.backup(small)
    assert second["bytes_read"] > 0
    assert pulih.stored_bytes("packs") - before < 64 << 10
    pulih.restore(out)
    assert_same(small, pulih.restored(out, small))


@pytest.mark.parametrize("name", ["streams", "index"])
def test_damaged_state_folder(pulih, small, out, name):
    """Garbage in every file of the state folder: the next backup is right all the same."""
    pulih.backup(small)
    for path in pulih.state.rglob("*"):
        if path.is_file():
            content = bytearray(path.read_bytes())
            if name == "streams":
                content[len(content) // 2:] = bytes(len(content) - len(content) // 2)
            else:
                content = bytearray(os.urandom(len(content)))
            path.write_bytes(content)
    (small / "new").write_bytes(b"new")
    pulih.backup(small, code=0)
    pulih.restore(out)
    assert_same(small, pulih.restored(out, small))
    pulih("verify", "--tier", "content")


def test_change_of_content_that_keeps_size_and_mtime(pulih, source, out):
    """ctime gives it away."""
    file = source / "file"
    file.write_bytes(b"before")
    before = file.stat()
    pulih.backup(source)
    time.sleep(0.02)
    file.write_bytes(b"after!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    pulih.backup(source)
    pulih.restore(out)
    assert pulih.restored(out, file).read_bytes() == b"after!"


@pytest.mark.parametrize("change", [
    lambda f: f.chmod(0o601),
    lambda f: os.utime(f, ns=(0, 12345)),
    lambda f: os.setxattr(f, "user.changed", b"1"),
    lambda f: os.link(f, f.with_name("second name")),
    lambda f: f.rename(f.with_name("another name")),
    lambda f: (f.unlink(), f.mkdir()),
    lambda f: (f.unlink(), os.symlink("x", f)),
    lambda f: f.write_bytes(b"other content altogether"),
    lambda f: f.unlink(),
], ids=["mode", "mtime", "xattr", "hard link", "rename", "folder", "symlink", "content", "removed"])
def test_changes_are_seen(pulih, source, out, change):
    (source / "folder").mkdir()
    file = source / "folder" / "file"
    file.write_bytes(b"content")
    (source / "folder" / "other").write_bytes(b"other")
    pulih.backup(source)
    time.sleep(0.02)
    change(file)
    pulih.backup(source)
    pulih.restore(out)
    assert_same(source, pulih.restored(out, source))


def test_jobs_with_other_paths_do_not_mix(pulih, source, work):
    """The memory of one set of paths must not answer for another."""
    for name in ("a", "b"):
        (source / name).mkdir()
        (source / name / "file").write_bytes(name.encode() * 1000)
    for round_number in range(2):
        for name in ("a", "b"):
            pulih.backup(source / name)
            out = work / f"out-{round_number}-{name}"
            pulih.restore(out)
            assert_same(source / name, pulih.restored(out, source / name))


@pytest.fixture
def roomy():
    """A folder on a file system that takes long attributes."""
    folder = Path(tempfile.mkdtemp(prefix="pulih-test-", dir="/dev/shm"))
    yield folder
    trees.release(folder)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_lost_attributes_are_read_again(pulih, roomy, kind):
    """Attributes too long for an entry are a chunk of their own, and what held it may be gone."""
    source, holder = roomy / "source", roomy / "source" / "holder"
    source.mkdir()
    holder.mkdir() if kind == "folder" else holder.write_bytes(b"content")
    try:
        for name in "abc":
            os.setxattr(holder, f"user.{name}", os.urandom(30_000))
    except OSError:
        pytest.skip("no file system here takes long attributes")
    time.sleep(0.05)
    pulih.backup(source)
    # Folders above the source may change meanwhile, and cost their node; the attributes would cost 90,000 bytes.
    assert pulih.backup(source)["data_added"] < 10_000
    for lost in ("packs", "index"):
        shutil.rmtree(pulih.repo / lost)
    pulih.backup(source)
    pulih.restore(roomy / "out")
    assert_same(source, pulih.restored(roomy / "out", source))


@pytest.mark.parametrize("call", ["flistxattr", "fgetxattr"])
def test_attributes_that_could_not_be_read_are_read_next_time(pulih, source, out, call):
    """What is missing in a backup that said so must not be taken for unchanged by the next one, which would say that all is well."""
    file = source / "file"
    file.write_bytes(b"content")
    os.setxattr(file, "user.name", b"value")
    time.sleep(0.05)
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": file, "PULIH_FAULT_OPS": call, "PULIH_FAULT_AT": "1", "PULIH_FAULT_ACTION": "eio"}
    assert pulih.backup(source, env=fault, code=3)["unreadable"] == 1
    pulih.backup(source)
    pulih.restore(out)
    assert_same(source, pulih.restored(out, source))


@needs_root
def test_two_changes_in_one_tick_of_the_clock(pulih, work, out):
    """A file system with coarse times cannot tell them apart: what is stored is nevertheless a file as it was at some moment."""
    source = work / "coarse"
    source.mkdir()
    if subprocess.run(["mount", "-t", "ramfs", "none", source], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (source / "victim").write_bytes(bytes(3 << 20))
        for _ in range(5):  # the machine may be too busy for all of it to happen in one tick
            tick = {"LD_PRELOAD": Path(SHIM).with_name("tick.so"), "PULIH_TICK_FILE": source / "victim"}
            snapshot = pulih.backup(source, "--force", env=tick, code=(0, 3))
            pulih.restore(out, "latest", "--verify")
            content = (pulih.restored(out, source) / "victim").read_bytes()
            assert (source / "victim").read_bytes()[:1] == b"B", "the file was not changed"
            assert content[:1] == content[-1:] or snapshot["changed_while_read"], "torn, and called whole"
    finally:
        subprocess.run(["umount", source], check=True)


def test_change_through_a_map(source, out):
    """The kernel stamps a mapped page that changes once until it writes it out: the second change is noticed all the same."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", source], capture_output=True, text=True, check=True).stdout
    if kind.strip() in ("tmpfs", "ramfs"):
        pytest.skip("this file system never writes anything out")
    # A repository elsewhere: what is synced with it would be written out by that.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        pulih = Pulih(Path(memory) / "pulih").init()
        (source / "mapped").write_bytes(bytes(1 << 16))
        (source / "whole").write_bytes(bytes(1 << 16))
        os.sync()
        with open(source / "mapped", "r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
            pages[:5] = b"first"
            time.sleep(0.1)  # so that its time alone does not make the next run read it again
            pulih.backup(source)
            pages[:5] = b"other"
            assert pulih.backup(source)["files_changed"] == 1
        pulih.restore(out)
        assert_same(source, pulih.restored(out, source))


@needs_root
def test_a_file_system_that_keeps_no_time_of_change(pulih, work, out):
    """Its zero is nobody's time: it proves nothing."""
    if not shutil.which("debugfs"):
        pytest.skip("there is no debugfs (e2fsprogs)")
    image, source = work / "image", work / "mounted"
    source.mkdir()
    image.write_bytes(bytes(8 << 20))

    def tune(command):
        return subprocess.run(["debugfs", "-w", "-R", command, image], capture_output=True, text=True, check=True).stdout

    def mounted(options, use):
        if subprocess.run(["mount", "-o", f"loop,{options}", image, source], stderr=subprocess.DEVNULL).returncode:
            pytest.skip("nothing can be mounted here")
        try:
            return use()
        finally:
            subprocess.run(["umount", source], check=True)

    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    mounted("rw", lambda: (source / "file").write_bytes(b"A" * 5000))
    for field in ("ctime", "ctime_extra", "mtime", "mtime_extra"):
        tune(f"set_inode_field file {field} 0")
    mounted("ro", lambda: pulih.backup(source))
    content = image.read_bytes()
    assert content.count(b"A" * 5000) == 1, "not stored in one piece"
    image.write_bytes(content.replace(b"A" * 5000, b"B" * 5000))
    assert mounted("ro", lambda: pulih.backup(source))["files_changed"] == 1
    pulih.restore(out)
    assert (pulih.restored(out, source) / "file").read_bytes() == b"B" * 5000
