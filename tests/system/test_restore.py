"""Restore: selection, what is there already, hostile destinations, tar."""
import base64
import os
import re
import stat
import subprocess

import pytest

import trees
from compare import assert_same, read_tree
from conftest import needs_root
from pulih import SHIM, flip


@pytest.fixture
def tree(source):
    for name, content in {"a/one.txt": b"1", "a/two.log": b"2", "a/deep/three.txt": b"3" * 300_000, "b/one.txt": b"b1", "top": b"top"}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    return source


@pytest.fixture
def stored(pulih, tree):
    pulih.backup(tree)
    return pulih


def files(top):
    return sorted(os.path.relpath(os.path.join(folder, name), top) for folder, _, names in os.walk(top) for name in names)


def test_part_of_a_snapshot(stored, tree, out):
    stored.restore(out, f"latest:{tree}/a")
    assert files(out) == ["deep/three.txt", "one.txt", "two.log"]
    assert_same(tree / "a", out, root=False)


def test_one_file(stored, tree, out):
    stored.restore(out, f"latest:{tree}/a/one.txt")
    assert files(out) == ["one.txt"] and (out / "one.txt").read_bytes() == b"1"


def test_part_that_is_not_there(stored, tree, out):
    result = stored.restore(out, f"latest:{tree}/nothing", code=1)
    assert "nothing" in result.everything


def test_include(stored, tree, out):
    stored.restore(out, "latest", "--include", "*.txt")
    assert files(stored.restored(out, tree)) == ["a/deep/three.txt", "a/one.txt", "b/one.txt"]


@pytest.mark.parametrize("to", ["folder", "dry run", "tar"])
@pytest.mark.parametrize("patterns", [("--include", "*.txtt"), ("--include", "*.txt", "--exclude", "*.txt")], ids=["mistyped", "taken back"])
def test_patterns_that_nothing_fits(stored, out, to, patterns):
    """Restored: nothing. That is no failure, and must not pass for a restore either."""
    where = ["--to-tar", out] if to == "tar" else ["-t", out] + (["--dry-run"] if to == "dry run" else [])
    result = stored.json("restore", "latest", *where, *patterns)
    (warning,) = result.of_type("warning")
    assert warning["code"] == "PL-1518" and patterns[1] in warning["message"]
    assert result.summary["files_restored"] == 0
    assert not stored.json("restore", "latest", "-t", f"{out}-2", "--include", "*.txt").of_type("warning")


def test_exclude(stored, tree, out):
    stored.restore(out, "latest", "--exclude", "*.txt")
    assert files(stored.restored(out, tree)) == ["a/two.log", "top"]


def test_snapshot_by_prefix_and_unknown(stored, tree, out):
    snapshot = stored.snapshots()[0]["id"]
    stored.restore(out, snapshot[:8])
    assert_same(tree, stored.restored(out, tree))
    assert "PL-1225" in stored.restore(out, "0" * 16, code=1).everything
    stored.restore(out, "", code=2)


def test_into_what_is_there(stored, tree, out):
    """Other types in the way are replaced; what the snapshot does not know stays."""
    target = stored.restored(out, tree)
    (target / "top").mkdir(parents=True)
    os.symlink("/etc", target / "b")
    (target / "mine").write_bytes(b"mine")
    stored.restore(out, code=(0, 1))
    assert (target / "mine").read_bytes() == b"mine"
    assert not (target / "b").is_symlink() and (target / "b" / "one.txt").read_bytes() == b"b1"
    assert not os.path.exists("/etc/one.txt")


def test_delete(stored, tree, out):
    target = stored.restored(out, tree)
    (target / "a" / "folder").mkdir(parents=True)
    (target / "a" / "folder" / "old").write_bytes(b"x")
    (target / "a" / "old").write_bytes(b"x")
    stored.restore(out, "latest", "--delete", "--dry-run")
    assert (target / "a" / "old").exists()
    stored.restore(out, "latest", "--delete")
    assert_same(tree, target)


