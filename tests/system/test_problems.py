"""Sources that cannot be read, change or vanish: named, never silent."""
import hashlib
import os
import re
import signal
import stat
import subprocess
import threading
import time

import pytest

import trees
from compare import assert_same
from conftest import needs_root
from pulih import Pulih

NOBODY = 65534


@pytest.fixture
def as_nobody(work):
    """The program with folders that an ordinary user owns, and its runs as that user."""
    pulih = Pulih(work / "nobody")
    for path in [pulih.folder, *pulih.folder.iterdir()]:
        os.chown(path, NOBODY, NOBODY)
    pulih("init", user=NOBODY)
    return pulih


@needs_root
def test_unreadable_file_and_folder(as_nobody, source, out):
    (source / "good").write_bytes(b"good")
    (source / "secret").write_bytes(b"secret")
    (source / "secret").chmod(0o600)
    (source / "closed").mkdir()
    (source / "closed" / "inside").write_bytes(b"x")
    (source / "closed").chmod(0o700)
    result = as_nobody.json("backup", source, user=NOBODY, code=3)
    assert result.summary["unreadable"] == 2
    text = result.everything
    assert str(source / "secret").lstrip("/") in text and str(source / "closed").lstrip("/") in text
    as_nobody.restore(out, user=None, code=(0, 3))
    assert as_nobody.restored(out, source / "good").read_bytes() == b"good"
    assert not as_nobody.restored(out, source / "closed" / "inside").exists()
    # once it can be read, the next run takes it: a failure is not remembered as "unchanged"
    (source / "secret").chmod(0o644)
    (source / "closed").chmod(0o755)
    as_nobody("backup", source, user=NOBODY)
    trees.release(out)
    as_nobody.restore(out)
    assert as_nobody.restored(out, source / "secret").read_bytes() == b"secret"
    assert as_nobody.restored(out, source / "closed" / "inside").read_bytes() == b"x"


@needs_root
def test_nothing_can_be_read(as_nobody, source):
    """A backup of nothing is none: it fails and leaves no snapshot."""
    (source / "secret").write_bytes(b"secret")
    (source / "secret").chmod(0o600)
    result = as_nobody("backup", source, user=NOBODY, code=1)
    assert "PL-1301" in result.everything and "secret" in result.everything
    assert as_nobody.snapshots() == []


@needs_root
def test_unreadable_names_are_human_too(as_nobody, source):
    (source / "good").write_bytes(b"good")
    (source / "secret").write_bytes(b"secret")
    (source / "secret").chmod(0o600)
    result = as_nobody("backup", source, user=NOBODY, code=3)
    assert "PL-1301" in result.everything and "secret" in result.everything


def test_path_that_is_not_there(pulih, source):
    (source / "file").write_bytes(b"x")
    result = pulih("backup", source, source / "not there", code=3)
    assert "not there" in result.everything and "PL-1303" in result.everything
    result = pulih("backup", source / "not there", code=1)
    assert "PL-1303" in result.everything
    assert len(pulih.snapshots()) == 1, "a backup of nothing must not leave a snapshot"


def test_paths_that_are_stored_under_one(pulih, source, out):
    """"data" and "../data" are two folders with one path in the snapshot: the second is not silently left out."""
    (source / "new/data").mkdir(parents=True)
    (source / "data").mkdir()
    (source / "data/precious").write_bytes(b"x")
    (source / "new/data/here").write_bytes(b"y")
    result = pulih("backup", "data", "../data", cwd=source / "new", code=3)
    assert "PL-1314" in result.everything and "../data is left out" in result.everything
    pulih.backup("data", "./data", source / "data", cwd=source / "new")
    pulih.restore(out)
    assert (out / "data/here").exists() and pulih.restored(out, source / "data/precious").exists()


def test_source_that_is_a_link(pulih, source, out):
    """The link alone is stored: nobody must think that the folder is, unless that is backed up too."""
    (source / "real/sub").mkdir(parents=True)
    (source / "real/sub/precious").write_bytes(b"x")
    (source / "link").symlink_to("real")
    (source / "deep").symlink_to("real/sub")
    (source / "file").symlink_to("real/sub/precious")
    (source / "nowhere").symlink_to("absent")
    for paths in (["link"], ["link/"], [source / "link"], ["link", "file"], ["link", "link/sub"], ["link", "deep"], ["link", "real/sub"]):
        result = pulih("backup", *paths, cwd=source, code=3)
        assert "PL-1315" in result.everything and f"{paths[0]} is a link to a folder" in result.everything
    for paths in (["link", "real"], ["deep", "real"], ["link", "."], [source / "link", "../" + source.name], ["file", "nowhere"]):
        pulih.backup(*paths, cwd=source)
    pulih.backup("link", "real", cwd=source)
    pulih.restore(out)
    assert os.readlink(out / "link") == "real" and (out / "link/sub/precious").read_bytes() == b"x"


