"""Compares two file trees in everything that a backup must keep.

    differences(a, b)  ->  list of text, empty when the trees agree
    python3 compare.py A B

Compared of every entry: type, permission bits, owner, group, mtime in nanoseconds, extended attributes (ACLs are among
them), file flags; of files the content, the size, which of them are hard links of each other, and that a sparse file
is still sparse; of links the target; of devices the number. Works through descriptors of folders, so that no path is
too long, and on bytes, so that no name is too odd.
"""
import fcntl
import hashlib
import os
import stat
import struct
import sys

FS_IOC_GETFLAGS = 0x80086601
# i a A d S D C: what chattr sets and a restore can set again.
FLAGS_KEPT = 0x10 | 0x20 | 0x80 | 0x40 | 0x08 | 0x10000 | 0x800000
# What file systems round allocation up to: a restored file may take this much more than the original.
ALLOCATION_SLACK = 128 << 10


class Entry:
    """What one name in a tree is."""

    def __init__(self, parent_fd, name, want_content):
        self.stat = os.lstat(name, dir_fd=parent_fd)
        self.kind = stat.S_IFMT(self.stat.st_mode)
        self.target = os.readlink(name, dir_fd=parent_fd) if self.kind == stat.S_IFLNK else None
        self.hash = self.flags = None
        self.xattrs = read_xattrs(parent_fd, name)
        if self.kind in (stat.S_IFREG, stat.S_IFDIR):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent_fd)
            try:
                self.flags = read_flags(fd)
                if self.kind == stat.S_IFREG and want_content:
                    self.hash = read_hash(fd)
            finally:
                os.close(fd)


def read_xattrs(parent_fd, name):
    path = b"/proc/self/fd/%d/%s" % (parent_fd, name)
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {n: os.getxattr(path, n, follow_symlinks=False) for n in names}
    except OSError:
        return {}


def read_flags(fd):
    try:
        return struct.unpack("i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, b"\0" * 4))[0] & FLAGS_KEPT
    except OSError:
        return 0


def read_hash(fd):
    digest = hashlib.blake2b(digest_size=16)
    while block := os.read(fd, 1 << 20):
        digest.update(block)
    return digest.hexdigest()


def walk(root, want_content=True):
    """Yields (path, Entry) of everything below `root`, itself included as b"". Folders are entered through descriptors."""
    root = os.fsencode(root)
    parent = os.open(os.path.dirname(os.path.abspath(root)) or b"/", os.O_RDONLY | os.O_DIRECTORY)
    stack = [(parent, [os.path.basename(os.path.abspath(root)) or b"."], b"", True)]
    while stack:
        fd, names, prefix, at_root = stack[-1]
        if not names:
            os.close(fd)
            stack.pop()
            continue
        name = names.pop()
        path = b"" if at_root else (prefix + b"/" + name if prefix else name)
        entry = Entry(fd, name, want_content)
        yield path, entry
        if entry.kind == stat.S_IFDIR:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            stack.append((inner, sorted(map(os.fsencode, os.listdir(inner)), reverse=True), path, False))


def read_tree(root, want_content=True):
    return dict(walk(root, want_content))


def _link_groups(tree):
    groups = {}
    for path, entry in tree.items():
        if entry.kind != stat.S_IFDIR and entry.stat.st_nlink > 1:
            groups.setdefault((entry.stat.st_dev, entry.stat.st_ino), set()).add(path)
    return {frozenset(paths) for paths in groups.values() if len(paths) > 1}


def _facts(entry, ignore):
    """(name, value) of everything that must be equal."""
    s = entry.stat
    yield "type", oct(entry.kind)
    if entry.kind != stat.S_IFLNK and "mode" not in ignore:
        yield "mode", oct(stat.S_IMODE(s.st_mode))
    if "owner" not in ignore:
        yield "owner", (s.st_uid, s.st_gid)
    if "mtime" not in ignore and not (entry.kind == stat.S_IFDIR and "folder-mtime" in ignore):
        yield "mtime", s.st_mtime_ns
    if "xattrs" not in ignore:
        yield "xattrs", entry.xattrs
    if "flags" not in ignore:
        yield "flags", entry.flags
    yield "target", entry.target
    if entry.kind == stat.S_IFREG:
        yield "size", s.st_size
        yield "content", entry.hash
    if entry.kind in (stat.S_IFCHR, stat.S_IFBLK):
        yield "device", s.st_rdev


def _sparse_lost(a, b):
    allocated_a, allocated_b = a.stat.st_blocks * 512, b.stat.st_blocks * 512
    return a.kind == stat.S_IFREG and allocated_a < a.stat.st_size and allocated_b > allocated_a + ALLOCATION_SLACK


def differences(a, b, ignore=(), root=True):
    """What of tree `a` (a path, or what read_tree gave) is not the same in `b`. `ignore`: "mode", "owner", "mtime",
    "folder-mtime", "xattrs", "flags", "links", "sparse"; `root` False leaves out the top folder itself."""
    a = a if isinstance(a, dict) else read_tree(a)
    b = b if isinstance(b, dict) else read_tree(b)
    if not root:
        a, b = ({path: entry for path, entry in tree.items() if path} for tree in (a, b))
    found = []
    for path in sorted(a.keys() | b.keys()):
        if path not in b:
            found.append(f"missing: {path!r}")
        elif path not in a:
            found.append(f"should not be there: {path!r}")
        else:
            for (what, x), (_, y) in zip(_facts(a[path], ignore), _facts(b[path], ignore)):
                if x != y:
                    found.append(f"{path!r}: {what} is {y!r}, must be {x!r}")
                    if what == "type":
                        break
            if "sparse" not in ignore and _sparse_lost(a[path], b[path]):
                found.append(f"{path!r}: no longer sparse, {b[path].stat.st_blocks * 512} bytes allocated")
    if "links" not in ignore:
        for group in _link_groups(a) ^ _link_groups(b):
            found.append(f"hard links differ: {sorted(group)!r}")
    return found


def assert_same(a, b, **options):
    found = differences(a, b, **options)
    assert not found, f"{len(found)} differences between {a if not isinstance(a, dict) else 'the original'} and " \
        f"{b if not isinstance(b, dict) else 'the copy'}:\n" + "\n".join(found[:40])


if __name__ == "__main__":
    lines = differences(sys.argv[1], sys.argv[2])
    print("\n".join(lines) or "the trees agree")
    sys.exit(1 if lines else 0)
