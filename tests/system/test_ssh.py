"""core/ssh against a real sshd: whom one talks to, as whom, commands, and every way in which a line can end."""
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import ssh_server
from servers import program
from ssh_server import SshServer, fingerprint, keygen, public

UNKNOWN, CHANGED, REVOKED, KEY, LOGIN, BROKEN, SILENT, PROTOCOL, REFUSED = 2103, 2104, 2105, 2106, 2107, 2108, 2109, 2110, 2111
CONNECT, OPTION, FAILED = 2102, 2101, 1305


@pytest.fixture
def servers():
    made = []

    def make(**options):
        made.append(SshServer(**options))
        return made[-1]

    yield make
    for server in made:
        server.end()


@pytest.fixture
def server(servers):
    return servers()


# ---- whom one talks to ----

def test_known_host(server):
    shown = server.ok("open")
    assert shown.text.split() == [f"{ssh_server.USER}@127.0.0.1:{server.port}", fingerprint(server.host_keys[0])]


def test_fingerprint(server):
    server.known.unlink()
    server.ok("open", fingerprint=fingerprint(server.host_keys[0]))


def test_wrong_fingerprint(server, work):
    other = fingerprint(keygen(work / "other"))
    refused = server.fails(CHANGED, "open", fingerprint=other)
    assert other in refused.err and fingerprint(server.host_keys[0]) in refused.err
    assert "Accepted" not in (server.folder / "log").read_text()


def test_unknown_host(server):
    server.known.write_text("# nobody\nother.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n")
    assert fingerprint(server.host_keys[0]) in server.fails(UNKNOWN, "open").err
    server.known.unlink()
    assert fingerprint(server.host_keys[0]) in server.fails(UNKNOWN, "open").err


def test_changed_host_key(server, work):
    server.know(keygen(work / "other"))
    server.known.write_text("# first line\n" + server.known.read_text())
    refused = server.fails(CHANGED, "open")
    assert f"{server.known}:2" in refused.err and "CHANGED" in refused.err
    # A key of another type that is known makes the shown one a changed one, too.
    server.know(keygen(work / "third", "ecdsa"))
    server.fails(CHANGED, "open")
    assert "Accepted" not in (server.folder / "log").read_text()


def test_revoked_host_key(server):
    server.known.write_text(server.known.read_text() + f"@revoked * {public(server.host_keys[0])}\n")
    assert f"{server.known}:2" in server.fails(REVOKED, "open").err


def test_hashed_known_hosts(server):
    subprocess.run([program("ssh-keygen"), "-q", "-H", "-f", server.known], check=True, stderr=subprocess.DEVNULL)
    assert "|1|" in server.known.read_text() and "127.0.0.1" not in server.known.read_text()
    server.ok("open")


def test_known_by_plain_name_on_another_port(server, work):
    """As ssh does: a line without a port vouches for any port, but says nothing against one."""
    server.know(server.host_keys[0], name="127.0.0.1")
    server.ok("open")
    server.know(keygen(work / "other"), name="127.0.0.1")
    server.fails(UNKNOWN, "open")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_server_with_several_host_keys(servers, kind):
    """Known by any one of its keys: that one is asked for."""
    server = servers(host_keys=("rsa", "ecdsa", "ed25519"))
    key = next(key for key in server.host_keys if key.name.endswith(kind))
    server.know(key)
    assert fingerprint(key) in server.ok("open").text
    server.known.unlink()
    assert fingerprint(key) in server.ok("open", fingerprint=fingerprint(key)).text


def test_wrong_fingerprint_of_a_server_with_several_keys(servers, work):
    server = servers(host_keys=("ecdsa", "ed25519"))
    server.fails(CHANGED, "open", fingerprint=fingerprint(keygen(work / "other")))


def test_known_hosts_that_cannot_be_read(server):
    server.known.unlink()
    server.known.mkdir()
    server.fails(KEY, "open")


def test_options_that_cannot_be_right(server):
    for options in ({"fingerprint": "SHA256:abc"}, {"host": "-oProxyCommand=x"}, {"host": "a b"}, {"user": "a@b"}, {"port": 65536}, {"timeout": 1}, {"host": ""}):
        server.fails(OPTION, "open", **options)


def test_ipv6(servers):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6") or "00000000000000000000000000000001" not in open("/proc/net/if_inet6").read():
        pytest.skip("no IPv6 on the loopback")
    server = servers(address="::1")
    assert f"[::1]:{server.port}" in server.ok("open").text


