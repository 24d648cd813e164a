"""pulih setup: what an administrator types the first time, and what stands there afterwards."""
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import stat
import subprocess
import termios
import time

import pytest

from compare import assert_same
from conftest import needs_root
from pulih import SHIM, TIMEOUT, Pulih
from test_exfat import disk  # noqa: F401 (a fixture)

PASSPHRASE = "lima kata yang tidak ditebak"


class Office:
    """A place with data and nothing else: where everything would go, and the options that say so."""

    def __init__(self, work):
        self.work = work
        self.pulih = Pulih(work / "pulih", PASSPHRASE)
        for name in ("PULIH_REPOSITORY", "PULIH_PASSWORD_FILE"):
            del self.pulih.environment[name]
        self.data = work / "data"
        self.target = work / "media" / "pulih"
        self.configuration = work / "etc" / "pulih.yaml"
        self.key = work / "etc" / "backup.key"
        self.sheet = work / "sheet.pdf"
        (work / "media").mkdir()
        self.data.mkdir()
        (self.data / "surat keputusan").write_text("Menimbang\n")
        (self.data / "é: # 'x'").mkdir()
        (self.data / "é: # 'x'" / "file").write_bytes(os.urandom(100000))
        with sqlite3.connect(self.data / "agenda.sqlite") as database:
            database.execute("create table t (a)")
            database.execute("insert into t values ('sidang')")
        database.close()

    @property
    def options(self):
        return {"--office": "Pengadilan Agama Ternate", "--operator": "Siti R. Hamid", "--reviewer": "Ahmad: #1 'Kasubbag'", "--path": self.data,
                "--target": self.target, "--sheet": self.sheet, "-c": self.configuration}

    def words(self, *more, **changed):
        options = {**self.options, **{f"--{name.replace('_', '-')}": value for name, value in changed.items()}}
        return ["setup", *(str(word) for name, value in options.items() if value is not None for word in (name, value)), *more]

    def setup(self, *more, code=0, passphrase=True, env=None, **changed):
        secret = ["--new-password-file", str(self.pulih.password_file)] if passphrase else []
        return self.pulih(*self.words("--yes", *secret, *more, **changed), code=code, env=env)

    def made(self):
        """What is there of all that setup makes."""
        return {name for name, path in (("target", self.target / "config"), ("key", self.key), ("sheet", self.sheet), ("configuration", self.configuration))
                if path.exists()}

    def strangers(self):
        folder = self.configuration.parent
        return [p.name for p in folder.iterdir() if p not in (self.configuration, self.key)] if folder.exists() else []


@pytest.fixture
def office(work):
    return Office(work)


# ---- with options alone ----

def test_from_setup_to_a_restore(office):
    summary = office.pulih(*office.words("--json", "--yes", "--new-password-file", office.pulih.password_file, "--run")).messages
    made = [m for m in summary if m["message_type"] == "summary" and "configuration" in m][0]
    assert made["configuration"] == str(office.configuration) and made["ran"] and not made["repository_was_there"]
    assert made["paths"] == [str(office.data)] and made["databases"] == [str(office.data / "agenda.sqlite")]
    assert office.made() == {"target", "key", "sheet", "configuration"} and office.strangers() == []
    assert stat.S_IMODE(office.configuration.stat().st_mode) == 0o640
    assert stat.S_IMODE(office.key.stat().st_mode) == stat.S_IMODE(office.sheet.stat().st_mode) == 0o600
    assert office.sheet.read_bytes().startswith(b"%PDF-")
    assert PASSPHRASE not in office.configuration.read_text()

    # the server cannot read what it stored
    office.pulih("restore", "-r", "hdd", "-c", office.configuration, "latest", "-t", office.work / "no", code=12)
    out = office.work / "out"
    office.pulih("restore", "-r", office.target, "-p", office.pulih.password_file, "latest", "-t", out, "--verify")
    restored = office.pulih.restored(out, office.data)
    with sqlite3.connect(restored / "agenda.sqlite") as database:
        assert database.execute("select a from t").fetchall() == [("sidang",)]
    database.close()
    for folder in (restored, office.data):  # the copy of a database is another file with the same content
        (folder / "agenda.sqlite").unlink()
        os.utime(folder, ns=(0, 0))
    assert_same(office.data, restored)
    report = office.pulih("report", "show", "latest", "-c", office.configuration).text
    assert "Siti R. Hamid" in report and "Ahmad: #1 'Kasubbag'" in report and "AS/29" in report
    assert "data-kantor" in office.pulih("schedule", "-c", office.configuration).text


