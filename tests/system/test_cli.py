"""The command line: usage, help, JSON."""
import base64
import json
import os
import re
import resource
import shlex
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from pulih import TOP, messages_of_source

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
CODES = {"ERR_FAILED": 1, "ERR_USAGE": 2, "ERR_CONFIG": 2, "ERR_CORRUPT": 4, "ERR_NO_REPOSITORY": 10, "ERR_KEY": 12, "ERR_DENIED": 13, "ERR_PARTIAL": 3,
         "ERR_BUSY": 11, "ERR_INTERRUPTED": 130}


def commands(pulih):
    """Names of all commands, from the program's own help."""
    names = re.findall(r"^  ((?:key |excludes )?[a-z-]+)\s{2,}\S", pulih("help").text, re.M)
    assert {"init", "backup", "restore", "verify", "snapshots"} <= set(names), names
    return names


def test_help_of_every_command(bare):
    for name in commands(bare):
        result = bare(*name.split(), "--help")
        assert f"pulih {name}" in result.text, result
        assert result.err == b""
        assert bare("help", *name.split(), code=None).text == result.text
    assert not bare.repo.exists() and not bare.state.exists()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(bare, option):
    expected = bare("version").text
    assert re.fullmatch(r"pulih \d+\.\d+\.\d+\n", expected)
    for arguments in ((option,), ("backup", option), ("key", option)):
        result = bare(*arguments, env={"PULIH_CONFIG": "/nonexistent"})
        assert result.text == expected and result.err == b"", result
    assert bare("version", "-v").text == bare(option, "-v").text != expected
    assert bare("--json", option).messages == bare("version", "--json").messages
    assert bare(option, "nonsense", code=2).out == b""
    assert bare(option, "--help").text == bare("--help").text


def test_help_of_the_whole(bare):
    expected = bare("help").text
    for option in ("--help", "-h"):
        assert bare(option).text == expected
    assert "-V, --version" in expected


def test_no_arguments(bare):
    result = bare(code=2)
    assert "backup" in result.everything


@pytest.mark.parametrize("arguments", [("nonsense",), ("backup", "--nonsense"), ("backup",), ("restore", "latest"), ("--nonsense",), ("ls",), ("key",),
                                       ("key", "nonsense"), ("backup", "x", "--threads", "many"), ("backup", "x", "--threads", "-1"),
                                       ("verify", "--tier", "deep"), ("verify", "--budget", "ten"), ("backup", "x", "-q", "-v"), ("restore", "a", "b", "-t", "x"),
                                       ("backup", "x", "--exclude")], ids=" ".join)
def test_wrong_usage(bare, arguments):
    result = bare(*arguments, code=2)
    assert result.out == b"" and re.search(r"PL-\d{4}", result.err.decode())
    result = bare("--json", *arguments, code=2)
    assert result.error["exit_code"] == 2 and re.fullmatch(r"PL-\d{4}", result.error["code"]) and result.error["message"]


def test_misspelt_words_get_a_suggestion(bare):
    assert "did you mean" in bare("bakcup", code=2).everything
    assert "--exclude" in bare("backup", "x", "--exlude", "y", code=2).everything


def test_no_repository_named(bare):
    bare("snapshots", env={"PULIH_REPOSITORY": None}, code=2)


@pytest.fixture
def stored(pulih, source):
    (source / "a").mkdir()
    (source / "a" / "file").write_bytes(b"content")
    (source / os.fsdecode(b"bad \xff name")).write_bytes(b"x")
    pulih.backup(source, "--tag", "one")
    (source / "a" / "file").write_bytes(b"other content")
    pulih.backup(source, "--tag", "two")
    return pulih


def each(value):
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from each(inner)


@pytest.mark.parametrize("arguments", [("snapshots",), ("ls", "latest"), ("find", "file"), ("stats",), ("cat", "config"), ("diff", "latest", "latest"),
                                       ("verify",), ("verify", "--tier", "content"), ("key", "list"), ("version",), ("doctor",),
                                       ("excludes", "explain", "/tmp/x", "--exclude", "x"), ("restore", "latest", "-t", "out"),
                                       ("backup", "/etc/hostname"), ("backup", "-n", "/etc/hostname")], ids=" ".join)
def test_json(stored, arguments):
    """Every line is one object with a type; times are RFC 3339 with offset; nothing else is on standard output."""
    result = stored.json(*arguments, cwd=stored.folder, code=(0, 1, 3) if arguments[0] == "doctor" else 0)
    assert result.messages
    for message in result.messages:
        assert isinstance(message, dict) and message["message_type"]
        for value in each(message):
            if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
                assert RFC3339.fullmatch(value), value


