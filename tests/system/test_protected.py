"""Restoring over what is immutable (chattr +i) or append-only (+a)."""
import os
import subprocess

import pytest

from compare import assert_same, read_flags
from conftest import needs_root
from trees import FS_APPEND_FL, FS_IMMUTABLE_FL, set_flags

FLAGS = {"immutable": FS_IMMUTABLE_FL, "append-only": FS_APPEND_FL}
PROTECTING = FS_IMMUTABLE_FL | FS_APPEND_FL
USER = 65534

pytestmark = needs_root


@pytest.fixture(autouse=True)
def can_be_set(work):
    probe = work / "probe"
    probe.write_bytes(b"")
    if subprocess.run(["chattr", "+i", probe], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no file flags here")
    subprocess.run(["chattr", "-i", probe], check=True)


@pytest.fixture
def stored(pulih, source):
    (source / "folder").mkdir()
    (source / "folder" / "file").write_bytes(b"new content")
    (source / "folder" / "flagged").write_bytes(b"flagged")
    os.symlink("file", source / "folder" / "link")
    (source / "empty").mkdir()
    (source / "plain").write_bytes(b"plain")
    set_flags(source / "folder" / "flagged", FS_IMMUTABLE_FL)
    pulih.backup(source)
    return pulih


def protecting(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return read_flags(fd) & PROTECTING
    finally:
        os.close(fd)


def put(path, content, flag):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    set_flags(path, flag)


@pytest.mark.parametrize("policy", ["always", "changed"])
@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS)
def test_files(stored, source, out, flag, policy):
    """Replaced, with the flags of the snapshot: those that were there go, those that were stored come."""
    target = stored.restored(out, source)
    for name in ("folder/file", "folder/flagged", "folder/link", "plain"):
        put(target / name, b"old", flag)
    stored.restore(out, "latest", "--overwrite", policy, "--verify")
    assert_same(source, target)
    assert protecting(target / "folder" / "file") == 0 and protecting(target / "folder" / "flagged") == FS_IMMUTABLE_FL
    # again, over its own immutable file
    stored.restore(out, "latest", "--overwrite", policy, "--verify")
    assert_same(source, target)


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS)
def test_never_leaves_them(stored, source, out, flag):
    target = stored.restored(out, source)
    put(target / "plain", b"old", flag)
    stored.restore(out, "latest", "--overwrite", "never")
    assert (target / "plain").read_bytes() == b"old" and protecting(target / "plain") == flag
    assert (target / "folder" / "file").read_bytes() == b"new content"


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS)
def test_folders(stored, source, out, flag):
    """Also the destination itself, which is the user's and keeps its flag."""
    target = stored.restored(out, source)
    put(target / "folder" / "file", b"old", flag)
    for folder in (target / "folder", target, out):
        set_flags(folder, flag)
    stored.restore(out, "latest", "--delete")
    assert_same(source, target)
    assert protecting(target / "folder") == 0 and protecting(out) == flag
    assert sorted(path.name for path in out.iterdir()) == [source.parts[1]]


def test_folders_of_the_snapshot(pulih, source, out):
    """A tree that is restored over itself."""
    (source / "folder").mkdir()
    (source / "folder" / "file").write_bytes(b"x")
    for path in (source / "folder" / "file", source / "folder"):
        set_flags(path, FS_IMMUTABLE_FL)
    pulih.backup(source)
    for _ in range(2):
        pulih.restore(out, "latest", "--verify")
        assert_same(source, pulih.restored(out, source))
    set_flags(out, FS_IMMUTABLE_FL)
    result = pulih.restore(out, "latest", "--overwrite", "never", code=1)
    assert "PL-1517" in result.everything and "immutable" in result.everything and protecting(out) == FS_IMMUTABLE_FL


def test_something_of_another_kind(stored, source, out):
    target = stored.restored(out, source)
    put(target / "folder", b"a file where a folder must go", FS_IMMUTABLE_FL)
    (target / "plain").mkdir()
    set_flags(target / "plain", FS_IMMUTABLE_FL)
    stored.restore(out)
    assert_same(source, target)


