"""core/ssh/sftp.h against OpenSSH's servers."""
import os
import random
import signal
import stat
import time

import pytest

from ssh_server import SshServer

BROKEN, PROTOCOL, REFUSED, MISSING, DENIED, FAILED, EXISTS = 2108, 2110, 2111, 2112, 2113, 2114, 2115


@pytest.fixture(scope="module")
def server():
    made = SshServer(settings=["ClientAliveInterval 5"])
    yield made
    made.end()


@pytest.fixture
def own():
    made = []

    def make(*settings):
        made.append(SshServer(settings=settings))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_200_megabytes(server, work):
    data = random.Random(1).randbytes(200_000_001)
    (work / "big").write_bytes(data)
    assert server.ok("cat", work / "big", 0).out == data
    assert server.ok("cat", work / "big", 199_999_000).out == data[199_999_000:]
    assert server.ok("cat", work / "big", len(data)).out == b""
    assert server.ok("cat", work / "big", len(data) + 5).out == b""


@pytest.mark.parametrize("size", [0, 1, 4095, 32768, 65535, 65536, 65537, 131072, 131073, 1 << 22, (1 << 22) + 1])
def test_sizes(server, work, size):
    data = random.Random(size).randbytes(size)
    (work / "file").write_bytes(data)
    assert server.ok("cat", work / "file", 0).out == data
    assert server.ok("put", work / "copy", stdin=data).text == "durable 1\n"
    assert (work / "copy").read_bytes() == data


def test_file_that_grows_and_shrinks(server, work):
    """It ends where the server says so; nothing hangs, nothing is made up."""
    (work / "file").write_bytes(b"a" * (30 << 20))
    running = server.begin("cat", work / "file", 0, pause=2)
    out = running.read(1 << 20)
    os.truncate(work / "file", 5 << 20)
    ended = running.end()
    assert ended.code == 0 and len(out) + len(ended.out) <= 30 << 20 and set(out + ended.out) == {ord("a")}


def listed(ended):
    rows = [line.split() for line in ended.text.splitlines()]
    return {bytes.fromhex(row[0]): tuple(int(field, 8 if at == 0 else 10) for at, field in enumerate(row[1:])) for row in rows}


def test_folder_of_20000_names(server, work):
    for i in range(20000):
        (work / f"a name with a number {i}").touch()
    names = listed(server.ok("list", work))
    assert names.keys() == {os.fsencode(name) for name in os.listdir(work)}


def test_names_are_bytes(server, work):
    names = [b"plain", b"\xff\xfe", "sūrat".encode(), b"new\nline", b"tab\t", b"\x01", b" ", b"-rf", b"..."]
    for name in names:
        with open(os.fsencode(work) + b"/" + name, "wb") as file:
            file.write(name)
    ended = server.ok("list", work)
    assert [bytes.fromhex(line.split()[0]) for line in ended.text.splitlines()] == sorted(names)
    assert server.ok("catall", work).out == b"".join(sorted(names))
    assert r"\xff" in server.fails(MISSING, "cat", os.fsdecode(os.fsencode(work) + b"/\xff"), 0).err


def test_attributes(server, work):
    (work / "file").write_bytes(b"12345")
    (work / "file").chmod(0o4751)
    os.utime(work / "file", (1, 2_000_000_000))
    (work / "folder").mkdir()
    os.symlink("no/where", work / "link")
    os.symlink("file", work / "good")
    os.mkfifo(work / "pipe")
    if os.getuid() == 0:
        os.chown(work / "file", 12345, 54321)
        (work / "file").chmod(0o4751)
    for name, row in listed(server.ok("list", work)).items():
        here = os.lstat(os.fsencode(work) + b"/" + name)
        assert row == (here.st_mode, here.st_size, here.st_uid, here.st_gid, int(here.st_mtime)), name
    shown = server.ok("names", f"stat {work}/good", f"lstat {work}/good", f"readlink {work}/link", f"space {work}", f"stat {work}/link", f"readlink {work}/file").text.split()
    assert shown[:4] == [f"{stat.S_IFREG | 0o4751:o}", "5", f"{stat.S_IFLNK | 0o777:o}", "4"] and shown[4] == "no/where"
    here = os.statvfs(work)
    assert int(shown[5]) == here.f_blocks * here.f_frsize and 0 < int(shown[6]) <= int(shown[5])


