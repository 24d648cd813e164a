"""Restore over what is there: what is replaced, what is kept, and what is proven of it."""
import os
import tempfile
from pathlib import Path

import pytest

from compare import assert_same
from pulih import SHIM
from test_restore import stored, tree  # noqa: F401 fixtures


def test_overwrite(stored, tree, out):
    target = stored.restored(out, tree)
    stored.restore(out)
    (target / "top").write_bytes(b"other")
    before = (target / "a" / "one.txt").stat()
    (target / "a" / "one.txt").write_bytes(b"X")  # same size, and below the same mtime
    os.utime(target / "a" / "one.txt", ns=(0, before.st_mtime_ns))
    stored.restore(out, "latest", "--overwrite", "never")
    assert (target / "top").read_bytes() == b"other"
    stored.restore(out, "latest", "--overwrite", "changed")
    assert (target / "top").read_bytes() == b"top" and (target / "a" / "one.txt").read_bytes() == b"X"
    stored.restore(out, "latest", "--overwrite", "always")
    assert_same(tree, target)


def test_what_is_kept_because_it_looks_the_same_is_read_back(pulih, source, out):
    """Power went while a restore wrote: a file may have its size and time, and not its content."""
    for name in ("torn", "linked", "whole"):
        (source / name).write_bytes(os.urandom(100_000))
    os.link(source / "linked", source / "further")
    pulih.backup(source)
    target = pulih.restored(out, source)
    pulih.restore(out, "latest", "--verify")
    for name in ("torn", "linked"):
        before = (target / name).stat()
        (target / name).write_bytes(bytes(before.st_size))
        os.utime(target / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    result = pulih.json("restore", "latest", "-t", out, "--overwrite", "changed", "--verify", code=4)
    assert result.error["code"] == "PL-1507" and "--overwrite always" in result.error["remedy"]
    assert {os.path.basename(warning["path"]) for warning in result.messages if "path" in warning} == {"torn", "linked", "further"}
    assert result.summary["files_verified"] == 1
    # What the user wants to keep whatever it is, is not looked at.
    pulih.restore(out, "latest", "--overwrite", "never", "--verify")
    pulih.restore(out, "latest", "--overwrite", "always", "--verify")
    assert_same(source, target)
    assert pulih.json("restore", "latest", "-t", out, "--overwrite", "changed", "--verify").summary["files_verified"] == 4


def test_what_is_kept_has_holes_where_they_were(pulih, source, out):
    """Its data segments alone are not a sparse file."""
    with open(source / "image", "wb") as image:
        image.truncate(8 << 20)
        image.seek(4 << 20)
        image.write(b"data")
    pulih.backup(source)
    target = pulih.restored(out, source)
    pulih.restore(out, "latest", "--verify")
    before = (target / "image").stat()
    for position in (100, (4 << 20) - 1, (8 << 20) - 1):
        with open(target / "image", "r+b") as image:
            image.seek(position)
            image.write(b"x")
        os.utime(target / "image", ns=(before.st_atime_ns, before.st_mtime_ns))
        result = pulih.json("restore", "latest", "-t", out, "--overwrite", "changed", "--verify", code=4)
        assert result.error["code"] == "PL-1507" and result.summary["files_verified"] == 0
        pulih.restore(out, "latest", "--verify")
        assert_same(source, target)


def test_long_attributes_are_read_back(pulih):
    """Attributes that are stored in a chunk of their own."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        source, out = Path(memory) / "source", Path(memory) / "out"
        source.mkdir()
        (source / "file").write_bytes(b"x")
        try:
            for name in ("user.one", "user.two"):
                os.setxattr(source / "file", name, os.urandom(60_000))
        except OSError:
            pytest.skip("this file system has no room for so many attributes")
        pulih.backup(source)
        pulih.restore(out, "latest", "--verify")
        assert_same(source, pulih.restored(out, source))
        os.setxattr(pulih.restored(out, source) / "file", "user.two", b"another")
        result = pulih.json("restore", "latest", "-t", out, "--overwrite", "changed", "--verify", code=4)
        assert result.error["code"] == "PL-1507" and "attributes" in result.everything


def test_overwrite_wrong_word(stored, out):
    stored.restore(out, "latest", "--overwrite", "sometimes", code=2)


def synced(pulih, out, work, *options):
    """Names of the files that a restore synced one by one."""
    log = work / "log"
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": out, "PULIH_FAULT_OPS": "sync", "PULIH_FAULT_AT": "0", "PULIH_FAULT_ACTION": "eio", "PULIH_FAULT_LOG": log}
    pulih.restore(out, "latest", *options, env=fault)
    lines = [line.split(" ", 2)[1:] for line in log.read_text().splitlines()]
    log.unlink()
    return sorted(Path(path).name for call, path in lines if call == "fdatasync")


def test_a_time_is_given_to_what_is_on_the_disk(pulih, source, out, work):
    """A power cut must not leave a file with its size and time that is not whole: --overwrite changed would keep it."""
    (source / "small").write_bytes(b"small")
    (source / "in parts").write_bytes(os.urandom(20 << 20))
    with open(source / "sparse", "wb") as sparse:
        sparse.truncate(1 << 20)
        sparse.seek(500_000)
        sparse.write(b"data")
    pulih.backup(source)
    assert synced(pulih, out, work) == ["in parts", "sparse"]
    assert not synced(pulih, out, work, "--overwrite", "changed")
    assert_same(source, pulih.restored(out, source))


def test_a_time_is_not_given_to_what_could_not_be_written(pulih, source, out):
    (source / "in parts").write_bytes(os.urandom(20 << 20))
    pulih.backup(source)
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": pulih.restored(out, source), "PULIH_FAULT_OPS": "sync", "PULIH_FAULT_AT": "1", "PULIH_FAULT_ACTION": "eio"}
    assert "in parts" in pulih.json("restore", "latest", "-t", out, env=fault, code=1).everything
    assert not (pulih.restored(out, source) / "in parts").exists()
    pulih.restore(out, "latest", "--overwrite", "changed")
    assert_same(source, pulih.restored(out, source))
