"""What a hostile server says, through a real sshd (its SFTP server breaks the rules) or instead of one (it ends commands as no sshd does)."""
import os
import random
import socket
import struct
import sys
import threading
from pathlib import Path

import pytest

from ssh_server import SshServer, keygen

BROKEN, SILENT, PROTOCOL, FAILED, UNSUPPORTED = 2108, 2109, 2110, 2114, 2116
SCRIPT = Path(__file__).with_name("ssh_hostile.py")


@pytest.fixture
def hostile():
    made = []

    def make(rule):
        made.append(SshServer(settings=[f"Subsystem sftp /usr/bin/python3 {SCRIPT} {rule}"]))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_one_that_keeps_the_rules(hostile):
    server = hostile("none")
    assert [line.split()[0] for line in server.ok("list", "x").text.splitlines()] == ["61", "62"]
    assert server.ok("cat", "x", 0).out == b"0123456789"
    assert server.ok("names", "readlink x").text == "target\n"


def test_one_that_gives_little(hostile):
    assert hostile("short").ok("cat", "x", 0).out == b"0123456789"
    rows = [line.split() for line in hostile("bare").ok("list", "x").text.splitlines()]
    assert [(row[0], row[1], row[2]) for row in rows] == [("61", "100644", "10"), ("62", "100644", "10")]


LIST = ["slash", "parent", "empty_name", "nul", "long_name", "twice", "no_names", "many", "more", "huge_length", "odd_flags", "extended", "wrong_kind",
        "other_number", "huge_packet", "empty_packet", "tiny_packet", "twice_answered", "cut_extension"]
CAT = ["no_type", "no_size", "cut_attributes", "too_much", "no_bytes", "lying_length", "handle_for_bytes", "empty_handle", "long_handle", "cut_handle", "cut_status"]


@pytest.mark.parametrize("rule", LIST)
def test_lists_that_cannot_be(hostile, rule):
    assert not hostile(rule).fails(PROTOCOL, "list", "x").out


@pytest.mark.parametrize("rule", CAT)
def test_files_that_cannot_be(hostile, rule):
    assert not hostile(rule).fails(PROTOCOL, "cat", "x", 0).out


def test_others(hostile):
    hostile("status_ok").fails(FAILED, "cat", "x", 0)
    hostile("goes_away").fails(FAILED, "cat", "x", 0)
    hostile("version_2").fails(UNSUPPORTED, "sftp")
    hostile("version_6").fails(UNSUPPORTED, "sftp")
    for rule in ("two_targets", "empty_target"):
        assert "PL-2110" in hostile(rule).run("names", "readlink x").err


# ---- instead of an sshd ----

paramiko = pytest.importorskip("paramiko")


class Speaker(paramiko.ServerInterface):
    """Lets everybody in, and says of commands what `script` makes it say."""

    def __init__(self, script):
        self.script = script

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        transport, send = channel.transport, channel.transport._send_user_message

        def replied(message):
            transport._send_user_message = send
            send(message)
            threading.Thread(target=self.script, args=(channel,), daemon=True).start()

        transport._send_user_message = replied  # the next message is the answer to this request: nothing comes before it
        return True


@pytest.fixture
def speaker(work):
    """speak(script, *action): how a command ends whose server does what `script` does with the channel."""
    key = paramiko.ECDSAKey.generate()
    client = keygen(work / "id")
    stop = []

    def speak(script, *action, **options):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        def serve():
            caller, _ = listener.accept()
            transport = paramiko.Transport(caller)
            transport.add_server_key(key)
            stop.append(transport)
            try:
                transport.start_server(server=Speaker(script))
            except (paramiko.SSHException, EOFError, OSError):
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        known = work / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        given = dict(host="127.0.0.1", user="somebody", port=port, known_hosts=known, key_file=client, timeout=20)
        given.update(options)
        ended = SshServer.run(Given(given), *action)
        listener.close()
        return ended

    yield speak
    for transport in stop:
        transport.close()