def test_addresses_are_tried_in_turn(server):
    """localhost is ::1 first on most machines, where nobody listens."""
    server.know(server.host_keys[0], name=f"[localhost]:{server.port}")
    server.ok("open", host="localhost")
    server.ok("open", host="LOCALHOST")


# ---- as whom ----

@pytest.fixture
def locked(server):
    key = keygen(server.folder / "locked", "ed25519", "open sesame")
    server.authorized.write_text(public(key) + "\n")
    secret = server.folder / "passphrase"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    return key, secret


@pytest.mark.parametrize("kind,form", [("ed25519", ()), ("ecdsa", ()), ("ecdsa", ("-m", "PEM"))])
@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_kinds_of_keys(server, kind, form, passphrase):
    key = keygen(server.folder / "other", kind, passphrase, *form)
    server.authorized.write_text(public(key) + "\n")
    secret = server.folder / "passphrase"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    # Debian's libssh2 loses the number that it makes of an ecdsa key in OpenSSH's form; there is no way to free it.
    lost = {"ASAN_OPTIONS": "detect_leaks=0"} if (kind, form) == ("ecdsa", ()) else {}
    server.ok("open", key_file=key, passphrase_file=secret, environment=lost)


def test_passphrases(server, locked):
    key, secret = locked
    server.ok("open", key_file=key, passphrase_file=secret)
    assert "encrypted" in server.fails(KEY, "open", key_file=key).err
    secret.write_text("open barley\n")
    assert "passphrase is wrong" in server.fails(KEY, "open", key_file=key, passphrase_file=secret).err
    secret.write_text("\n")
    server.fails(KEY, "open", key_file=key, passphrase_file=secret)
    secret.unlink()
    server.fails(KEY, "open", key_file=key, passphrase_file=secret)


def test_secrets_that_others_can_read(server, locked):
    key, secret = locked
    secret.chmod(0o640)
    assert "0640" in server.fails(KEY, "open", key_file=key, passphrase_file=secret).err
    secret.chmod(0o600)
    key.chmod(0o604)
    assert "0604" in server.fails(KEY, "open", key_file=key, passphrase_file=secret).err


