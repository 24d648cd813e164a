"""Completion: the program offers what it takes, and bash and zsh, typed into on a terminal, complete with it."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from pulih import BINARY, TIMEOUT, TOP

CONFIG = """\
office: {{name: Pengadilan Agama Ternate, timezone: Asia/Jayapura}}
people:
  - {{id: admin, name: Contoh Admin, position: Admin Web, role: operator}}
  - {{id: kasubbag, name: Contoh Pemeriksa, position: Kasubbag, role: reviewer}}
targets:
  - {{name: hdd, url: {place}/hdd}}
  - {{name: second, url: {place}/second}}
jobs:
  - {{name: website, performer: admin, reviewer: kasubbag, sources: [{{files: {{paths: [{place}]}}}}], target: hdd}}
  - {{name: office-files, performer: admin, reviewer: kasubbag, sources: [{{files: {{paths: [{place}]}}}}], target: second}}
"""
CHOICES = [("verify", "--tier"), ("restore", "--overwrite"), ("init", "--suite"), ("report export", "--format"), ("setup", "--sop")]


@pytest.fixture
def configuration(work):
    path = work / "office.yaml"
    path.write_text(CONFIG.format(place=work))
    return path


def offered(pulih, *words, **how):
    """{word: what it means}; what the shell completes itself stands there as "@files" and so on."""
    result = pulih("help", "--complete", "--", *words, **how)
    assert result.err == b"", result
    lines = [line.partition("\t") for line in result.text.splitlines()]
    assert len({line[0] for line in lines}) == len(lines), result
    return {word: meaning for word, _, meaning in lines}


def commands(pulih):
    """Names and purposes of all commands, from the program's own help."""
    overview = pulih("help").text.partition("Options of every command")[0]
    return dict(re.findall(r"^  ([a-z-]+(?: [a-z-]+)?) {2,}(\S.*)$", overview, re.M))