def test_delete_removes_deep_and_odd_things(stored, tree, out, work):
    """A tree deeper than a path may be, with links out of it that are removed and not followed."""
    target = stored.restored(out, tree)
    target.mkdir(parents=True)
    fd = os.open(target, os.O_RDONLY)
    for i in range(60):
        os.mkdir("x" * 120, dir_fd=fd)
        os.mkdir("empty", dir_fd=fd)
        os.symlink(work, "away", dir_fd=fd)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        below = os.open("x" * 120, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    stored.restore(out, "latest", "--delete")
    assert_same(tree, target)
    assert stored.repo.exists()


def test_delete_spares_what_lies_outside_the_sources(stored, tree, out):
    """Of the folders above a source the snapshot has nothing but the way down: `-t / --delete` must not empty the disk."""
    beside = stored.restored(out, tree).parent / "beside"
    for path in (out / "other", beside):
        path.mkdir(parents=True)
        (path / "file").write_bytes(b"precious")
    summary = stored.json("restore", "latest", "-t", out, "--delete").summary
    assert summary["files_deleted"] == 0
    assert (out / "other" / "file").exists() and (beside / "file").exists()


def test_delete_with_one_file(stored, tree, out):
    """One file put into a folder does not say what else belongs there."""
    out.mkdir()
    (out / "neighbour").write_bytes(b"precious")
    stored.restore(out, f"latest:{tree}/a/one.txt", "--delete")
    assert files(out) == ["neighbour", "one.txt"]


def test_delete_with_a_partial_snapshot(pulih, tree, out):
    """What could not be read is not in the snapshot: deleting it would take what was never saved."""
    pulih.backup(tree, tree.parent / "not there", code=3)
    target = pulih.restored(out, tree)
    target.mkdir(parents=True)
    (target / "unsaved").write_bytes(b"precious")
    result = pulih.restore(out, "latest", "--delete", code=1)
    assert "PL-1516" in result.everything
    assert (target / "unsaved").exists() and (target / "top").read_bytes() == b"top"


@needs_root
def test_delete_spares_what_is_mounted(pulih, tree, out, work):
    """--one-file-system saves a mount point as an empty folder."""
    (tree / "mounted").mkdir()
    pulih.backup(tree)
    point = pulih.restored(out, tree) / "mounted"
    point.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "none", point]).returncode != 0:
        pytest.skip("cannot mount here")
    try:
        (point / "precious").write_bytes(b"x")
        pulih.restore(out, "latest", "--delete")
        assert (point / "precious").exists()
    finally:
        subprocess.run(["umount", point], check=True)


@needs_root
@pytest.mark.parametrize("where", ["bound", "folder/bound"])
@pytest.mark.parametrize("way", ["unknown", "in the way"])
def test_delete_spares_bound_folders(pulih, tree, out, work, where, way):
    """A bind mount has the device number of what lies around it."""
    if way == "in the way":
        (tree / where.split("/")[0]).write_bytes(b"a file")
    pulih.backup(tree)
    point = pulih.restored(out, tree) / where
    point.mkdir(parents=True)
    elsewhere = work / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_bytes(b"x")
    if subprocess.run(["mount", "--bind", elsewhere, point]).returncode != 0:
        pytest.skip("cannot mount here")
    try:
        result = pulih.restore(out, "latest", "--delete", code=1)
        assert (elsewhere / "precious").exists() and point.exists()
        assert "mounted on it" in result.everything
    finally:
        subprocess.run(["umount", point], check=True)


@needs_root
def test_immutable_over_what_is_there(pulih, source, out):
    """An immutable file cannot be renamed: it must get its flag when it has its name."""
    flagged = {"i": source / "immutable", "a": source / "append"}
    for flag, path in flagged.items():
        path.write_bytes(b"new")
        if subprocess.run(["chattr", f"+{flag}", path]).returncode != 0:
            pytest.skip("no file flags here")
    pulih.backup(source)
    target = pulih.restored(out, source)
    target.mkdir(parents=True)
    for path in flagged.values():
        (target / path.name).write_bytes(b"old")
    pulih.restore(out, "latest", "--verify")
    assert_same(source, target)
    assert sorted(os.listdir(target)) == ["append", "immutable"]


def test_dry_run(stored, out):
    stored.restore(out, "latest", "--dry-run")
    assert not out.exists() or files(out) == []