def test_file_that_changes_while_it_is_read(pulih, source, out):
    """A backup of a mixture of states says so, and the next one, at rest, is whole."""
    size, block = 48 << 20, 4096
    path = source / "busy"
    path.write_bytes(bytes(size))
    stop = threading.Event()

    def write():
        number = 0
        with open(path, "r+b", buffering=0) as file:
            while not stop.is_set():
                number = number % 250 + 1
                for offset in range(0, size, 1 << 20):
                    file.seek(offset)
                    file.write(bytes([number]) * block)
                time.sleep(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        result = pulih.json("backup", source, code=3)
    finally:
        stop.set()
        writer.join()
    assert result.summary["changed_while_read"] == 1
    assert "busy" in result.everything and "PL-1308" in result.everything
    pulih.restore(out, code=(0, 3))
    content = pulih.restored(out, path).read_bytes()
    assert len(content) == size
    assert not any(content[offset + block:offset + 2 * block].strip(b"\0") for offset in range(0, size, 1 << 20))
    # and at rest it is whole again, with no memory of the half-read state
    pulih("backup", source)
    trees.release(out)
    pulih.restore(out)
    assert_same(source, pulih.restored(out, source))


def test_file_that_grows(pulih, source, out):
    """A log that grows faster than it is read: the backup ends all the same, with what was in it up to some moment."""
    path, line, bound = source / "log", b"line of a log\n", 4 << 30
    path.write_bytes(line * (1 << 20))
    stop = threading.Event()

    def write():
        with open(path, "ab", buffering=0) as file:
            while not stop.is_set() and file.tell() < bound:
                file.write(line * (1 << 16))
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        pulih("backup", source, code=(0, 3))
        assert path.stat().st_size < bound, "it was read until its writer gave up"
    finally:
        stop.set()
        writer.join()
    os.truncate(path, 0)  # room for the restore
    pulih.restore(out, code=(0, 3))
    digest, expected = hashlib.sha256(), hashlib.sha256()
    size = pulih.restored(out, path).stat().st_size
    assert size >= len(line) << 20
    with open(pulih.restored(out, path), "rb") as file:
        while block := file.read(len(line) << 16):
            digest.update(block)
            expected.update((line * (1 << 16))[:len(block)])
    assert digest.digest() == expected.digest()


def test_files_that_vanish(pulih, source, out):
    """A backup over a tree that others tear down ends, says 0 or 3, and what stayed is whole."""
    for number in range(4000):
        (source / f"{number:05d}").write_bytes(b"%d" % number * 50)
    stay = source / "zz stays"
    stay.mkdir()
    (stay / "file").write_bytes(b"stays")

    def remove():
        for number in reversed(range(4000)):
            (source / f"{number:05d}").unlink()

    remover = threading.Thread(target=remove)
    remover.start()
    result = pulih.json("backup", source, code=(0, 3))
    remover.join()
    assert result.code == (3 if result.summary["vanished"] or result.summary["unreadable"] else 0)
    pulih.restore(out, code=(0, 3))
    assert_same(stay, pulih.restored(out, stay))


def test_folder_exchanged_for_a_link_is_not_followed(pulih, source, work, out):
    """While the backup runs, folders turn into links to a secret place and back."""
    secret = work / "secret"
    secret.mkdir()
    (secret / "file").write_bytes(b"SECRET")
    for number in range(300):
        (source / f"{number:03d}").mkdir()
        (source / f"{number:03d}" / "file").write_bytes(b"public")
    stop = threading.Event()

    def exchange():
        while not stop.is_set():
            for number in range(0, 300, 3):
                folder = source / f"{number:03d}"
                try:
                    folder.rename(source / "aside")
                    os.symlink(secret, folder)
                    folder.unlink()
                    (source / "aside").rename(folder)
                except OSError:
                    pass

    exchanger = threading.Thread(target=exchange)
    exchanger.start()
    try:
        for _ in range(5):
            pulih("backup", source, code=(0, 3))
    finally:
        stop.set()
        exchanger.join()
    for number, snapshot in enumerate(pulih.snapshots()):
        pulih.restore(out / str(number), snapshot["id"], code=(0, 3))
    found = subprocess.run(["grep", "-rl", "SECRET", str(out)], stdout=subprocess.PIPE).stdout
    assert found == b"", found


@needs_root
def test_one_file_system(pulih, source, out):
    (source / "mounted").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source / "mounted"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        (source / "mounted" / "elsewhere").write_bytes(b"x")
        (source / "here").write_bytes(b"x")
        pulih("backup", "--one-file-system", source)
        pulih.restore(out)
        restored = pulih.restored(out, source)
        assert sorted(os.listdir(restored)) == ["here", "mounted"] and os.listdir(restored / "mounted") == []
        pulih("backup", source)
        trees.release(out)
        pulih.restore(out)
        assert (restored / "mounted" / "elsewhere").exists()
    finally:
        subprocess.run(["umount", source / "mounted"], check=True)


def test_target_below_the_source(pulih, work, out):
    """A repository that lies within what is backed up does not swallow itself."""
    (work / "file").write_bytes(b"x")
    for _ in range(2):
        pulih("backup", work, code=(0, 3), timeout=120)
    pulih.restore(out, code=(0, 3))
    assert pulih.restored(out, work / "file").read_bytes() == b"x"


def test_dry_run_writes_nothing(pulih, small):
    before = {p: p.read_bytes() for p in pulih.repo.rglob("*") if p.is_file()}
    pulih("backup", "-n", small)
    assert {p: p.read_bytes() for p in pulih.repo.rglob("*") if p.is_file()} == before
    assert pulih.snapshots() == []
    first = pulih.backup(small)
    assert first["files_new"] > 0, "a dry run must not make the next run believe that files are stored"


def test_special_files_do_not_block(pulih, source, out):
    os.mkfifo(source / "fifo")
    pulih("backup", source, timeout=60)
    pulih("backup", source / "fifo", timeout=60)
    pulih.restore(out)
    assert stat.S_ISFIFO(os.lstat(pulih.restored(out, source / "fifo")).st_mode)


def bytes_read_by(pid):
    """None: it is gone."""
    try:
        with open(f"/proc/{pid}/io") as file:
            return int(file.readline().split()[1])
    except (OSError, ValueError, IndexError):
        return None


def test_interrupt_in_a_long_file(pulih, source):
    """Ctrl-C is heard in the middle of a file too, also where nothing of it is new and nothing has to be written."""
    with open(source / "zeros", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 6 << 30)
    process = pulih.start("backup", source)
    time.sleep(1)
    assert process.poll() is None, "it was over before it could be interrupted"
    read = now = bytes_read_by(process.pid)
    process.send_signal(signal.SIGINT)
    while process.poll() is None and now is not None:
        read_on = now - read
        now = bytes_read_by(process.pid)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and b"PL-1005" in err
    assert read_on < 2 << 30, "it read on"
    assert pulih.objects("snapshots") == pulih.objects("sessions") == []


def test_file_that_says_it_is_empty(pulih):
    """Files of /proc have contents and no size: stored as empty ones they are not what they were."""
    assert os.stat("/proc/version").st_size == 0
    assert pulih.backup("/proc/version", code=3)["changed_while_read"] == 1
    assert pulih.backup("/proc/version", code=3)["changed_while_read"] == 1


def test_state_folder_that_cannot_be_used(pulih, small, out):
    """A machine that needs its backup back may have a full disk: reading needs no state folder, and its lack is no damage."""
    pulih.backup(small)
    nowhere = {"PULIH_STATE_DIR": "/proc/nowhere"}
    pulih.restore(out, env=nowhere)
    assert_same(small, pulih.restored(out, small))
    pulih("ls", "latest", env=nowhere)
    for tier in ("structure", "stored", "content"):
        pulih("verify", "--tier", tier, env=nowhere)
    pulih("ls", "latest", env={**nowhere, "TMPDIR": "/proc/nowhere"})


def test_budget_without_a_passphrase(pulih, source):
    """What was read when is remembered: the next run goes on where the last one ended."""
    for i in range(3):
        (source / "file").write_bytes(os.urandom(300_000))
        pulih.backup(source)
    packs = len(pulih.objects("packs"))
    keyless = {"PULIH_PASSWORD_FILE": None}
    for _ in range(packs):
        summary = pulih.json("verify", "--budget", "1", env=keyless).summary
        assert summary["packs_read"] == 1 and summary["keyless"]
    assert "oldest_unread" in summary


@needs_root
def test_verify_of_a_file_that_its_owner_may_not_read(as_nobody, work):
    """A file of mode 0 that a user restored is whole: that he may not read it is no damage."""
    tree = as_nobody.folder / "tree"
    tree.mkdir()
    (tree / "closed").write_bytes(b"content")
    os.chown(tree, NOBODY, NOBODY)
    os.chown(tree / "closed", NOBODY, NOBODY)
    (tree / "closed").chmod(0)
    as_nobody("backup", tree, user=None)  # root reads it
    for path in as_nobody.folder.rglob("*"):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    out = as_nobody.folder / "out"
    summary = as_nobody.json("restore", f"latest:{tree}", "-t", out, "--verify", user=NOBODY).summary
    assert summary["files_verified"] == 1
    assert stat.S_IMODE((out / "closed").stat().st_mode) == 0


@pytest.mark.parametrize("form", ["absolute", "relative", "dot", "link", "link above"])
def test_a_repository_inside_the_source_is_not_backed_up(work, source, out, form):
    pulih = Pulih(source / "deep" / "pulih").init()
    (source / "deep" / "file").write_bytes(b"x" * 1000)
    (work / "other").symlink_to(source)
    if form == "link":
        (source / "alias").symlink_to(pulih.repo)
        pulih.environment["PULIH_REPOSITORY"] = str(source / "alias")
    path, cwd = {"relative": ("source", work), "dot": (".", source), "link above": (work / "other" / "deep", work)}.get(form, (source, work))
    for _ in range(3):
        pulih("backup", path, "--force", cwd=cwd)
    names = pulih("ls", "latest").text.splitlines()
    assert any(name.endswith("/repo") for name in names) and any(name.endswith("/file") for name in names), names
    assert not [name for name in names if re.search(r"/repo/|/state/[0-9a-f]{32}/", name)], names
    sizes = [s["size"] for s in pulih.snapshots()]
    assert sizes[1] == sizes[2], sizes


def test_the_repository_as_a_source_is_named(pulih, source):
    (source / "file").write_bytes(b"x")
    result = pulih.json("backup", source, pulih.repo, code=3)
    assert any("repository itself" in p["reason"] for p in result.of_type("problem")), result


@pytest.mark.parametrize("below", [False, True])
def test_restore_never_deletes_its_own_repository(work, source, below):
    place = source / "disk"
    pulih = Pulih(place / "pulih")
    (source / "file").write_bytes(b"x")
    pulih.init()
    pulih("backup", source, *(["--exclude", "disk/"] if below else []))
    (source / "stranger").write_bytes(b"y")
    before = pulih.objects("packs") + pulih.objects("snapshots")
    result = pulih("restore", f"latest:{source}", "-t", source, "--delete", code=1 if below else 0)
    assert not (source / "stranger").exists(), result
    assert pulih.objects("packs") + pulih.objects("snapshots") == before and before
    pulih("verify", "--tier", "content")


@pytest.mark.parametrize("place", ["repo", "repo/packs/new", "above"])
def test_restore_into_its_own_repository(pulih, source, place):
    """A snapshot may hold a file "config": put in place of the repository's, nothing can be read any more."""
    (source / "repo").mkdir()
    for name in ("config", "repo/config"):
        (source / name).write_bytes(b"of something else")
    pulih("backup", source)
    before = {path: path.read_bytes() for kind in ("config", "packs", "snapshots", "keys") for path in pulih.objects(kind)}
    destination = pulih.folder if place == "above" else pulih.folder / place
    result = pulih("restore", f"latest:{source}", "-t", destination, code=1)
    assert "PL-1502" in result.everything and "repository itself" in result.everything
    assert {path: path.read_bytes() for path in before} == before
    assert (pulih.folder / "config").exists() == (place == "above")
    pulih("verify", "--tier", "content")


def test_state_folder_on_a_read_only_file_system(pulih, small, work):
    mount = work / "fixed"
    mount.mkdir()
    if not trees.IS_ROOT or subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", mount], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        result = pulih("backup", small, env={"PULIH_STATE_DIR": mount / "state"}, code=1)
        assert "Read-only file system" in result.everything and "No such file" not in result.everything
    finally:
        subprocess.run(["umount", mount], check=True)
