"""An SFTP server that breaks a rule, run by a real sshd as its subsystem: ssh_hostile.py RULE. What it does right is as little as a client needs."""
import os
import struct
import sys

INIT, VERSION, OPEN, CLOSE, READ, LSTAT, FSTAT, OPENDIR, READDIR, READLINK, STATUS, HANDLE, DATA, NAME, ATTRS = 1, 2, 3, 4, 5, 7, 8, 11, 12, 19, 101, 102, 103, 104, 105
EOF = 1
FILE = struct.pack(">IQIII", 1 | 4 | 8, 10, 0o100644, 1, 2)


def string(data):
    return struct.pack(">I", len(data)) + data


def status(code, text=b"text"):
    return bytes([STATUS]), struct.pack(">I", code) + string(text) + string(b"en")


def names(*entries, count=None, attributes=FILE):
    return bytes([NAME]), struct.pack(">I", len(entries) if count is None else count) + b"".join(string(name) + string(b"long") + attributes for name in entries)


class Hostile:
    """Each rule is a method that answers one kind of request otherwise."""

    def __init__(self, rule):
        self.rule, self.listed, self.reads = rule, 0, 0

    def answer(self, kind, body):
        special = getattr(self, f"{self.rule}_{kind}", None)
        if special:
            return special(body)
        if kind in (OPEN, OPENDIR):
            return bytes([HANDLE]), string(b"h")
        if kind in (LSTAT, FSTAT):
            return bytes([ATTRS]), FILE
        if kind == READDIR:
            self.listed += 1
            return names(b"a", b"b", b".", b"..") if self.listed == 1 else status(EOF)
        if kind == READ:
            self.reads += 1
            return (bytes([DATA]), string(b"0123456789")) if self.reads == 1 else status(EOF)
        if kind == READLINK:
            return names(b"target")
        return status(0)

    # Names.
    def slash_12(self, _): return names(b"a/b")
    def parent_12(self, _): return names(b"../../etc/passwd")
    def empty_name_12(self, _): return names(b"")
    def nul_12(self, _): return names(b"a\0b")
    def long_name_12(self, _): return names(b"n" * 5000)
    def twice_12(self, _):
        self.listed += 1
        return names(b"a", b"b", b"a") if self.listed == 1 else status(EOF)
    def no_names_12(self, _): return names()
    def many_12(self, _): return names(b"a", count=2**32 - 1)
    def more_12(self, _): return names(b"a", b"b", count=3)
    def huge_length_12(self, _): return bytes([NAME]), struct.pack(">II", 1, 2**32 - 1) + b"abc"
    def odd_flags_12(self, _): return names(b"a", attributes=struct.pack(">I", 0x40000000) + FILE[4:])
    def extended_12(self, _): return names(b"a", attributes=struct.pack(">II", 0x80000000, 2**32 - 1))
    def wrong_kind_12(self, _): return bytes([DATA]), string(b"x")
    # Attributes.
    def no_type_8(self, _): return bytes([ATTRS]), struct.pack(">IQII", 1 | 8, 10, 1, 2)
    def no_size_8(self, _): return bytes([ATTRS]), struct.pack(">IIII", 4 | 8, 0o100644, 1, 2)
    def cut_attributes_8(self, _): return bytes([ATTRS]), FILE[:-2]
    # Contents.
    def too_much_5(self, _): return bytes([DATA]), string(b"x" * 65537)
    def no_bytes_5(self, _): return bytes([DATA]), string(b"")
    def lying_length_5(self, _): return bytes([DATA]), struct.pack(">I", 60000) + b"short"
    def handle_for_bytes_5(self, _): return bytes([HANDLE]), string(b"h")
    # No rule is broken: a server may give less than was asked for, and leave attributes out of lists.
    def short_5(self, body):
        (size,) = struct.unpack(">I", body[:4])
        (offset,) = struct.unpack(">Q", body[4 + size:12 + size])
        return (bytes([DATA]), string(b"0123456789"[offset:offset + 3])) if offset < 10 else status(EOF)
    def bare_12(self, _):
        self.listed += 1
        return names(b"b", b"a", attributes=struct.pack(">I", 0)) if self.listed == 1 else status(EOF)
    # Handles, links, statuses.
    def empty_handle_3(self, _): return bytes([HANDLE]), string(b"")
    def long_handle_3(self, _): return bytes([HANDLE]), string(b"h" * 257)
    def cut_handle_3(self, _): return bytes([HANDLE]), struct.pack(">I", 9) + b"h"
    def status_ok_3(self, _): return status(0)
    def cut_status_3(self, _): return bytes([STATUS]), b"\0"
    def two_targets_19(self, _): return names(b"a", b"b")
    def empty_target_19(self, _): return names(b"")


def packet(kind, number, body):
    return struct.pack(">I", 5 + len(body)) + kind + number + body


def main(rule):
    hostile = Hostile(rule)
    source, sink = os.fdopen(0, "rb", 0), os.fdopen(1, "wb", 0)

    def take(size):
        out = b""
        while len(out) < size:
            piece = source.read(size - len(out))
            if not piece:
                sys.exit(0)
            out += piece
        return out

    while True:
        (size,) = struct.unpack(">I", take(4))
        request = take(size)
        kind, number, body = request[0], request[1:5], request[5:]
        if kind == INIT:
            version = {"version_2": 2, "version_6": 6}.get(rule, 3)
            sink.write(struct.pack(">IBI", 5, VERSION, version) if rule != "cut_extension" else struct.pack(">IBII", 9, VERSION, 3, 70000))
            continue
        if rule == "goes_away" and kind == OPEN:
            sink.write(packet(*status(0)[:1], number, status(0)[1]))
            sys.exit(0)
        if rule == "other_number":
            number = struct.pack(">I", struct.unpack(">I", number)[0] + 1024)
        if rule == "huge_packet":
            sink.write(struct.pack(">I", 2**31) + b"x" * 100)
        if rule == "empty_packet":
            sink.write(b"\0\0\0\0")
        if rule == "tiny_packet":
            sink.write(b"\0\0\0\1e")
        answer = packet(*[(kind_, number, rest) for kind_, rest in [hostile.answer(kind, body)]][0])
        sink.write(answer)
        if rule == "twice_answered":
            sink.write(answer)


if __name__ == "__main__":
    main(sys.argv[1])