def test_hostile_links_in_the_destination(stored, tree, out, work):
    """Links planted where the restore will write lead nowhere."""
    trap = work / "trap"
    trap.mkdir()
    (trap / "top").write_bytes(b"untouched")
    target = stored.restored(out, tree)
    target.mkdir(parents=True)
    os.symlink(trap, target / "a")
    os.symlink(trap / "top", target / "top")
    os.symlink(trap / "new", target / "b")
    stored.restore(out, code=None)
    assert files(trap) == ["top"] and (trap / "top").read_bytes() == b"untouched"


def test_hostile_hard_link_in_the_destination(stored, tree, out, work):
    """A file there that is a hard link of something else is replaced, not written through."""
    precious = work / "precious"
    precious.write_bytes(b"precious")
    target = stored.restored(out, tree)
    target.mkdir(parents=True)
    os.link(precious, target / "top")
    stored.restore(out)
    assert precious.read_bytes() == b"precious" and (target / "top").read_bytes() == b"top"


@needs_root
def test_setuid_only_after_the_owner(pulih, source, out):
    (source / "tool").write_bytes(b"#!")
    os.chown(source / "tool", 4321, 4321)
    (source / "tool").chmod(0o4755)
    pulih.backup(source)
    pulih.restore(out)
    found = pulih.restored(out, source / "tool").stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (4321, 0o4755)


