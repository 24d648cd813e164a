"""File trees to back up: one with everything that file systems can hold, and random ones that change."""
import errno
import fcntl
import os
import random
import shutil
import socket
import stat
import struct
import subprocess

from compare import FS_IOC_GETFLAGS

FS_IOC_SETFLAGS = 0x40086602
FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL, FS_NOATIME_FL = 0x10, 0x20, 0x40, 0x80
IS_ROOT = os.geteuid() == 0

# Around the bounds of the chunker (128 KiB, 512 KiB, 2 MiB), of a frame (1 to 2 MiB), and nothing at all.
SIZES = [0, 1, 2, 4095, 4096, (128 << 10) - 1, 128 << 10, (128 << 10) + 1, 512 << 10, (2 << 20) - 1, 2 << 20, (2 << 20) + 1,
         5 << 20]

WORDS = "putusan perkara pengadilan agama ternate sidang pemohon termohon hakim panitera akta cerai talak nafkah waris".split()


def words(rng, size):
    text = " ".join(rng.choice(WORDS) for _ in range(size // 4 + 1)).encode()
    return text[:size]


def set_flags(path, flags):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        old = struct.unpack("i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, b"\0" * 4))[0]
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("i", old & ~(FS_IMMUTABLE_FL | FS_APPEND_FL) | flags))
        return True
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL):
            return False
        raise
    finally:
        os.close(fd)


def release(root):
    """Takes away the flags that keep a tree from being removed, then removes it."""
    root = os.fsencode(root)
    if os.path.lexists(root):
        subprocess.run(["chattr", "-R", "-f", "-i", "-a", "--", root], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(root)


def set_acl(path, *entries):
    return subprocess.run(["setfacl", "-m", ",".join(entries), path], stderr=subprocess.DEVNULL).returncode == 0


def make_everything(root):
    """A tree with every type, name, size, time, mode and attribute that this file system and this user can make."""
    rng = random.Random(1)
    root = os.fsencode(root)
    os.makedirs(root)

    def at(*parts):
        return os.path.join(root, *parts)

    def write(path, content=b"x"):
        with open(path, "wb") as file:
            file.write(content)
        return path

    os.mkdir(at(b"sizes"))
    for size in SIZES:
        write(at(b"sizes", b"random-%d" % size), rng.randbytes(size))
        write(at(b"sizes", b"words-%d" % size), words(rng, size))
    write(at(b"sizes", b"zeros"), bytes(3 << 20))

    os.mkdir(at(b"names"))
    odd = [b" ", b"  leading and trailing  ", b"new\nline", b"tab\there", b"\xff\xfe not utf-8 \x80", b"-rf", b"--json", b"*", b"?", b"[a]",
           b"!not", b"#comment", b"back\\slash", b"quote'\"`$(x)", b"...", b"..a", b".hidden", b"~", b"\x01\x02\x7f", b"\x1b[31m red",
           "çedilla é".encode(), "é".encode(), "مرحبا".encode(), "日本".encode(), "😀".encode(), b"con", b"a:b", b"a" * 255,
           "é".encode() * 127 + b"x", b"a", b"a.b", b"a-b", b"a0", b"A"]
    for name in odd:
        write(at(b"names", name), name)
    # a folder whose name sorts between names that share its beginning: component-wise order differs from byte order here
    for name in (b"b", b"b c", b"b-c", b"b0"):
        os.mkdir(at(b"names", name))
        write(at(b"names", name, b"inside"))

    # deeper than PATH_MAX: made and read through descriptors only
    fd = os.open(root, os.O_RDONLY)
    for level in range(24):
        name = b"deep%02d-" % level + b"d" * 190
        os.mkdir(name, dir_fd=fd)
        inner = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    leaf = os.open(b"leaf", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd)
    os.write(leaf, b"at the bottom")
    os.close(leaf)
    os.symlink(b"leaf", b"link at the bottom", dir_fd=fd)
    os.close(fd)

    os.mkdir(at(b"empty folder"))
    os.mkdir(at(b"links"))
    os.symlink(b"nowhere", at(b"links", b"dangling"))
    os.symlink(b"/", at(b"links", b"absolute"))
    os.symlink(b"..", at(b"links", b"up"))
    os.symlink(b"itself", at(b"links", b"itself"))
    os.symlink(b"\xff\n bad", at(b"links", b"bytes"))
    os.symlink(b"t" * 4000, at(b"links", b"long target"))
    first = write(at(b"links", b"one"), b"linked content")
    os.link(first, at(b"links", b"two"))
    os.link(first, at(b"empty folder", b"three"))
    os.link(at(b"links", b"dangling"), at(b"links", b"dangling too"), follow_symlinks=False)
    big = write(at(b"links", b"big one"), rng.randbytes(3 << 20))
    os.link(big, at(b"links", b"big two"))

    os.mkdir(at(b"special"))
    os.mkfifo(at(b"special", b"fifo"), 0o640)
    sock = socket.socket(socket.AF_UNIX)
    here = os.open(".", os.O_RDONLY)
    os.chdir(at(b"special"))  # socket addresses are short
    sock.bind(b"socket")
    os.fchdir(here)
    os.close(here)
    sock.close()
    if IS_ROOT:
        try:
            os.mknod(at(b"special", b"character"), stat.S_IFCHR | 0o620, os.makedev(4, 300))
            os.mknod(at(b"special", b"block"), stat.S_IFBLK | 0o660, os.makedev(259, 1000))
        except PermissionError:
            pass  # a container may lack CAP_MKNOD

    os.mkdir(at(b"modes"))
    for mode in (0o000, 0o400, 0o444, 0o600, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o6711, 0o1644):
        if IS_ROOT or mode & 0o400:
            os.chmod(write(at(b"modes", b"file-%o" % mode), b"m"), mode)
    for mode in (0o500, 0o700, 0o1777, 0o2775):
        os.mkdir(at(b"modes", b"folder-%o" % mode))
        write(at(b"modes", b"folder-%o" % mode, b"in"))
        os.chmod(at(b"modes", b"folder-%o" % mode), mode)
    if IS_ROOT:
        for uid, gid in ((1, 1), (65534, 65534), (123456, 234567), (4000000000, 4000000000)):
            path = write(at(b"modes", b"owner-%d" % uid))
            os.chown(path, uid, gid)
        os.chown(at(b"links", b"dangling"), 7, 8, follow_symlinks=False)

    os.mkdir(at(b"sparse"))
    for name, size, data in ((b"only a hole", 64 << 20, []), (b"hole first", 32 << 20, [(30 << 20, 65536)]),
                             (b"data first", 32 << 20, [(0, 65536)]), (b"islands", 256 << 20, [(n << 20, 4096) for n in range(1, 250, 7)]),
                             (b"ends in data", 8 << 20, [((8 << 20) - 4096, 4096)])):
        with open(at(b"sparse", name), "wb") as file:
            for offset, length in data:
                file.seek(offset)
                file.write(rng.randbytes(length))
            file.truncate(size)

    os.mkdir(at(b"attributes"))
    try:
        path = write(at(b"attributes", b"xattrs"))
        os.setxattr(path, "user.empty", b"")
        os.setxattr(path, "user.binary", bytes(range(256)))
        os.setxattr(path, "user." + "n" * 200, b"long name")
        os.setxattr(write(at(b"attributes", b"large")), "user.large", rng.randbytes(3000))
        os.mkdir(at(b"attributes", b"folder"))
        os.setxattr(at(b"attributes", b"folder"), "user.on.folder", b"yes")
        if IS_ROOT:
            os.setxattr(at(b"links", b"dangling"), "trusted.on.link", b"yes", follow_symlinks=False)
            # cap_net_raw, in the kernel's form: a restore must set it after the owner
            os.setxattr(write(at(b"attributes", b"capability")), "security.capability",
                        bytes.fromhex("0100000200200000000000000000000000000000"))
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EPERM):
            raise
    set_acl(write(at(b"attributes", b"acl")), "u:1:rw", "g:2:r", "u:54321:x", "m::rwx")
    set_acl(at(b"attributes", b"folder"), "u:1:rwx", "d:u:1:rwx", "d:g:3:rx")
    for name, flag in ((b"nodump", FS_NODUMP_FL), (b"noatime", FS_NOATIME_FL)):
        set_flags(write(at(b"attributes", name)), flag)
    if IS_ROOT:
        set_flags(write(at(b"attributes", b"immutable"), b"cannot be changed"), FS_IMMUTABLE_FL)
        set_flags(write(at(b"attributes", b"append"), b"grows only"), FS_APPEND_FL)

    os.mkdir(at(b"times"))
    for name, ns in ((b"1970", 0), (b"before", -1_500_000_000_123_456_789), (b"ns", 1_700_000_000_123_456_789), (b"2106", 4_294_967_296_000_000_001),
                     (b"last", (1 << 33) * 1_000_000_000 + 999_999_999)):
        os.utime(write(at(b"times", name)), ns=(0, ns))
    os.symlink(b"x", at(b"times", b"link"))
    os.utime(at(b"times", b"link"), ns=(0, 1_234_567_890_987_654_321), follow_symlinks=False)
    os.utime(at(b"times"), ns=(0, 1_111_111_111_111_111_111))
    os.utime(root, ns=(0, 1_600_000_000_000_000_007))
    return root


class RandomTree:
    """A tree made and then changed, step by step, from a seed. Everything random comes from it: a failure can be run again."""

    def __init__(self, root, seed):
        self.root = os.fsencode(root)
        self.rng = random.Random(seed)
        self.made = 0
        os.makedirs(self.root)

    def _paths(self, want):
        found = []
        for folder, folders, files in os.walk(self.root):
            if want == "folder":
                found.append(folder)
            for name in files:
                path = os.path.join(folder, name)
                mode = os.lstat(path).st_mode
                if (want == "file" and stat.S_ISREG(mode)) or want == "any":
                    found.append(path)
        return sorted(found)

    def _pick(self, want):
        paths = self._paths(want)
        return self.rng.choice(paths) if paths else None

    def _new_name(self):
        self.made += 1
        kind = self.rng.random()
        if kind < 0.1:
            return bytes(self.rng.choice([b for b in range(1, 256) if b != 47]) for _ in range(self.rng.randrange(3, 40))) + b"%d" % self.made
        return self.rng.choice(WORDS).encode() + self.rng.choice([b"", b" ", b".", b"-"]) + b"%d" % self.made

    def _content(self):
        size = self.rng.choice([0, 10, 100, 1000, 5000, 70000, 300000, self.rng.randrange(3 << 20)])
        return self.rng.randbytes(size) if self.rng.random() < 0.5 else words(self.rng, size)

    def make_file(self):
        with open(os.path.join(self._pick("folder"), self._new_name()), "wb") as file:
            file.write(self._content())

    def make_folder(self):
        os.mkdir(os.path.join(self._pick("folder"), self._new_name()))

    def make_link(self):
        os.symlink(self._new_name(), os.path.join(self._pick("folder"), self._new_name()))

    def make_hard_link(self):
        path = self._pick("file")
        if path:
            os.link(path, os.path.join(self._pick("folder"), self._new_name()))

    def make_sparse(self):
        with open(os.path.join(self._pick("folder"), self._new_name()), "wb") as file:
            for _ in range(self.rng.randrange(4)):
                file.seek(self.rng.randrange(8 << 20))
                file.write(self.rng.randbytes(self.rng.randrange(1, 9000)))
            file.truncate(self.rng.randrange(16 << 20))

    def change_content(self):
        path = self._pick("file")
        if not path:
            return
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            what = self.rng.randrange(4)
            if what == 0:
                file.seek(0, os.SEEK_END)
                file.write(self._content())
            elif what == 1:
                file.seek(self.rng.randrange(size + 1))
                file.write(self.rng.randbytes(self.rng.randrange(1, 2000)))
            elif what == 2:
                file.truncate(self.rng.randrange(size + 1))
            else:  # something put in the middle: all behind it moves
                middle = self.rng.randrange(size + 1)
                content = file.read()
                file.seek(middle)
                file.write(self.rng.randbytes(self.rng.randrange(1, 500)) + content[middle:])

    def change_metadata(self):
        path = self._pick("file")
        if path:
            what = self.rng.randrange(3)
            if what == 0:
                os.chmod(path, self.rng.choice([0o600, 0o644, 0o755, 0o640]))
            elif what == 1:
                os.utime(path, ns=(0, self.rng.randrange(1 << 61)))
            else:
                try:
                    os.setxattr(path, "user.test", self.rng.randbytes(self.rng.randrange(100)))
                except OSError:
                    pass

    def remove(self):
        path = self._pick("any")
        if path:
            os.unlink(path)

    def rename(self):
        path = self._pick("any")
        if path:
            os.rename(path, os.path.join(self._pick("folder"), self._new_name()))

    def replace_by_folder(self):
        path = self._pick("file")
        if path:
            os.unlink(path)
            os.mkdir(path)

    def mutate(self, steps):
        actions = [self.make_file] * 5 + [self.make_folder] * 2 + [self.change_content] * 4 + [
            self.make_link, self.make_hard_link, self.make_sparse, self.change_metadata, self.change_metadata, self.remove, self.rename,
            self.replace_by_folder]
        for _ in range(steps):
            self.rng.choice(actions)()


def copy_of(source, destination):
    """An exact copy by other means (cp), to compare with later."""
    subprocess.run(["cp", "-a", "--sparse=auto", "--", source, destination], check=True)
    return destination