def test_json_diff(stored):
    ids = [snapshot["id"] for snapshot in stored.snapshots()]
    result = stored.json("diff", *ids)
    assert any("file" in json.dumps(message) for message in result.messages)


def test_names_that_are_not_utf8(stored, source):
    messages = stored.json("ls", "latest").messages
    names = [base64.b64decode(m["path_b64"]) for m in messages if "path_b64" in m]
    assert len(names) == 1 and names[0].endswith(b"/bad \xff name")


def test_control_characters_do_not_reach_the_terminal(pulih, source):
    (source / "\x1b[31mred\nline").write_bytes(b"x")
    pulih.backup(source)
    text = pulih("ls", "latest").out
    assert b"\x1b" not in text and text.count(b"red") == 1


def test_errors_quote_any_bytes(bare, work):
    """A name in a message may be anything, also on a disk that a stranger filled."""
    os.mkdir(os.fsencode(bare.repo))
    os.close(os.open(os.path.join(os.fsencode(bare.repo), b"a\x1b[2J\xff"), os.O_CREAT))
    assert b"\x1b" not in bare("init", code=1).err
    assert "a\\x1b[2J\\xff" in bare.json("init", code=1).error["message"]
    assert bare.json("snapshots", "-r", os.fsencode(work) + b"/nothing\xff", code=10).error["code"] == "PL-1209"


def test_closed_standard_streams(stored, work):
    """No file that is opened gets the number of a closed stream: what is printed would end up in it."""
    seen = work / "seen"
    command = f"for n in 0 1 2; do readlink /proc/$PPID/fd/$n; done > {seen}; cat {stored.password_file}"
    line = shlex.join(stored.command("snapshots", "--password-command", command)) + " <&- >&- 2>&-"
    environment = {k: str(v) for k, v in stored.environment.items() if k != "PULIH_PASSWORD_FILE"}
    assert subprocess.run(line, shell=True, env=environment).returncode == 1  # the list went nowhere
    assert seen.read_text().split() == ["/dev/null"] * 3


def test_interrupt_while_a_pipe_is_opened(bare, work):
    os.mkfifo(work / "pipe")
    process = bare.start("snapshots", env={"PULIH_PASSWORD_FILE": work / "pipe", "PULIH_REPOSITORY": bare.init().repo})
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 130


def test_filters(stored):
    assert len(stored.json("snapshots", "--tag", "one").of_type("snapshot")) == 1
    assert len(stored.json("snapshots", "--host", "elsewhere").of_type("snapshot")) == 0


def test_standard_output_that_is_full(stored):
    with open("/dev/full", "wb") as full:
        process = stored.start("ls", "latest", stdout=full)
        process.communicate()
    assert process.returncode == 1


def test_quiet(pulih, small):
    result = pulih("backup", "-q", small)
    assert result.out == b"" and result.err == b""


def test_plain_output_has_no_control_characters(pulih, small):
    """Not a terminal: plain lines."""
    result = pulih("backup", small)
    assert b"\r" not in result.out + result.err and b"\x1b" not in result.out + result.err


def test_environment_and_option(stored):
    """An option beats the environment."""
    stored("snapshots", "-r", stored.repo, env={"PULIH_REPOSITORY": "/nowhere"})
    stored("snapshots", "-r", "/nowhere", code=10)


def test_exit_codes_of_messages(bare):
    """`pulih help PL-nnnn` explains every message, with its cause and remedy."""
    for number, name, _, cause, remedy in messages_of_source():
        text = re.sub(r"\s+", " ", bare("help", f"PL-{number}").text)
        assert cause.replace('\\"', '"') in text and remedy.replace('\\"', '"') in text, (number, name, text)


def test_kinds_have_exit_codes(pulih, work):
    """The kind in messages.def and the exit code agree wherever one can be provoked."""
    for arguments, code in ((("backup", work / "nothing"), 1), (("snapshots", "-r", work / "nothing"), 10), (("restore", "abcd", "-t", work / "x"), 1)):
        result = pulih.json(*arguments, code=code)
        assert result.error["exit_code"] == code and result.error["remedy"]