@needs_root
def test_as_ordinary_user(pulih, everything, work):
    """Content comes back; owners that may not be set and devices that may not be made are exceptions: every one is named, and the exit code is 3."""
    for path in [pulih.folder, *pulih.folder.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    pulih.backup(everything)
    for path in [pulih.folder, *pulih.folder.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    out = work / "nobody"
    out.mkdir()
    os.chown(out, 65534, 65534)
    result = pulih.json("restore", "latest", "-t", out, user=65534, code=3)
    assert result.error["code"] == "PL-1514" and {"owner", "device"} <= set(result.summary["missing_features"])
    problems = result.of_type("problem")
    assert len(problems) == result.summary["metadata_problems"] and {problem["kind"] for problem in problems} == {"metadata"}
    named = {os.fsencode(problem["path"]) if "path_b64" not in problem else base64.b64decode(problem["path_b64"]) for problem in problems}
    top = os.fsencode(everything)
    missing, owners = set(), {}
    for path, entry in read_tree(everything).items():
        if stat.S_ISBLK(entry.kind) or stat.S_ISCHR(entry.kind):
            missing.add(path)
        if entry.stat.st_uid != 65534:
            owners.setdefault(entry.stat.st_ino, set()).add(top + b"/" + path if path else top)
    assert missing and {top + b"/" + path for path in missing} <= named
    assert all(names & named for names in owners.values())
    assert missing == set(read_tree(everything)) - set(read_tree(pulih.restored(out, everything)))
    original = {path: entry for path, entry in read_tree(everything).items() if stat.S_ISREG(entry.kind)}
    copy = read_tree(pulih.restored(out, everything))
    wrong = [path for path, entry in original.items() if path not in copy or copy[path].hash != entry.hash]
    assert wrong == []
    # for people: one of each kind, all devices, and how many more there are
    result = pulih.restore(work / "nobody", user=65534, code=3)
    shown = len(re.findall(r"PL-15\d\d", result.everything)) - 1
    assert "special/block" in result.everything and shown <= 20
    assert f"and {len(problems) - shown} more; -v names them all" in result.everything
    result = pulih.restore(work / "nobody", "latest", "-v", user=65534, code=3)
    assert len(re.findall(r"PL-15\d\d", result.everything)) - 1 == len(problems)


def test_verify_after_restore(stored, out):
    result = stored.json("restore", "latest", "-t", out, "--verify")
    assert result.summary["files_verified"] >= 5


def test_verify_finds_what_the_disk_lost(stored, tree, out):
    """A write that the disk swallowed: the destination is at fault, and nobody is sent to look for damage in the repository."""
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": out, "PULIH_FAULT_OPS": "data", "PULIH_FAULT_AT": "1", "PULIH_FAULT_ACTION": "lie"}
    stored.restore(out, "latest", env=fault)
    result = stored.json("restore", "latest", "-t", out, "--verify", env=fault, code=4)
    assert result.error["code"] == "PL-1507" and "1 entries do not read back" in result.error["message"]
    assert "pulih verify" not in result.error["remedy"]
    assert [problem["code"] for problem in result.of_type("problem")] == ["PL-1507"]
    result = stored.json("restore", "latest", "-t", out, "--verify")
    assert_same(tree, stored.restored(out, tree))


def test_verify_tells_damage_and_loss_apart(pulih, source, out):
    """Damage in the repository is what the verdict is about, and only that is counted in it."""
    for name in ("broken", "lost"):
        (source / name).write_bytes(os.urandom(100_000))
        pulih.backup(source, "--exclude", "lost" if name == "broken" else "nothing")
        if name == "broken":
            (pack,) = (path for path in pulih.objects("packs") if path.stat().st_size > 50_000)
    damaged = bytearray(pack.read_bytes())
    damaged[5000] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(damaged)
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": pulih.restored(out, source) / "lost", "PULIH_FAULT_OPS": "data", "PULIH_FAULT_AT": "1",
             "PULIH_FAULT_ACTION": "lie"}
    result = pulih.json("restore", "latest", "-t", out, "--verify", env=fault, code=4)
    assert result.error["code"] == "PL-1512" and "1 entries are not restored" in result.error["message"]
    assert "PL-1507" in [problem["code"] for problem in result.of_type("problem")]


def test_full_destination(pulih, source, work):
    """No room: exit 1, said so, and nothing half-written under a final name."""
    (source / "large").write_bytes(os.urandom(30 << 20))
    (source / "little").write_bytes(b"x")
    pulih.backup(source)
    mount = work / "tiny"
    mount.mkdir()
    if not trees.IS_ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", mount], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        result = pulih.restore(mount / "out", code=1)
        assert "PL-1002" in result.everything
        large = pulih.restored(mount / "out", source / "large")
        assert not large.exists() or large.stat().st_size != 30 << 20 or large.read_bytes() == (source / "large").read_bytes()
    finally:
        subprocess.run(["umount", mount], check=True)


# What tar cannot hold: sockets, file flags. GNU tar's names are limited by PATH_MAX.
TAR_LOSES = ("flags",)


@pytest.mark.parametrize("extract", [["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-xpf"], ["bsdtar", "--numeric-owner", "-xpf"]],
                         ids=["GNU tar", "bsdtar"])
def test_tar(pulih, source, out, work, extract):
    """What a plain tar makes of it is the tree."""
    top = source / "tree"
    tree = trees.RandomTree(top, 77)
    tree.mutate(60)
    for name in ("new\nline", "ü" * 60, "n" * 200):
        (top / name).write_bytes(name.encode())
    os.mkfifo(top / "fifo")
    os.link(top / "fifo", top / "fifo 2")
    os.symlink("new\nline", top / "link")
    os.link(top / "link", top / "link 2", follow_symlinks=False)
    os.setxattr(top / "new\nline", "user.attribute", b"value\0binary")
    trees.set_acl(top / ("n" * 200), "u:1:rw", "g:2:r")
    with open(top / "sparse", "wb") as file:
        file.seek(5 << 20)
        file.write(b"end")
    os.utime(top / "sparse", ns=(0, 1_234_567_890_123_456_789))
    pulih.backup(top)
    archive = work / "archive.tar"
    pulih("restore", "latest", "--to-tar", archive)
    out.mkdir()
    subprocess.run([*extract, archive], cwd=out, check=True)
    assert_same(top, pulih.restored(out, top), ignore=TAR_LOSES)


def test_tar_names_what_it_cannot_say(pulih, source, work):
    """Names of attributes and times that programs would read otherwise than they were."""
    for name in ("plain", "old", "whole", "attribute"):
        (source / name).write_bytes(b"x")
    os.utime(source / "old", ns=(0, -123_456_789_123_456_789))
    os.utime(source / "whole", ns=(0, -123_456_789_000_000_000))
    os.setxattr(source / "plain", "user.DosStream.x:$DATA", b"x")
    os.setxattr(source / "attribute", "user.a name", b"x")
    pulih.backup(source)
    result = pulih("restore", "latest", "--to-tar", work / "archive.tar", "-v", code=3)
    named = [line for line in result.everything.splitlines() if "PL-1505" in line]
    assert len(named) == 2 and "/old: " in named[1] and "user.a name" in named[0], result


def test_tar_of_damaged_repository_is_no_success(stored, work):
    pack = max(stored.objects("packs"), key=lambda p: p.stat().st_size)
    flip(pack, 200)
    stored("restore", "latest", "--to-tar", work / "archive.tar", code=4)


@pytest.fixture
def stored_long(pulih, source):
    """Several files that no buffer holds: a tar of them is written in many steps."""
    for name in "abcdefgh":
        (source / name).write_bytes(os.urandom(300_000))
    pulih.backup(source)
    return pulih


def fault_at(path, action, at=5):
    return {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": path, "PULIH_FAULT_OPS": "data", "PULIH_FAULT_AT": str(at), "PULIH_FAULT_ACTION": action}


@pytest.mark.parametrize("action, code, message", [("full", 1, "PL-1002"), ("eio", 1, "PL-1511"), ("interrupt", 130, "PL-1005")])
def test_tar_that_cannot_be_finished(stored_long, work, action, code, message):
    """It is taken away, and nothing says that anything was restored."""
    archive = work / "archive.tar"
    result = stored_long("restore", "latest", "--to-tar", archive, env=fault_at(archive, action), code=code)
    assert message in result.everything and result.out == b"" and not archive.exists()
    result = stored_long.json("restore", "latest", "--to-tar", archive, env=fault_at(archive, action), code=code)
    assert result.error["code"] == message and result.of_type("summary") == [] and not archive.exists()
    stored_long("restore", "latest", "--to-tar", archive)
    assert len(subprocess.run(["tar", "-tf", archive], check=True, capture_output=True).stdout.splitlines()) >= 8


@pytest.mark.parametrize("action, code", [("full", 1), ("eio", 1), ("interrupt", 130)])
def test_tar_on_standard_output_that_cannot_be_finished(stored_long, work, action, code):
    """What was written cannot be taken back: it lacks the end of an archive."""
    archive = work / "archive.tar"
    with open(archive, "wb") as file:
        stored_long("restore", "latest", "--to-tar", "-", stdout=file, env=fault_at(archive, action), code=code)
    content = archive.read_bytes()
    assert content and content[-1024:] != bytes(1024)
    assert subprocess.run(["tar", "-tf", archive], capture_output=True).returncode != 0


def test_tar_to_a_reader_that_goes(stored_long):
    process = stored_long.start("restore", "latest", "--to-tar", "-")
    process.stdout.read(1000)
    process.stdout.close()
    error = process.stderr.read().decode()
    assert process.wait() == 1 and "PL-1511" in error and "restored" not in error


def test_tar_to_a_full_device(stored_long):
    result = stored_long("restore", "latest", "--to-tar", "/dev/full", code=1)
    assert "PL-1002" in result.everything and "restored" not in result.text


def test_tar_that_lacks_what_is_damaged_has_its_end(stored_long, source, work):
    """It may be all that is left: it is kept, can be read, and the damage is named."""
    (source / "i").write_bytes(os.urandom(300_000))
    before = set(stored_long.objects("packs"))
    stored_long.backup(source)
    pack = max(set(stored_long.objects("packs")) - before, key=lambda p: p.stat().st_size)
    flip(pack, 5000)
    archive = work / "archive.tar"
    result = stored_long("restore", "latest", "--to-tar", archive, code=4)
    assert "/i" in result.everything
    names = subprocess.run(["tar", "-tf", archive], check=True, capture_output=True, text=True).stdout
    assert all(f"/{name}\n" in names for name in "abcdefgh") and "/i\n" not in names


def test_tar_of_what_cannot_be_read(stored_long, source, work):
    """A disk that does not give some sectors of a large file: all the others are in the tar, as a restore into a folder has them."""
    before = set(stored_long.objects("packs"))
    (source / "large").write_bytes(os.urandom(30 << 20))
    stored_long.backup(source)
    pack = max(set(stored_long.objects("packs")) - before, key=lambda p: p.stat().st_size)
    content = pack.read_bytes()
    pack.unlink()
    pack.mkdir()  # opens and reads fail, and it is not missing
    archive = work / "archive.tar"
    result = stored_long("restore", "latest", "--to-tar", archive, code=1)
    assert "/large" in result.everything and "PL-1203" in result.everything
    names = subprocess.run(["tar", "-tf", archive], check=True, capture_output=True, text=True).stdout
    assert all(f"/{name}\n" in names for name in "abcdefgh")
    pack.rmdir()
    pack.write_bytes(content)
    stored_long("restore", "latest", "--to-tar", work / "whole.tar")
