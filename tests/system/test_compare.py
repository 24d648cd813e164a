"""The comparison that all other tests rely on: it must see every kind of difference."""
import os
import subprocess

import pytest

import trees
from compare import differences
from conftest import needs_root


@pytest.fixture
def pair(work):
    a = work / "a"
    (a / "folder").mkdir(parents=True)
    (a / "file").write_bytes(b"content")
    os.link(a / "file", a / "hard")
    os.symlink("file", a / "link")
    with open(a / "sparse", "wb") as file:
        file.truncate(8 << 20)
    return a, trees.copy_of(a, work / "b")


def test_copies_agree(pair):
    assert differences(*pair) == []


@pytest.mark.parametrize("change, word", [
    (lambda b: (b / "file").write_bytes(b"Content"), "content"),
    (lambda b: (b / "file").write_bytes(b"content!"), "size"),
    (lambda b: (b / "file").chmod(0o604), "mode"),
    (lambda b: os.utime(b / "file", ns=(0, os.stat(b / "file").st_mtime_ns + 1)), "mtime"),
    (lambda b: os.utime(b / "folder", ns=(0, 5)), "mtime"),
    (lambda b: os.setxattr(b / "file", "user.x", b""), "xattrs"),
    (lambda b: trees.set_acl(b / "file", "u:1:r"), "xattrs"),
    (lambda b: trees.set_flags(b / "file", trees.FS_NODUMP_FL), "flags"),
    (lambda b: (b / "new").write_bytes(b""), "should not be there"),
    (lambda b: (b / "link").unlink(), "missing"),
    (lambda b: ((b / "link").unlink(), os.symlink("file ", b / "link")), "target"),
    (lambda b: ((b / "folder").rmdir(), (b / "folder").write_bytes(b"")), "type"),
    (lambda b: ((b / "hard").unlink(), subprocess.run(["cp", "-p", b / "file", b / "hard"], check=True)), "hard links"),
    (lambda b: subprocess.run(["cp", "-p", "--sparse=never", "sparse", "full"], cwd=b, check=True) and os.rename(b / "full", b / "sparse"),
     "sparse"),
    pytest.param(lambda b: os.chown(b / "link", 3, 4, follow_symlinks=False), "owner", marks=needs_root),
])
def test_difference_is_seen(pair, change, word):
    a, b = pair
    change(b)
    assert any(word in line for line in differences(a, b)), differences(a, b)