def test_files_that_are_no_keys(server):
    junk = server.folder / "junk"
    for content in (b"", b"no key\n", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", b"\0" * 100, b"x" * 100000):
        junk.write_bytes(content)
        junk.chmod(0o600)
        server.fails(KEY, "open", key_file=junk)
    server.fails(KEY, "open", key_file=server.folder / "missing")


def test_a_key_that_is_not_taken(server, work):
    server.fails(LOGIN, "open", key_file=keygen(work / "stranger"))
    server.fails(LOGIN, "open", key_file=None)
    server.fails(LOGIN, "open", user="nobody-of-this-name")


def test_keys_of_the_home_folder(server, work):
    folder = work / "dot-ssh"
    folder.mkdir()
    shutil.copy(server.key, folder / "id_ed25519")
    server.ok("open", key_file=None, folder=folder)
    server.ok("open", key_file=keygen(work / "stranger"), folder=folder)
    (folder / "id_ed25519").chmod(0o644)
    assert "0644" in server.fails(LOGIN, "open", key_file=None, folder=folder).err


def test_too_many_keys(servers, work):
    server = servers(settings=["MaxAuthTries 1"])
    folder = work / "dot-ssh"
    folder.mkdir()
    keygen(folder / "id_ed25519")
    keygen(folder / "id_ecdsa", "ecdsa")
    server.fails(LOGIN, "open", key_file=keygen(work / "stranger"), folder=folder)


def test_agent(server, work):
    where = work / "agent"
    agent = subprocess.Popen([program("ssh-agent"), "-D", "-a", where], stdout=subprocess.DEVNULL)
    try:
        while not where.exists():
            time.sleep(0.02)
        server.fails(LOGIN, "open", key_file=None, agent=where)
        for key in (keygen(work / "stranger"), server.key):
            subprocess.run([program("ssh-add"), "-q", key], env=dict(os.environ, SSH_AUTH_SOCK=str(where)), check=True, stderr=subprocess.DEVNULL)
        server.ok("open", key_file=None, agent=where)
        server.ok("open", key_file=None, agent=None, environment={"SSH_AUTH_SOCK": str(where)})
        server.ok("open", key_file=work / "stranger", agent=where)
        # One that is frozen is not waited for beyond the time-out.
        agent.send_signal(signal.SIGSTOP)
        ended = server.run("open", key_file=None, agent=where, connect_timeout=5)
        assert ended.code == 1
    finally:
        agent.send_signal(signal.SIGCONT)
        agent.kill()
        agent.wait()
    assert "no agent listens" in server.fails(LOGIN, "open", key_file=None, agent=where).err


def test_password_only_server_is_not_asked_for_one(servers):
    server = servers(settings=["PubkeyAuthentication no", "PasswordAuthentication yes"])
    assert "takes no keys" in server.fails(LOGIN, "open").err


# ---- connecting ----

def test_nobody_is_there(server):
    server.fails(CONNECT, "open", port=ssh_server.free_port())
    server.fails(CONNECT, "open", host="no-such-host.invalid")


def test_what_is_no_ssh_server(server):
    """One that is silent, one that speaks another language, one that hangs up, one that never stops talking."""
    for reply, close, code in ((b"", False, SILENT), (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, PROTOCOL), (b"", True, BROKEN),
                               (b"SSH-2.0-x\r\n" + b"\xff" * 100, False, PROTOCOL), (b"SSH-2.0-x\r\n", True, BROKEN), (None, False, SILENT)):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            running = server.begin("open", port=listener.getsockname()[1], connect_timeout=5)
            caller, _ = listener.accept()
            caller.settimeout(60)
            try:
                while reply is None:
                    caller.sendall(b"x" * 4096)
            except OSError:
                pass
            caller.sendall(reply) if reply else None
            if close:
                caller.shutdown(socket.SHUT_WR)
            ended = running.end()
            caller.close()
        assert ended.code == 1 and f"PL-{code} " in ended.err, f"{reply} {close}: {ended}"


def test_tried_again_until_it_is_there(server):
    server.kill()
    running = server.begin("exec", "echo back", attempts=60, first=1, most=2)
    line = running.process.stderr.readline().decode()
    assert f"again: PL-{CONNECT} attempt 2 in 1 s" in line
    line = running.process.stderr.readline().decode()
    assert "attempt 3 in 2 s" in line
    server.start()
    assert running.end().out == b"back\n"


def test_tries_are_counted_and_only_for_what_passes(server, work):
    port = ssh_server.free_port()
    ended = server.fails(CONNECT, "open", port=port, attempts=3, first=0, most=0)
    assert ended.err.count("again:") == 2
    server.known.write_text("")
    assert "again:" not in server.fails(UNKNOWN, "open", attempts=3, first=0, most=0).err


# ---- commands ----

def test_output_and_input(server):
    assert server.ok("exec", "cat; echo done", stdin=b"some input\0\xff\n").out == b"some input\0\xff\ndone\n"
    assert server.ok("exec", "true").out == b""
    assert server.ok("exec", "echo quiet >&2").out == b""


def test_large_input_and_output(server):
    data = random.Random(7).randbytes(20 << 20)
    assert server.ok("exec", "cat", stdin=data).out == data
    # Read late, behind as much output as fits nowhere.
    assert server.ok("exec", "head -c 20000000 /dev/zero; sha256sum", stdin=data).out[20000000:].split()[0].decode() == hashlib.sha256(data).hexdigest()
    # Not read at all.
    assert server.ok("exec", "echo enough", stdin=data).out == b"enough\n"


def test_status(server):
    assert "status 3: went wrong" in server.fails(FAILED, "exec", "echo went wrong >&2; exit 3").err
    assert "status 127" in server.fails(FAILED, "exec", "no-such-program").err
    assert "signal KILL" in server.fails(FAILED, "exec", "kill -9 $$").err
    assert "signal TERM" in server.fails(FAILED, "exec", "echo output; kill $$").err


def test_secrets_of_a_command_line_are_not_told(server):
    ended = server.fails(FAILED, "exec", "false --password=s3cret")
    assert "s3cret" not in ended.err and "false at " in ended.err


def test_standard_error_is_bounded_and_escaped(server):
    ended = server.fails(FAILED, "exec", r"head -c 30000000 /dev/zero | tr '\0' e >&2; printf '\033[31mred\377 end' >&2; echo out; exit 1")
    assert ended.out == b"out\n" and r"\x1b[31mred\xff end" in ended.err and len(ended.err) < 2000


def test_output_that_is_closed_early(server):
    assert server.ok("exec", "echo first; exec >&-; sleep 1; echo to nobody >&2").out == b"first\n"
    server.fails(FAILED, "exec", "echo first; exec >&-; sleep 1; exit 9")


def test_flood_that_is_not_read(server):
    """The reader pauses: the far end waits, and memory stays small."""
    running = server.begin("exec", "head -c 100000000 /dev/zero", pause=10)
    running.read(1 << 20)
    peak = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{running.process.pid}/status").read()).group(1))
    assert os.environ.get("PULIH_SANITIZED") or peak < 60000
    assert len(running.end().out) == 100000000 - (1 << 20)


def test_many_small_writes(server):
    """Each a packet of its own, and a reader that is slow."""
    ended = server.ok("exec", "python3 -c \"import os\nfor i in range(200000): os.write(1, b'%06d\\n' % i)\"", pause=5)
    assert ended.out == b"".join(b"%06d\n" % i for i in range(200000))


def test_a_command_that_was_given_up(server):
    for line in ("yes", "trap '' HUP PIPE TERM; echo x; sleep 0.5"):
        assert server.ok("abandon", line, "echo next").out == b"next\n"
    # Its end is not taken for that of the next.
    server.fails(FAILED, "abandon", "echo x; exit 0", "exit 4")


def test_a_command_that_does_not_let_go(server):
    """It hears nothing: the line is given up, and what runs on it next says so."""
    server.fails(BROKEN, "abandon", "trap '' HUP PIPE TERM; echo x; exec >&- 2>&- <&-; sleep 8; exit 0", "echo next")


def test_commands_not_permitted(servers):
    server = servers(settings=["ForceCommand internal-sftp"])
    ended = server.fails(FAILED, "exec", "echo hello")
    assert b"hello" not in ended.out
    server.ok("sftp")


def test_no_exit_status_is_no_success(server):
    """The process that speaks for the server ends: no status, no end of the channel."""
    running = server.begin("exec", "echo x; sleep 1; kill -9 $PPID; sleep 1")
    running.read(2)
    ended = running.end()
    assert ended.code == 1 and f"PL-{BROKEN} " in ended.err, str(ended)


# ---- lines that end ----

@pytest.mark.parametrize("action", [("exec", "cat /dev/zero"), ("cat", "/dev/zero", 0)])
def test_server_that_is_killed(server, action):
    running = server.begin(*action)
    out = running.read(3 << 20)
    server.kill()
    ended = running.end()
    assert ended.code == 1 and f"PL-{BROKEN} " in ended.err, ended.err
    assert out == b"\0" * len(out)


@pytest.mark.parametrize("action", [("exec", "cat /dev/zero"), ("cat", "/dev/zero", 0), ("exec", "echo begin; sleep 1000")])
def test_server_that_is_frozen(server, action):
    running = server.begin(*action, timeout=5)
    running.read(3)
    server.signal_all(signal.SIGSTOP)
    begun = time.monotonic()
    ended = running.end()
    assert ended.code == 1 and f"PL-{SILENT} " in ended.err, ended.err
    assert time.monotonic() - begun >= 4


def test_frozen_before_it_answers(server):
    with server.frozen():
        server.fails(SILENT, "open", connect_timeout=5)


def test_sftp_server_that_is_frozen_behind_a_live_line(servers):
    """sshd goes on answering, the file server does not: the request is given up."""
    server = servers(settings=["Subsystem sftp /usr/lib/openssh/sftp-server"])
    running = server.begin("cat", "/dev/zero", 0, timeout=5, pause=1)
    running.read(1 << 20)
    frozen = [pid for pid in server.processes() if "sftp-server" in open(f"/proc/{pid}/cmdline").read()]
    assert frozen
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    ended = running.end()
    assert ended.code == 1 and f"PL-{SILENT} " in ended.err, ended.err


def test_silent_command_is_no_silent_line(server):
    assert server.ok("exec", "sleep 13; echo awake", timeout=5).out == b"awake\n"


def test_reader_that_pauses_longer_than_the_timeout(server):
    running = server.begin("exec", "head -c 20000000 /dev/zero; sleep 1; echo end", timeout=5)
    running.read(65536)
    time.sleep(12)
    assert running.end().out.endswith(b"end\n")


def test_interrupted(server):
    running = server.begin("exec", "echo begin; sleep 1000")
    running.read(6)
    running.process.send_signal(signal.SIGINT)
    ended = running.end()
    assert ended.code == 1 and "PL-1005 " in ended.err


def test_new_keys_in_the_middle(servers):
    """The server asks for new keys again and again."""
    server = servers(settings=["RekeyLimit 1M"])
    data = random.Random(3).randbytes(30 << 20)
    (server.folder / "data").write_bytes(data)
    assert server.ok("cat", server.folder / "data", 0).out == data
    assert server.ok("exec", "cat", stdin=data).out == data
    assert server.ok("put", server.folder / "copy", stdin=data).code == 0
    assert (server.folder / "copy").read_bytes() == data


def test_rate(server):
    begun = time.monotonic()
    assert len(server.ok("exec", "head -c 3000000 /dev/zero", rate=1000000).out) == 3000000
    assert time.monotonic() - begun >= 2