def test_what_was_answered_is_configured(office):
    password = office.work / "mail.password"
    password.write_text("x\n")
    password.chmod(0o600)
    office.setup("--address", "Jln. Tugu: 1", "--address", "Tlp. (0921) 3124945", city="Ternate", timezone="Asia/Jayapura", language="en", operator_nip="1980",
                 operator_position="Admin Web", operator_email="siti@example.org", reviewer_nip="1970", reviewer_position="Kasubbag",
                 reviewer_email="ahmad@example.org", head="Ketua Itu", head_position="Ketua", sop="as28", at="23:30", keep="7,0,12", job="situs",
                 mail_server="mail.example.org", mail_security="tls", mail_user="pulih", mail_password_file=password)
    text = office.configuration.read_text()
    shown = office.pulih.json("config", "show", "-c", office.configuration)
    people = {p["id"]: p for p in shown.of_type("person")}
    assert people["admin"]["name"] == "Siti R. Hamid" and people["admin"]["nip"] == "1980" and people["admin"]["position"] == "Admin Web"
    assert people["kasubbag"]["name"] == "Ahmad: #1 'Kasubbag'" and people["ketua"]["role"] == "head"
    assert shown.of_type("job")[0]["name"] == "situs" and shown.of_type("channel")[0]["to"] == "mail.example.org"
    assert "number: AS/28" in text and 'at: "23:30"' in text and "daily: 7" in text and "weekly" not in text and "monthly: 12" in text
    assert "Jln. Tugu: 1\n    Tlp. (0921) 3124945\n" in text and "language: en" in text and "acknowledger: ketua" in text
    assert "security: tls" in text and "user: pulih" in text and "people: [admin, kasubbag]" in text
    assert "Operator and reviewer" in text  # comments in the language of the office


def test_dry_run_prints_and_touches_nothing(office):
    shown = office.setup("-n", passphrase=False)
    assert office.made() == set() and not office.configuration.parent.exists() and not office.pulih.state.exists()
    office.setup()
    assert shown.out == office.configuration.read_bytes()


@pytest.mark.parametrize("option", ["--office", "--operator", "--reviewer"])
def test_a_missing_answer_is_named(office, option):
    options = {option[2:]: None}
    error = office.setup("--json", code=2, **options).error
    assert error["code"] == "PL-1820" and option in error["message"]
    error = office.pulih(*office.words("--json", "--new-password-file", office.pulih.password_file, city=None), code=2).error
    assert error["code"] == "PL-1820" and "--city is missing" in error["message"] and "--yes" in error["message"]
    assert office.made() == set()


@pytest.mark.parametrize("option, value, words", [
    ("reviewer", "SITI R HAMID", "another person"), ("at", "24:00", "HH:MM"), ("timezone", "Mars/Base", "Asia/Jakarta"), ("keep", "0,0,0", "three numbers"),
    ("target", "disk", "absolute"), ("path", "/nonexistent/here", "cannot look"), ("sqlite", "/etc/passwd", "no SQLite"), ("language", "fr", "none of id, en"),
    ("operator_email", "siti", "name@host"), ("head_nip", "1", "not given"), ("mail_server", "mail.example.org", "nobody has"), ("job", "A B", "lower-case"),
    ("office", "a\nb", "one line"), ("mail_user", "x", "not given")])
def test_a_wrong_option_is_refused_before_anything_is_written(office, option, value, words):
    error = office.setup("--json", code=2, **{option: value}).error
    assert words in error["message"] and f"--{option.replace('_', '-')}" in error["message"]
    assert office.made() == set() and not office.target.exists() and not office.pulih.state.exists()