def test_manual_page_names_every_option(bare):
    pages = sorted((TOP / "docs").rglob("pulih*.1"))
    if not pages:
        pytest.skip("no man page in this tree")
    text = ""
    for page in pages:
        shown = subprocess.run(["man", "--warnings", "-P", "cat", "-l", page], env={**os.environ, "MANWIDTH": "500", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert shown.returncode == 0 and shown.stderr == b"", shown.stderr.decode()
        text += re.sub(r".\x08", "", shown.stdout.decode()).replace("\u2010", "-").replace("\u2212", "-")
    for name in commands(bare):
        assert re.search(rf"\b{name}\b", text), f"pulih {name} is in no man page"
        for option in set(re.findall(r"--[a-z][a-z-]+", bare(*name.split(), "--help").text)):
            assert re.search(rf"{option}(?![a-z-])", text), f"{option} of pulih {name} is in no man page"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_every_signal_that_asks_to_stop_stops_cleanly(pulih, number):
    process = pulih.start("--json", "backup", "--stdin-from-command", "--", "sleep", "600")
    while not list((pulih.repo / "sessions").glob("*")):
        time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate()
    assert process.returncode == 130 and json.loads(out.splitlines()[-1])["kind"] == "interrupted"
    assert not list((pulih.repo / "sessions").glob("*"))


def test_nohup_outlives_its_terminal(pulih):
    process = pulih.start("backup", "--stdin-from-command", "--", "sleep", "2", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    while not list((pulih.repo / "sessions").glob("*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == 0


def test_a_limit_on_the_size_of_files_is_an_error_not_the_end(pulih, source, work):
    (source / "large").write_bytes(os.urandom(4 << 20))
    pulih.backup(source)
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))}
    result = pulih("restore", "latest", "--to-tar", work / "x.tar", code=1, **limit)
    assert "PL-1" in result.everything and not (work / "x.tar").exists()
    with open(work / "output", "wb") as output:
        assert "File too large" in pulih("cat", f"latest:{source}/large", code=1, stdout=output, **limit).everything


def test_names_that_are_not_utf8_cost_no_json_object(pulih, work):
    bad = os.fsdecode(b"n\xffame")
    (work / "file").write_bytes(b"x")
    assert pulih("--json", "key", "issue-writer", "-o", work / (bad + ".key")).summary["file"].endswith("n\\xffame.key")
    assert pulih("--json", "key", "issue-writer", "--domain", bad, "-o", work / "key").summary["domain_name"] == "n\\xffame"
    verdict, = pulih("--json", "excludes", "explain", "/n", "--exclude", os.fsdecode(b"[n\xff]")).of_type("verdict")
    assert verdict["excluded"] and verdict["pattern"] == "[n\\xff]"
    assert any(check["name"] == "state" for check in pulih.json("doctor", "--state-dir", work / bad).of_type("check"))
    with sqlite3.connect(os.fsencode(work / bad / "x.db")) as database:
        database.execute("CREATE TABLE t(a)")
    found, = pulih.backup("--sqlite", work / bad / "x.db")["databases"]
    assert base64.b64decode(found["path_b64"]) == os.fsencode(work / bad / "x.db")
    assert pulih.json("key", "add", "--recovery", "--label", bad, code=2).error["code"] == "PL-1115"


def test_a_recovery_code_that_nobody_saw_leaves_no_slot(pulih):
    with open("/dev/full", "wb") as full:
        pulih("key", "add", "--recovery", code=1, stdout=full)
        pulih("--json", "key", "add", "--recovery", code=1, stdout=full)
    assert [slot["type"] for slot in pulih("--json", "key", "list").of_type("key_slot")] == ["passphrase"]


def test_a_dry_run_claims_no_verification(pulih, source):
    (source / "file").write_bytes(b"x")
    assert "read back" not in pulih("backup", source, "--dry-run").text
    assert pulih.backup(source, "--dry-run")["verification"] == []


def test_no_configuration_is_a_matter_of_configuration(bare):
    if os.path.exists("/etc/pulih/pulih.yaml"):
        pytest.skip("this machine has a configuration")
    for command in (("config", "check"), ("config", "show"), ("run", "x"), ("run", "--all")):
        assert bare(*command, "--json", code=2, env={"PULIH_REPOSITORY": None}).error["code"] == "PL-1714"


def test_a_list_of_paths_from_a_socket(pulih, source):
    (source / "file").write_bytes(b"x")
    ours, theirs = socket.socketpair()
    ours.sendall(os.fsencode(source) + b"\n")
    ours.shutdown(socket.SHUT_WR)
    assert pulih.backup("--files-from", "-", stdin=theirs)["files_new"] == 1