class Given:
    """What SshServer.run wants of a server."""

    def __init__(self, options):
        self.options = options

    def arguments(self, *action, **more):
        from ssh_server import DRIVE
        return [DRIVE, "agent=", "folder=", *(f"{name}={value}" for name, value in self.options.items()), *action]


def test_a_status_is_heard(speaker):
    def script(channel):
        channel.sendall(b"output\n")
        channel.send_exit_status(0)
        channel.close()

    ended = speaker(script, "exec", "x")
    assert ended.code == 0 and ended.out == b"output\n", str(ended)


def test_a_server_that_hangs_up_at_once(speaker):
    """Its last words and the end of the line come together. Where it has not read all that we said, its kernel resets the line, and what was on
    the way may be gone: that is no success then."""
    def script(channel):
        channel.sendall(b"output\n" * 1000)
        channel.send_exit_status(7)
        channel.close()
        channel.transport.close()

    ended = speaker(script, "exec", "x")
    assert ended.code == 1
    if "reset by peer" not in ended.err:
        assert ended.out == b"output\n" * 1000 and "status 7" in ended.err, str(ended)


def test_no_status_is_no_success(speaker):
    """libssh2 alone calls this status 0."""
    def script(channel):
        channel.sendall(b"output\n")
        channel.close()

    ended = speaker(script, "exec", "x")
    assert ended.code == 1 and f"PL-{BROKEN} " in ended.err and "did not say" in ended.err, str(ended)


def test_only_the_end_of_output_is_no_success(speaker):
    def script(channel):
        channel.sendall(b"output\n")
        channel.shutdown_write()
        channel.transport.close()

    ended = speaker(script, "exec", "x")
    assert ended.code == 1 and f"PL-{BROKEN} " in ended.err, str(ended)


def test_status_within_the_output_is_no_status(speaker):
    """The bytes of the message, as contents."""
    def script(channel):
        for number in range(3):
            channel.sendall(b"\x62" + struct.pack(">I", number) + struct.pack(">I", 11) + b"exit-status\0\0\0\0\0")
        channel.close()

    ended = speaker(script, "exec", "x")
    assert ended.code == 1 and f"PL-{BROKEN} " in ended.err, str(ended)


def test_status_of_another_channel_is_no_status(speaker):
    def script(channel):
        message = paramiko.Message()
        message.add_byte(b"\x62")
        message.add_int(channel.remote_chanid + 1)
        message.add_string("exit-status")
        message.add_boolean(False)
        message.add_int(0)
        channel.transport._send_user_message(message)
        channel.close()

    ended = speaker(script, "exec", "x")
    assert ended.code == 1, str(ended)


def test_flood_of_messages_that_nobody_reads(speaker):
    """The line is alive and says nothing: a program that stops is not kept by it."""
    def script(channel):
        message = paramiko.Message()
        message.add_byte(b"\x02")
        message.add_string(b"x" * 20000)
        try:
            for _ in range(3000):
                channel.transport._send_user_message(message)
            channel.sendall(b"end\n")
            channel.send_exit_status(0)
            channel.close()
        except (OSError, EOFError, paramiko.SSHException):
            pass

    ended = speaker(script, "exec", "x")
    assert ended.code == 0 and ended.out == b"end\n", str(ended)


def test_more_than_the_window_is_no_memory(speaker):
    """A server that does not keep to what it may send."""
    def script(channel):
        message = paramiko.Message()
        message.add_byte(b"\x5f")
        message.add_int(channel.remote_chanid)
        message.add_int(7)
        message.add_string(b"x" * 30000)
        try:
            for _ in range(3000):
                channel.transport._send_user_message(message)
            channel.send_exit_status(0)
            channel.close()
        except (OSError, EOFError, paramiko.SSHException):
            pass

    ended = speaker(script, "exec", "x")
    # Whatever becomes of it, it ends, and not as a success with what was dropped.
    assert ended.code in (0, 1)
    assert ended.code == 0 or "PL-2110" in ended.err or "PL-2108" in ended.err