def test_no_passphrase_no_terminal(office):
    error = office.setup("--json", code=12, passphrase=False).error
    assert "--new-password-file" in error["message"]
    assert office.made() == set() and not office.target.exists()


def test_a_weak_passphrase_is_told(office):
    office.pulih.password_file.write_text("rahasia\n")
    assert "PL-1823" in office.setup().everything


def test_enable_is_for_the_default_configuration(office):
    assert office.setup("--json", "--enable", code=2).error["code"] == "PL-1804"
    assert office.made() == set()


def test_an_existing_configuration_stays(office):
    office.configuration.parent.mkdir()
    office.configuration.write_text("old: 1\n")
    office.configuration.chmod(0o600)
    error = office.setup("--json", code=1).error
    assert error["code"] == "PL-1814" and "--force" in error["message"]
    assert office.configuration.read_text() == "old: 1\n" and office.made() == {"configuration"}

    office.setup("--force")
    kept = office.configuration.with_name("pulih.yaml.bak")
    assert kept.read_text() == "old: 1\n" and stat.S_IMODE(kept.stat().st_mode) == 0o600
    first = office.configuration.read_text()
    office.setup("--force", office="Kantor Lain")  # the repository, the key and the sheet are used again
    assert office.configuration.with_name("pulih.yaml.bak2").read_text() == first and kept.read_text() == "old: 1\n"
    assert "Kantor Lain" in office.configuration.read_text()
    assert sorted(office.strangers()) == ["pulih.yaml.bak", "pulih.yaml.bak2"]
    writers = [k for k in office.pulih.json("key", "list", "-r", office.target, "-p", office.pulih.password_file).messages if k.get("type") == "backup"]
    assert len(writers) <= 1
    office.pulih("run", "--all", "-c", office.configuration)


def test_an_existing_repository_is_used(office):
    office.pulih("init", "-r", office.target, "-p", office.pulih.password_file)
    config = (office.target / "config").read_bytes()
    wrong = office.work / "wrong"
    wrong.write_text("sebuah kata sandi lain\n")
    wrong.chmod(0o600)
    assert office.pulih(*office.words("--json", "--yes", "--new-password-file", wrong), code=12).error["code"] == "PL-1110"
    assert office.made() == {"target"} and (office.target / "config").read_bytes() == config
    result = office.setup("--run")
    assert "using the repository" in result.text and office.made() == {"target", "key", "sheet", "configuration"}


def test_a_key_of_another_repository_is_refused(office):
    office.pulih("init", "-r", office.target, "-p", office.pulih.password_file)
    office.pulih("init", "-r", office.work / "other", "-p", office.pulih.password_file)
    office.key.parent.mkdir()
    office.pulih("key", "issue-writer", "-r", office.work / "other", "-p", office.pulih.password_file, "-o", office.key)
    before = office.key.read_bytes()
    assert office.setup("--json", code=1).error["code"] == "PL-1814"
    assert office.key.read_bytes() == before and not office.configuration.exists() and not office.sheet.exists()


def test_a_file_that_is_no_sheet_is_refused(office):
    office.sheet.write_bytes(b"%PDF-1.7 something else %%EOF")
    assert office.setup("--json", code=1).error["code"] == "PL-1814"
    assert office.made() == {"sheet"}
    office.pulih("init", "-r", office.target, "-p", office.pulih.password_file)
    assert office.setup("--json", code=1).error["code"] == "PL-1814"
    assert office.made() == {"sheet", "target"}


def test_without_a_sheet(office):
    text = office.setup(sheet="none").text
    assert office.made() == {"target", "key", "configuration"} and "pulih key sheet" in text


def test_the_same_disk_is_told(office):
    assert "PL-1822" in office.setup().everything


@needs_root
def test_a_full_disk_leaves_nothing_half_made(office):
    """No room for the repository at all; then, with more of it, the same command goes through."""
    disk = office.work / "media"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=6", "none", disk], check=True)
    try:
        result = office.setup("--json", code=1)
        assert result.error["code"] == "PL-1002", result
        assert office.made() == set() and any("no repository" in m["message"] for m in result.of_type("note"))
        subprocess.run(["mount", "-o", "remount,size=64m,nr_inodes=1000", disk], check=True)
        result = office.setup()
        assert "in memory" in result.everything
        office.pulih("run", "--all", "-c", office.configuration)
    finally:
        subprocess.run(["umount", disk], check=True)