def test_many_small_files(server, work):
    """Thirty-two are asked for before the first is read."""
    contents = []
    for i in range(1000):
        contents.append(b"file %d\n" % i * (i % 7))
        (work / f"{i:04}").write_bytes(contents[-1])
    assert server.ok("catall", work).out == b"".join(contents)


def test_many_large_files(server, work):
    contents = []
    for i in range(40):
        contents.append(random.Random(i).randbytes(1_000_000 + i))
        (work / f"{i:04}").write_bytes(contents[-1])
    assert server.ok("catall", work).out == b"".join(contents)


def test_refusals_end_nothing(server, work):
    (work / "there").write_text("old")
    (work / "other").write_text("other")
    ended = server.ok("names", f"stat {work}/none", f"rename {work}/other {work}/there", f"mkdir {work}/there", f"unlink {work}/none", f"rename {work}/other {work}/new",
                      f"mkdir {work}/folder", f"unlink {work}/there", f"unlink {work}/folder", f"readlink {work}/folder")
    codes = [line.split()[0] for line in ended.err.splitlines() if line.startswith("PL-")]
    assert codes[:4] == ["PL-2112", "PL-2115", "PL-2115", "PL-2112"] and len(codes) == 6
    assert sorted(os.listdir(work)) == ["folder", "new"] and (work / "new").read_text() == "other"
    assert stat.S_IMODE(os.stat(work / "folder").st_mode) == 0o750


def test_writing(server, work):
    data = random.Random(5).randbytes(50_000_000)
    server.ok("put", work / "file", stdin=data)
    assert (work / "file").read_bytes() == data and stat.S_IMODE(os.stat(work / "file").st_mode) == 0o640
    server.fails(EXISTS, "put", work / "file", stdin=b"new")
    assert (work / "file").read_bytes() == data
    server.fails(MISSING, "put", work / "no" / "file", stdin=b"new")
    server.fails(FAILED, "cat", work, 0)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_full_disk(server, work):
    (work / "small").mkdir()
    os.system(f"mount -t tmpfs -o size=1M none {work}/small")
    try:
        server.fails(FAILED, "put", work / "small" / "file", stdin=b"x" * 5_000_000)
        server.fails(FAILED, "put", work / "small" / "second", stdin=b"x" * 1000)
    finally:
        os.system(f"umount {work}/small")


def test_read_only(own, work):
    server = own("Subsystem sftp internal-sftp -R")
    server.fails(DENIED, "put", work / "file", stdin=b"new")
    assert not os.listdir(work)
    (work / "file").write_text("content")
    assert server.ok("cat", work / "file", 0).out == b"content"


def test_shell_that_prints_text(own, work):
    """A profile that says something destroys SFTP through a shell; a server inside sshd does not care."""
    (work / ".bashrc").write_text("echo 'Selamat datang di server!'\n")
    server = own(f"SetEnv HOME={work}", "Subsystem sftp /usr/lib/openssh/sftp-server")
    assert "Selamat datang" in server.fails(PROTOCOL, "sftp").err
    own(f"SetEnv HOME={work}").ok("sftp")


def test_subsystems_that_are_none(own):
    own("Subsystem other internal-sftp").fails(REFUSED, "sftp")
    own("Subsystem sftp /bin/false").fails(REFUSED, "sftp")
    own("Subsystem sftp /bin/cat").fails(PROTOCOL, "sftp")


def test_goes_on_where_it_was(server, own, work):
    """Session and listener are killed in the middle of a file, twice."""
    data = random.Random(9).randbytes(60_000_000)
    (work / "file").write_bytes(data)
    other = own()
    running = other.begin("resume", work / "file", attempts=50, first=1, most=2, pause=1)
    out = b""
    for _ in range(2):
        out += running.read(10_000_000)
        other.kill()
        time.sleep(0.5)
        other.start()
    ended = running.end(out)
    assert ended.code == 0 and ended.out == data, ended.err


def test_interrupted(server):
    running = server.begin("cat", "/dev/zero", 0)
    running.read(1 << 20)
    running.process.send_signal(signal.SIGINT)
    running.process.stdout.close()
    assert running.process.wait(60) == 1