def options(pulih, *command):
    """Options with their lines, likewise."""
    return set(re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", pulih("help", *command).text, re.M))


def choices(pulih, command, option):
    """The values that the program names when it is given none of them."""
    error = pulih("--json", *command.split(), option, "~", code=2).error["message"]
    return re.search(r"is none of (.*?)(?:;|$)", error).group(1).split(", ")


# ---- what the program offers ----

def test_every_command_is_offered(bare):
    known = commands(bare)
    assert len(known) > 20
    plain = {name: purpose for name, purpose in known.items() if " " not in name}
    groups = {name.split()[0] for name in known} - set(plain)
    first = offered(bare, "")
    assert set(first) == set(plain) | groups
    assert {name: first[name] for name in plain} == plain
    for group in groups:
        second = {name.split()[1]: purpose for name, purpose in known.items() if name.startswith(group + " ")}
        assert offered(bare, group, "") == second
        assert offered(bare, "-q", group, "--threads", "2", "") == second
        assert first[group] == ", ".join(second)
        assert offered(bare, "help", group, "") == second
    assert offered(bare) == first
    assert set(first) < set(offered(bare, "help", ""))
    assert {"exit", "excludes", "environment", "messages"} < set(offered(bare, "help", ""))


def test_every_option_is_offered(bare):
    everywhere = options(bare)
    assert {"--repo", "--json", "--help"} <= everywhere
    assert set(offered(bare, "--")) == everywhere
    for name in commands(bare):
        own = options(bare, *name.split())
        assert everywhere <= own
        for typed in ("-", "--", "--ver"):
            assert set(offered(bare, *name.split(), typed)) == own, name
    # what needs no words is offered at once
    assert set(offered(bare, "version", "")) == everywhere
    assert offered(bare, "restore", "latest", "--", "--") == {}


@pytest.mark.parametrize("command, option", CHOICES)
def test_values_of_choices(bare, command, option):
    values = choices(bare, command, option)
    assert len(values) > 1
    words = command.split()
    assert list(offered(bare, *words, option, "")) == values
    assert list(offered(bare, *words, option, values[0][:1])) == values
    assert list(offered(bare, *words, f"{option}=")) == [f"{option}={value}" for value in values]
    assert list(offered(bare, *words, option[:-1], "")) == values  # cut short, as getopt_long takes it
    assert option in offered(bare, *words, option, values[0], "-")


def test_what_the_shell_completes(bare):
    for words in (["restore", "latest", "-t", ""], ["restore", "latest", "--target="], ["init", "--state-dir", ""], ["restore", "-vt", ""]):
        assert set(offered(bare, *words)) == {"@folders"}, words
    for words in (["backup", ""], ["backup", "/etc", ""], ["-c", ""], ["backup", "--key-file", ""], ["key", "issue-writer", "-o", ""],
                  ["backup", "--exclude-file=x"]):
        assert set(offered(bare, *words)) == {"@files"}, words
    assert set(offered(bare, "backup", "--stdin-from-command", "--", "")) == {"@commands"}
    assert set(offered(bare, "backup", "/etc", "--stdin-from-command", "--", "")) == {"@commands"}
    assert set(offered(bare, "backup", "--stdin-from-command", "--", "mysqldump", "--defaults-file")) == {"@files"}
    assert set(offered(bare, "--password-command", "")) == {"@commands"}
    assert offered(bare, "restore", "") == {"latest": "the newest snapshot"}
    assert offered(bare, "restore", "latest", "") == {}
    assert set(offered(bare, "diff", "latest", "")) == {"latest"}
    assert {"latest", "config", "snapshot", "index", "pack", "key"} == set(offered(bare, "cat", ""))
    assert set(offered(bare, "report", "show", "")) == {"latest"}
    for words in (["nonsense", ""], ["key", "nonsense", ""], ["verify", "--budget", ""], ["backup", "--exclude", ""], ["verify", "--nonsense="]):
        assert not offered(bare, *words), words


def test_names_of_the_configuration(bare, configuration, work):
    file = str(configuration)
    jobs, targets = {"website": "hdd", "office-files": "second"}, {"hdd": f"{work}/hdd", "second": f"{work}/second", "@folders": ""}
    for named in (["-c", file], [f"-c{file}"], ["--config", file], [f"--config={file}"], ["-vc", file]):
        assert offered(bare, *named, "run", "") == jobs, named
        assert offered(bare, "run", *named, "") == jobs, named
    environment = {"PULIH_CONFIG": file}
    assert offered(bare, "run", "", env=environment) == jobs
    assert offered(bare, "run", "website", "", env=environment) == {}
    assert offered(bare, "snapshots", "--job", "", env=environment) == jobs
    assert offered(bare, "report", "list", "--job", "", env=environment) == jobs
    assert offered(bare, "-r", "", env=environment) == offered(bare, "verify", "--repository", "", env=environment) == targets
    assert offered(bare, "--repo=", env=environment) == {f"--repo={name}" if name[0] != "@" else name: url for name, url in targets.items()}
    # the line names another one
    other = work / "other.yaml"
    other.write_text(configuration.read_text().replace("website", "archive"))
    assert set(offered(bare, "-c", str(other), "run", "", env=environment)) == {"archive", "office-files"}


def test_no_names_where_the_configuration_cannot_be_read(bare, configuration, work):
    configuration.write_text(configuration.read_text() + "nonsense: 1\n")
    assert offered(bare, "-c", str(configuration), "run", "") == {}
    assert offered(bare, "-c", str(work / "none.yaml"), "run", "") == {}
    assert offered(bare, "-c", str(configuration), "verify", "-r", "") == {"@folders": ""}
    assert not bare.repo.exists() and not bare.state.exists()


def test_json(bare, configuration):
    found = bare("--json", "help", "--complete", "--", "-c", str(configuration), "-r", "").of_type("candidate")
    assert [candidate.get("word") for candidate in found] == ["hdd", "second", None]
    assert found[2]["shell"] == "folders" and found[0]["description"].endswith("/hdd")


def test_too_many_words_of_help(bare):
    assert bare("--json", "help", "key", "add", "more", code=2).error["code"] == "PL-1806"


# ---- bash and zsh ----

class Shell:
    """An interactive shell on a terminal of its own. Ctrl-T makes it write the line that is being typed to a file."""

    def __init__(self, command, setup, pulih, work):
        self.line_file = work / "line"
        programs = work / "programs"
        programs.mkdir()
        (programs / "pulih").symlink_to(BINARY)
        self.work = work
        environment = {**pulih.environment, "PATH": f"{programs}:{os.environ['PATH']}", "LINE_FILE": str(self.line_file), "TERM": "xterm", "PS1": "> "}
        self.master, terminal = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 300, 200, 0, 0))
        self.process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, cwd=work, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(terminal)
        self.screen = ""
        (work / "setup").write_text(setup)
        # The answer to Ctrl-T says that the shell reads keys by itself: before that, the terminal would take the Ctrl-U of what is typed.
        self.type(". ./setup\r\x14")
        self.wait_for_line()

    def type(self, text):
        os.write(self.master, text.encode())

    def look(self, patience):
        """Takes what the shell shows; whether there was anything."""
        if not select.select([self.master], [], [], patience)[0]:
            return False
        self.screen += os.read(self.master, 65536).decode("utf-8", "replace")
        return True

    def wait_for_line(self):
        """What stands in the line file, as soon as it is there. What was shown meanwhile is in self.screen."""
        self.screen = ""
        end = time.monotonic() + TIMEOUT
        while not self.line_file.exists():
            assert time.monotonic() < end and self.process.poll() is None, f"the shell does not answer:\n{self.screen}"
            self.look(0.05)
        while self.look(0):
            pass
        line = self.line_file.read_text()
        self.line_file.unlink()
        return line

    def complete(self, typed):
        """The line after Tab was pressed behind `typed`; the line is cleared then."""
        self.type(typed + "\t\x14\x15")
        return self.wait_for_line()

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