@needs_root
def test_stopped_behind_the_repository_it_goes_on(office):
    """No room for the key and the sheet: the repository is there, and the next run uses it."""
    etc = office.configuration.parent
    etc.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "none", etc], check=True)
    try:
        result = office.setup("--json", code=1)
        assert result.error["code"] == "PL-1002" and office.made() == {"target"} and office.strangers() == []
        assert any("goes on from there" in m["message"] for m in result.of_type("note"))
    finally:
        subprocess.run(["umount", etc], check=True)
    assert "using the repository" in office.setup().text
    assert office.made() == {"target", "key", "sheet", "configuration"}
    # a key that was made too
    office.configuration.unlink()
    text = office.setup().text
    assert "using the backup key" in text and "keeping the recovery sheet" in text
    office.pulih("run", "--all", "-c", office.configuration)


@needs_root
def test_without_the_right_to_write(office):
    etc = office.configuration.parent
    etc.mkdir(mode=0o755)
    office.work.chmod(0o755)
    office.pulih.password_file.chmod(0o644)
    office.pulih.folder.chmod(0o777)
    (office.work / "media").chmod(0o777)
    error = office.pulih(*office.words("--json", "--yes", "--new-password-file", office.pulih.password_file, sheet="none"), user=65534, code=13).error
    assert error["code"] == "PL-1824" and not office.target.exists()


def test_exfat_is_told_and_works(office, disk):
    result = office.setup("--run", target=disk / "pulih")
    assert "exfat, which has no journal" in result.everything
    assert (disk / "pulih" / "config").exists()


# ---- sites and servers of a host ----