def test_hard_links(pulih, source, out):
    (source / "one").write_bytes(b"linked")
    os.link(source / "one", source / "two")
    set_flags(source / "one", FS_IMMUTABLE_FL)
    pulih.backup(source)
    for _ in range(2):
        pulih.restore(out, "latest", "--verify")
        assert_same(source, pulih.restored(out, source))


def test_another_name_of_what_is_replaced_keeps_its_flag(stored, source, out, work):
    """Somebody's file that has a second name in the destination: only that name is replaced."""
    target = stored.restored(out, source)
    target.mkdir(parents=True)
    precious = work / "precious"
    precious.write_bytes(b"precious")
    os.link(precious, target / "plain")
    set_flags(precious, FS_IMMUTABLE_FL)
    stored.restore(out)
    assert_same(source, target)
    assert precious.read_bytes() == b"precious" and protecting(precious) == FS_IMMUTABLE_FL


def test_damage_takes_no_flag_away(pulih, source, out):
    """What cannot be restored leaves the old file as it was."""
    (source / "file").write_bytes(os.urandom(100_000))
    pulih.backup(source)
    pack = max(pulih.objects("packs"), key=lambda p: p.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[5000] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    target = pulih.restored(out, source)
    put(target / "file", b"old", FS_IMMUTABLE_FL)
    pulih.restore(out, code=4)
    assert (target / "file").read_bytes() == b"old" and protecting(target / "file") == FS_IMMUTABLE_FL
    assert [path.name for path in target.iterdir()] == ["file"]


def test_strangers_are_not_deleted(stored, source, out):
    """--delete is no replacement: who made it immutable meant it."""
    target = stored.restored(out, source)
    put(target / "folder" / "stranger", b"mine", FS_IMMUTABLE_FL)
    result = stored.json("restore", "latest", "-t", out, "--delete", code=1)
    (problem,) = result.of_type("problem")
    assert problem["code"] == "PL-1517" and "immutable (chattr +i)" in problem["reason"] and "stranger" in problem["reason"]
    assert (target / "folder" / "stranger").read_bytes() == b"mine"
    assert (target / "folder" / "file").read_bytes() == b"new content"


@pytest.mark.parametrize("name, flag", FLAGS.items(), ids=FLAGS)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["", "dry"])
def test_an_ordinary_user_is_told_the_flag(pulih, source, work, name, flag, dry):
    (source / "file").write_bytes(b"new")
    (source / "folder").mkdir()
    (source / "folder" / "inner").write_bytes(b"new")
    (source / "other").write_bytes(b"new")
    pulih.backup(source)
    out = work / "users"
    target = pulih.restored(out, source)
    put(target / "file", b"old", flag)
    put(target / "folder" / "inner", b"old", 0)
    set_flags(target / "file", 0)
    for folder in (pulih.folder, out):
        for path in [folder, *folder.rglob("*")]:
            if not path.is_relative_to(source):
                os.chown(path, USER, USER, follow_symlinks=False)
    set_flags(target / "file", flag)
    set_flags(target / "folder", flag)
    result = pulih.json("restore", "latest", "-t", out, *dry, user=USER, code=1)
    problems = {problem["path"]: problem for problem in result.of_type("problem") if problem["kind"] == "content"}
    problem = problems.pop(next(path for path in problems if path.endswith("/file")))
    assert problem["code"] == "PL-1517" and f"it is {name} (chattr +{name[0]})" in problem["reason"]
    if not dry:
        (problem,) = problems.values()
        assert problem["code"] == "PL-1517" and f"its folder is {name} (chattr +{name[0]})" in problem["reason"]
        assert (target / "other").read_bytes() == b"new"
    assert [path.name for path in (target / "folder").iterdir()] == ["inner"]
    assert (target / "file").read_bytes() == b"old" and (target / "folder" / "inner").read_bytes() == b"old"