BASH = r"""
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind 'set show-all-if-ambiguous on'
bind 'set enable-bracketed-paste off'
bind -x '"\C-t": printf %s "$READLINE_LINE" > "$LINE_FILE.new"; mv "$LINE_FILE.new" "$LINE_FILE"'
. {completion}/pulih.bash
"""
ZSH = r"""
unset zle_bracketed_paste
fpath=({completion} $fpath)
autoload -Uz compinit
compinit -u -D
LISTMAX=10000
write-line() {{ print -rn -- "$BUFFER" > "$LINE_FILE.new"; mv "$LINE_FILE.new" "$LINE_FILE" }}
zle -N write-line
bindkey -e
bindkey '^T' write-line
bindkey '^U' kill-whole-line
"""


@pytest.fixture(params=["bash", "zsh"])
def shell(request, bare, work, configuration):
    command, setup = {"bash": (["bash", "--norc", "--noprofile", "-i"], BASH), "zsh": (["zsh", "-f", "-i"], ZSH)}[request.param]
    bare.environment["PULIH_CONFIG"] = str(configuration)
    running = Shell(command, setup.format(completion=TOP / "conf" / "completion"), bare, work)
    yield running
    running.close()


def test_in_a_shell(shell, work):
    (work / "a folder").mkdir()
    (work / "a file").write_text("")
    for typed, line in [
        ("pulih snaps", "pulih snapshots "),
        ("pulih ver", "pulih ver"),  # verify, version
        ("pulih veri", "pulih verify "),
        ("pulih key iss", "pulih key issue-writer "),
        ("pulih --js", "pulih --json "),
        ("pulih backup --exclude-c", "pulih backup --exclude-caches "),
        ("pulih verify --tier con", "pulih verify --tier content "),
        ("pulih verify --tier=con", "pulih verify --tier=content "),
        ("pulih restore --overwrite=ch", "pulih restore --overwrite=changed "),
        ("pulih run web", "pulih run website "),
        ("pulih run o", "pulih run office-files "),
        ("pulih -q verify -r sec", "pulih -q verify -r second "),
        ("pulih verify --repo=sec", "pulih verify --repo=second "),
        ("pulih report export la", "pulih report export latest "),
        ("pulih help exc", "pulih help excludes "),  # a topic and a command
        ("pulih restore latest:/etc -t a", "pulih restore latest:/etc -t a\\ folder/"),
        ("pulih backup a\\ fi", "pulih backup a\\ file "),
        ("pulih backup --exclude-file=a\\ fi", "pulih backup --exclude-file=a\\ file "),
        ("pulih backup --stdin-from-command -- puli", "pulih backup --stdin-from-command -- pulih "),
        ("pulih nonsense --js", "pulih nonsense --js"),
    ]:
        found = shell.complete(typed)
        assert found.rstrip() == line.rstrip(), (typed, shell.screen)
    shell.complete("pulih verify --tier ")
    assert all(tier in shell.screen for tier in ("structure", "stored", "content")), shell.screen
    shell.complete("pulih backup --exclude")
    assert "--exclude-if-present" in shell.screen and "--exclude-larger" in shell.screen, shell.screen
    assert "--exclude-larger-than" not in shell.screen