@needs_root
def test_sites_and_servers_are_found(office):
    """/etc and /var with a web server on top, in a mount namespace of its own."""
    top = office.work / "host"
    for folder in ("etc/apache2/sites-enabled", "etc/nginx/sites-enabled", "var/www/html", "var/lib/mysql/mysql", "srv/blog"):
        (top / folder).mkdir(parents=True)
    (top / "etc/apache2/sites-enabled/000-default.conf").write_text("<VirtualHost *:80>\n\tDocumentRoot /var/www/html\n</VirtualHost>\n")
    (top / "etc/nginx/sites-enabled/blog").write_text(f"server {{ root {top}/srv/blog; }}\n")
    (top / "var/www/html/configuration.php").write_text("<?php class JConfig { public $dbtype = 'mysqli'; public $db = 'joomla_pa'; }")
    with sqlite3.connect(top / "srv/blog/posts.db") as database:
        database.execute("create table t (a)")
    database.close()
    script = "".join(f"mount -t overlay none -o lowerdir={top}/{name}:/{name} /{name} && " for name in ("etc", "var"))
    command = ["unshare", "-m", "sh", "-c", script + 'exec "$@"', "sh",
               *office.pulih.command(*office.words("--json", "--yes", "-n", path=None, target=office.target))]
    done = subprocess.run(command, env=office.pulih.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    if b"mount" in done.stderr:
        pytest.skip(done.stderr.decode())
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    text = [m["text"] for m in messages if m["message_type"] == "configuration"][0]
    warned = [m["message"] for m in messages if m["message_type"] == "warning" and m["code"] == "PL-1821"]
    assert done.returncode == 0, done
    assert "/var/www/html" in text and f"{top}/srv/blog" in text and f"{top}/srv/blog/posts.db" in text and "number: AS/28" in text
    # its settings name no user, and nobody else gets in here
    assert any("joomla_pa" in w for w in warned) and any("MariaDB or MySQL server (/var/lib/mysql)" in w for w in warned)
    assert '- mariadb: {databases: ["joomla_pa"], user: "USER"' in text and "\n      - mariadb:" not in text


@needs_root
@pytest.mark.parametrize("code", [0, 1])
def test_the_scheduler_is_enabled_where_that_is_asked_for(office, code):
    """With the default configuration, in a mount namespace with an /etc/pulih of its own, and a systemctl that only notes what it is told."""
    top, programs = office.work / "host", office.work / "programs"
    (top / "etc/pulih").mkdir(parents=True)
    programs.mkdir()
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {office.work}/told\nexit {code}\n')
    (programs / "systemctl").chmod(0o755)
    kept = office.work / "configuration"
    script = f'mount -t overlay none -o lowerdir={top}/etc:/etc /etc && mount -t tmpfs none /etc/pulih && "$@"; code=$?; cp /etc/pulih/pulih.yaml {kept}; exit $code'
    words = [word for word in office.words("--json", "--yes", "--enable", "--new-password-file", office.pulih.password_file) if word not in ("-c", str(office.configuration))]
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", *office.pulih.command(*words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**office.pulih.environment, "PATH": f"{programs}:{os.environ['PATH']}"}, timeout=TIMEOUT)
    if b"mount:" in done.stderr:
        pytest.skip(done.stderr.decode())
    assert done.returncode == code, done
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert (office.work / "told").read_text() == "enable --now pulih-scheduler\n"
    assert [m["enabled"] for m in messages if m["message_type"] == "summary"] == [code == 0]
    assert [m["code"] for m in messages if m["message_type"] == "error"] == ([] if code == 0 else ["PL-1825"])
    assert "/etc/pulih/backup.key" in kept.read_text()


# ---- in a terminal ----

class Dialogue:
    """The program on a terminal of its own; expect() reads up to a text, say() types a line."""

    def __init__(self, office, *words, env=None):
        self.master, terminal = pty.openpty()
        environment = {**office.pulih.environment, **(env or {})}
        self.process = subprocess.Popen(office.pulih.command(*words), stdin=terminal, stdout=terminal, stderr=terminal, env=environment,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(terminal)
        self.screen, self.seen = "", 0

    def _read(self):
        if not select.select([self.master], [], [], 0.1)[0]:
            return True
        try:
            raw = os.read(self.master, 65536)
        except OSError:  # the other end is closed
            return False
        self.screen += raw.decode("utf-8", "replace")
        return bool(raw)

    def expect(self, text):
        end = time.monotonic() + TIMEOUT
        while text not in self.screen[self.seen:]:
            assert self._read() and time.monotonic() < end, f"no {text!r} in:\n{self.screen[self.seen:]}\n--- before:\n{self.screen[:self.seen]}"
        self.seen = self.screen.index(text, self.seen) + len(text)

    def say(self, text="", end="\n"):
        os.write(self.master, text.encode() + end.encode())

    def answer(self, question, text=""):
        self.expect(question)
        self.expect(": ")
        self.say(text)

    def silent(self, question, text):
        """A passphrase: typed only when the terminal does not echo any more."""
        self.expect(question)
        while termios.tcgetattr(self.master)[3] & termios.ECHO:
            time.sleep(0.01)
        self.say(text)

    def end(self, code=0):
        while self._read():
            pass
        assert self.process.wait(TIMEOUT) == code, self.screen
        os.close(self.master)
        return self.screen


def begin(office, **how):
    dialogue = Dialogue(office, "setup", "-c", office.configuration, **how)
    dialogue.expect("Ctrl-C stops")
    dialogue.answer("Name of the office", "Pengadilan Agama Ternate")
    return dialogue


def up_to_paths(office, dialogue):
    dialogue.answer("Address", "Jln. Tugu: 1")
    dialogue.answer("further line")
    dialogue.answer("City", "Ternate")
    dialogue.answer("Time zone", "Asia/Jayapura")
    dialogue.answer("Language")
    dialogue.answer("Operator, who", "Siti Ñandú")
    dialogue.answer("NIP")
    dialogue.answer("position [Operator/Admin]")
    dialogue.answer("e-mail [none]")
    dialogue.answer("Reviewer", "Ahmad")
    dialogue.answer("NIP", "1970")
    dialogue.answer("position")
    dialogue.answer("e-mail")
    dialogue.answer("Head")
    dialogue.answer("Which of them", "none")
    dialogue.answer("Another folder", str(office.data))
    dialogue.answer("further one")


def up_to_passphrase(office, dialogue):
    up_to_paths(office, dialogue)
    dialogue.expect("agenda.sqlite")
    dialogue.answer("Which of them", "all")
    dialogue.answer("Folder for the backups", str(office.target))
    dialogue.expect("same file system")
    dialogue.answer("all the same", "y")
    dialogue.answer("SOP", "as29")
    dialogue.answer("Name of the job [data-kantor]")
    dialogue.answer("Time of day [01:00]")
    dialogue.answer("How many", "7 4 12")
    dialogue.answer("Mail server")
    dialogue.answer("recovery sheet", str(office.sheet))


def test_dialogue(office):
    dialogue = begin(office)
    up_to_passphrase(office, dialogue)
    dialogue.silent("New passphrase", PASSPHRASE)
    dialogue.silent("Once more", PASSPHRASE)
    dialogue.expect(str(office.data))
    assert office.made() == set() and not office.target.exists()
    dialogue.answer("Make all this")
    dialogue.answer("Run the first backup now")
    screen = dialogue.end()
    assert PASSPHRASE not in screen
    assert "rm " + str(office.sheet) in screen and f"pulih restore -r {office.target} latest" in screen and "pulih report show latest" in screen
    assert office.made() == {"target", "key", "sheet", "configuration"} and office.strangers() == []
    text = office.configuration.read_text()
    assert "Siti Ñandú" in text and "timezone: Asia/Jayapura" in text and "daily: 7" in text and "Jln. Tugu: 1" in text
    assert len(office.pulih.json("report", "list", "-c", office.configuration).of_type("report")) == 1


def test_a_wrong_answer_is_asked_again(office):
    dialogue = begin(office)
    dialogue.answer("Address")
    dialogue.answer("City", "-")
    dialogue.answer("Time zone", "WIT")
    dialogue.expect("! --timezone")
    dialogue.answer("Time zone", "Asia/Jayapura")
    dialogue.answer("Language", "indonesia")
    dialogue.expect("! --language")
    dialogue.answer("Language", "id")
    dialogue.answer("Operator")
    dialogue.expect("an answer is needed")
    dialogue.answer("Operator", "Siti")
    for question in ("NIP", "position", "e-mail"):
        dialogue.answer(question)
    dialogue.answer("Reviewer", "siti")
    dialogue.expect("another person")
    dialogue.answer("Reviewer", "Ahmad")
    for question in ("NIP", "position", "e-mail", "Head"):
        dialogue.answer(question)
    dialogue.answer("Which of them", "99")
    dialogue.expect("numbers from 1")
    dialogue.answer("Which of them", "none")
    dialogue.answer("Another folder", "/nonexistent/x")
    dialogue.expect("cannot look at")
    dialogue.answer("Another folder", str(office.data))
    dialogue.answer("further one")
    dialogue.answer("Which of them", "none")
    dialogue.answer("Folder for the backups", str(office.data))
    dialogue.expect("is to be backed up")
    dialogue.answer("Folder for the backups", str(office.target))
    dialogue.answer("all the same", "no")
    dialogue.answer("Folder for the backups", str(office.target))
    dialogue.answer("all the same", "perhaps")
    dialogue.expect("yes or no")
    dialogue.answer("all the same", "ya")
    for question in ("SOP", "Name of the job", "Time of day", "How many", "Mail server"):
        dialogue.answer(question)
    dialogue.answer("recovery sheet", "none")
    dialogue.silent("New passphrase", "rahasia")
    dialogue.silent("Once more", "rahasia")
    dialogue.expect("weak")
    dialogue.answer("all the same")
    dialogue.silent("New passphrase", PASSPHRASE)
    dialogue.silent("Once more", PASSPHRASE + "x")
    dialogue.expect("not the same")
    dialogue.silent("New passphrase", PASSPHRASE)
    dialogue.silent("Once more", PASSPHRASE)
    dialogue.answer("Make all this", "no")
    dialogue.end(130)
    assert office.made() == set() and not office.target.exists() and not office.configuration.parent.exists()


@pytest.mark.parametrize("how", ["signal", "end"])
def test_stopped_in_the_middle_nothing_is_there(office, how):
    dialogue = begin(office)
    dialogue.expect("Address")
    dialogue.say("\x03" if how == "signal" else "\x04", end="")
    dialogue.end(130 if how == "signal" else 2)
    assert office.made() == set() and not office.configuration.parent.exists() and not office.target.exists()


def test_stopped_at_the_last_question_all_is_there(office):
    dialogue = begin(office)
    up_to_passphrase(office, dialogue)
    dialogue.silent("New passphrase", PASSPHRASE)
    dialogue.silent("Once more", PASSPHRASE)
    dialogue.answer("Make all this")
    dialogue.expect("Run the first backup now")
    dialogue.say("\x03", end="")
    screen = dialogue.end(130)
    assert "nothing was written" not in screen and "pulih run data-kantor" in screen
    assert office.made() == {"target", "key", "sheet", "configuration"}
    office.pulih("run", "--all", "-c", office.configuration)


def test_an_existing_configuration_is_told_before_the_first_question(office):
    office.configuration.parent.mkdir()
    office.configuration.write_text("old: 1\n")
    screen = Dialogue(office, "setup", "-c", office.configuration).end(1)
    assert "--force" in screen and "Name of the office" not in screen


def test_stopped_at_the_passphrase_nothing_is_there(office):
    dialogue = begin(office)
    up_to_passphrase(office, dialogue)
    dialogue.expect("New passphrase")
    os.kill(dialogue.process.pid, signal.SIGINT)
    dialogue.end(130)
    assert office.made() == set() and not office.target.exists()


def test_given_options_are_not_asked(office):
    dialogue = Dialogue(office, *office.words("-n", "--sqlite", "none", city="Ternate"))
    for question in ("Address", "Time zone", "Language", "NIP", "position", "e-mail", "NIP", "position", "e-mail", "Head"):
        dialogue.answer(question)
    dialogue.answer("all the same", "yes")
    for question in ("SOP", "Name of the job", "Time of day", "How many", "Mail server"):
        dialogue.answer(question)
    screen = dialogue.end()
    assert "Name of the office" not in screen and "What to back up" not in screen and "name: Pengadilan Agama Ternate" in screen
    assert office.made() == set()


def clean_up(office):
    for folder in (office.target, office.configuration.parent, office.pulih.state):
        shutil.rmtree(folder, ignore_errors=True)
    office.sheet.unlink(missing_ok=True)


# An fsync that fails at the end of what is in place already is no half of anything.
@pytest.mark.parametrize("action, codes", [("kill", {-9}), ("full", {1}), ("eio", {1}), ("interrupt", {130})])
def test_a_fault_at_any_write(office, action, codes):
    """The configuration is there whole, or not there; the same command then goes through. Every call with SLOW=1."""
    log = office.work.parent / f"{office.work.name}.log"
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": office.work, "PULIH_FAULT_OPS": "write", "PULIH_FAULT_ACTION": action}
    office.setup(env={**fault, "PULIH_FAULT_LOG": log})
    count = len(log.read_text().splitlines())
    log.unlink()
    clean_up(office)
    assert count > 30
    seen = set()
    for at in range(1, count + 1, 1 if os.environ.get("PULIH_SLOW") else 8):
        result = office.setup(code=None, env={**fault, "PULIH_FAULT_AT": str(at)})
        seen.add(result.code)
        assert result.code in codes | {0}, f"at {at}: {result}"
        assert result.code != 0 or office.configuration.exists()
        assert action == "kill" or not [name for name in office.strangers() if ".bak" not in name], f"at {at}: {office.strangers()}"
        if not office.configuration.exists():
            office.setup()
        office.pulih("config", "check", "-c", office.configuration)
        assert office.sheet.read_bytes().rstrip().endswith(b"%%EOF")
        office.pulih("run", "--all", "-c", office.configuration)
        clean_up(office)
    assert codes <= seen
