"""Notifications from the command line, against real servers: who is told what, what a server does wrong, and that no backup minds."""
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import notify_servers as servers
from conftest import needs_root
from pulih import BINARY, SHIM

CONFIG = """\
office: {{name: Pengadilan Agama Térnate, timezone: Asia/Jayapura, language: {language}}}
people:
  - {{id: admin, name: Contoh Admin, position: Admin Web, role: operator, email: admin@example.org}}
  - {{id: kasubbag, name: "Ni Putu Šárka", position: Kasubbag, role: reviewer, email: kasubbag@example.org}}
  - {{id: ketua, name: Contoh Ketua, position: Ketua, role: head}}
targets:
  - {{name: hdd, url: {repo}, password_file: {password}}}
jobs:
  - {{name: website, performer: admin, reviewer: kasubbag, target: hdd, sources: [{{files: {{paths: [{source}]}}}}], schedule: {{every: day, at: "01:00"}}}}
  - {{name: other, performer: admin, reviewer: kasubbag, target: hdd, sources: [{{files: {{paths: [{source}]}}}}]}}
notifications:
{channels}
"""
PASSWORD = "kata-sandi-yang-tidak-boleh-tampak"


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Office:
    def __init__(self, pulih, work, source):
        self.p, self.work, self.source = pulih, work, source
        self.config = work / "pulih.yaml"
        self.secrets = work / "secrets"
        self.secrets.mkdir()
        self.ca = servers.Authority(self.secrets)
        self.servers = []
        self.language = "id"
        for name in ("PULIH_REPOSITORY", "PULIH_PASSWORD_FILE"):
            self.p.environment.pop(name)
        self.p.environment["PULIH_CONFIG"] = str(self.config)

    def secret(self, name, text, mode=0o600):
        path = self.secrets / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def start(self, kind, *arguments, **options):
        server = kind(*arguments, **options)
        self.servers.append(server)
        return server

    def mail_server(self, **options):
        options = {"starttls": self.ca.context(), "user": "pulih", "password": PASSWORD, **options}
        return self.start(servers.MailServer, **options)

    def mail(self, port, timeout=20, **more):
        """A mail channel as a line of the configuration; None takes a key out."""
        keys = {"server": "127.0.0.1", "port": port, "from": "pulih@example.org", "people": "[admin]", "user": "pulih",
                "password_file": self.secret("mail", PASSWORD + "\n"), "ca_file": self.ca.file, "timeout": timeout, **more}
        return "mail: {" + ", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None) + "}"

    def open_mail(self, port, timeout=1):
        """Without TLS and login."""
        return self.mail(port, timeout, security="none", user=None, password_file=None, ca_file=None)

    def channels(self, *lines, language="id", **names):
        """Writes the configuration; a channel is "kind: {…}", perhaps with more keys before it."""
        named = {**{f"channel{i}": line for i, line in enumerate(lines)}, **names}
        text = "\n".join(f"  - {{name: {name}, {line}}}" for name, line in named.items())
        self.config.write_text(CONFIG.format(language=language, repo=self.p.repo, password=self.p.password_file, source=self.source,
                                             channels=text))

    def test(self, *arguments, code=0):
        """{channel: notification} of pulih notify test."""
        found = {n["channel"]: n for n in self.p("notify", "test", "--json", *arguments, code=code).of_type("notification")}
        assert all(n["ok"] for n in found.values()) == (code == 0)
        return found

    def run(self, job="website", code=0):
        """The notifications of a run."""
        return self.p("run", job, "--json", code=code).of_type("notification")

    def waiting(self):
        return self.p("notify", "list", "--json").of_type("notification")

    def outbox(self):
        return sorted((self.p.state / "notify" / "outbox").glob("*.json"))

    def hurry(self, **changes):
        """What waits is due now, and whatever else is changed in the files."""
        for path in self.outbox():
            message = {**json.loads(path.read_bytes()), "next": 1, **changes}
            message.pop("check")
            message["check"] = hashlib.sha256(canonical(message)).hexdigest()
            path.write_bytes(canonical(message))

    def retry(self, code=0):
        return self.p("notify", "retry", "--json", code=code).of_type("notification")

    def break_source(self):
        self.source.rename(self.work / "away")

    def mend_source(self):
        (self.work / "away").rename(self.source)


@pytest.fixture
def office(pulih, work, small):
    office = Office(pulih, work, small)
    yield office
    for server in office.servers:
        server.close()


# ---- mail ----


def test_mail_with_starttls_and_login(office):
    server = office.mail_server()
    office.channels(office.mail(server.port, people=None, roles="[operator, reviewer]"))
    office.test()
    assert [m.recipients for m in server.messages] == [["admin@example.org"], ["kasubbag@example.org"]]
    message = server.messages[0]
    assert message.encrypted and message.login == b"pulih" and message.sender == "pulih@example.org"
    assert message["subject"] == "[Pulih] Pesan percobaan - Pengadilan Agama Térnate"
    assert [a.addr_spec for a in message["to"].addresses] == ["admin@example.org", "kasubbag@example.org"]
    assert message["to"].addresses[1].display_name == "Ni Putu Šárka"
    assert message["from"].addresses[0].display_name == "Pulih, Pengadilan Agama Térnate"
    assert message["date"].datetime.utcoffset().total_seconds() == 9 * 3600 and abs(message["date"].datetime.timestamp() - time.time()) < 600
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", message["message-id"])
    assert message["auto-submitted"] == "auto-generated" and message["mime-version"] == "1.0"
    lines = [line for line in message.raw.splitlines() if b"boundary=" not in line]
    assert message.raw.isascii() and max(map(len, lines)) <= 76
    assert not message.defects
    body = message.get_body(("plain",))
    assert "saluran ini berfungsi" in body.get_content() and "Térnate" in body.get_content()
    assert server.messages[0]["message-id"] == server.messages[1]["message-id"]


def test_mail_with_implicit_tls_and_password_command(office):
    server = office.mail_server(starttls=None, tls=office.ca.context())
    office.channels(office.mail(server.port, security="tls", password_file=None, password_command=f'"cat {office.secret("mail", PASSWORD)}"'))
    office.test()
    assert server.messages[0].encrypted and server.messages[0].login == b"pulih"


def test_mail_in_the_open_to_a_server_of_this_machine(office):
    server = office.mail_server(starttls=None, user=None)
    office.channels(office.open_mail(server.port, 20))
    office.test()
    assert not server.messages[0].encrypted


def test_failed_run_is_told_with_what_to_do(office):
    server = office.mail_server()
    office.channels(office.mail(server.port))
    office.break_source()
    result = office.p("run", "website", "--json", code=1)
    (told,) = result.of_type("notification")
    assert told["ok"] and told["kind"] == "failure" and told["job"] == "website"
    assert result.error["code"] == "PL-1303", "the last word is the backup's own"
    message = server.messages[0]
    assert message["subject"] == "[Pulih] Backup website GAGAL - Pengadilan Agama Térnate"
    text = message.get_body().get_content()
    run_id = office.p("report", "list", "--json").of_type("report")[0]["id"]
    for words in (run_id, "PL-1303", "Cadangan baik terakhir: BELUM PERNAH ADA", "pulih help PL-1303", "pulih run website",
                  "Hubungi: Contoh Admin (Admin Web), admin@example.org"):
        assert words in text
    office.mend_source()
    assert office.run() == [], "success is not told unless it is asked for"
    office.break_source()
    office.run(code=1)
    last = re.search(r"Cadangan baik terakhir: ([^\r\n]*)", server.messages[1].get_body().get_content())[1]
    assert "UTC+09:00" in last and last.endswith("menit sebelumnya")


def test_english_office(office):
    server = office.mail_server()
    office.channels(office.mail(server.port), language="en")
    office.break_source()
    office.run(code=1)
    assert server.messages[0]["subject"] == "[Pulih] Backup website FAILED - Pengadilan Agama Térnate"
    text = server.messages[0].get_body().get_content()
    assert "Last good backup      : THERE IS NONE" in text and "Ask: Contoh Admin" in text
    for word in ("GAGAL", "Hubungi", "Waktu", "Penyebab"):
        assert word not in text


def test_report_goes_along(office):
    server = office.mail_server()
    office.channels("on: [success], " + office.mail(server.port, attach_report="true"))
    office.run()
    (attached,) = server.messages[0].iter_attachments()
    run_id = office.p("report", "list", "--json").of_type("report")[0]["id"]
    assert attached.get_filename() == f"{run_id}.txt" and attached.get_content_type() == "text/plain"
    assert attached.get_payload(decode=True) == office.p("report", "show", run_id).out


@needs_root
def test_notes_name_the_files(office):
    server = office.mail_server()
    office.channels("on: [notes], " + office.mail(server.port))
    (office.source / "tertutup é").write_text("x")
    os.chown(office.p.folder, 65534, 65534)
    (office.source / "tertutup é").chmod(0)
    for top in (office.p.folder, office.secrets):
        for path in (top, *top.rglob("*")):
            os.chown(path, 65534, 65534)
    office.p("run", "website", code=3, user=65534)
    text = server.messages[0].get_body().get_content()
    assert "berhasil dengan catatan" in text and "tertutup é: " in text
    assert "pulih report show" in text


def test_commands_that_fail_are_told_as_such(office):
    server = office.mail_server()
    office.channels("on: [notes, failure], " + office.mail(server.port))
    config = office.config.read_text()
    office.config.write_text(config.replace("{name: website,", '{name: website, after: [sh, -c, "echo masih mati; exit 1"],'))
    office.run(code=3)
    office.config.write_text(config.replace("{name: website,", '{name: website, before: [sh, -c, "exit 1"],'))
    office.run(code=1)
    after, before = (message.get_body().get_content() for message in server.messages)
    assert "berhasil dengan catatan" in after and "PL-2004" in after and "masih mati" in after and "pulih help PL-2004" in after
    assert "GAGAL" in before and "pulih help PL-2003" in before
    for text in (after, before):
        assert "tidak ada dalam cadangan" not in text and "Pastikan media" not in text


def test_lost_backups_are_told_as_the_record_says_and_to_whoever_hears_of_failures(office):
    mail, web = office.mail_server(), office.start(servers.WebServer)
    office.channels("on: [failure], " + office.mail(mail.port), f"ping: {{url: 'http://127.0.0.1:{web.port}/p'}}")
    office.run()
    (snapshot,) = office.p.objects("snapshots")
    snapshot.unlink()
    office.run(code=4)
    last = office.p("report", "list", "--json").of_type("report")[-1]
    (message,) = mail.messages
    text = message.get_body().get_content()
    assert last["result"] == "success_with_notes"
    assert "berhasil dengan catatan" in message["subject"] and "GAGAL" not in message["subject"] + text
    assert "PL-1909" in text and "pulih help PL-1909" in text and "tidak ada dalam cadangan" not in text
    assert [r.path for r in web.requests] == ["/p/start", "/p", "/p/start", "/p/fail"]


def test_lost_packs_are_told_though_the_run_is_good(office):
    server = office.mail_server()
    office.channels("on: [failure], " + office.mail(server.port))
    office.run()
    max(office.p.objects("packs"), key=lambda path: path.stat().st_size).unlink()
    office.run()
    last = office.p("report", "list", "--json").of_type("report")[-1]
    (message,) = server.messages
    text = message.get_body().get_content()
    assert last["result"] == "success_with_notes"
    assert "berhasil dengan catatan" in message["subject"] and "PL-1406" in text and "pulih help PL-1406" in text
    paper = office.p("report", "show", last["id"]).text
    assert "Berhasil dengan catatan" in paper and "PL-1406" in paper and "Tidak ada kendala" not in paper
    office.run()
    assert len(server.messages) == 1


def test_channel_is_of_its_jobs_and_events(office):
    server = office.mail_server()
    office.channels(one="on: [success], jobs: [other], " + office.mail(server.port), two="on: [success, failure], " + office.mail(server.port))
    assert [n["channel"] for n in office.run("website")] == ["two"]
    assert sorted(n["channel"] for n in office.run("other")) == ["one", "two"]
    office.break_source()
    assert [n["channel"] for n in office.run("other", code=1)] == ["two"]


# ---- what goes wrong with mail ----


def wrong_authority(office):
    return office.mail_server(starttls=servers.Authority(office.secrets, "elsewhere").context())


def wrong_name(office):
    return office.mail_server(starttls=office.ca.context("mail.example.org"))


def expired(office):
    return office.mail_server(starttls=office.ca.context(days=-1))


@pytest.mark.parametrize("make", [wrong_authority, wrong_name, expired])
def test_wrong_certificate_gets_nothing(office, make):
    server = make(office)
    office.channels(office.mail(server.port))
    assert office.test(code=1)["channel0"]["code"] == "PL-2052"
    assert server.messages == [] and server.tries == [], "not even a password"


def test_unknown_authority_of_the_system(office):
    """Without ca_file, the authorities of the system decide."""
    server = office.mail_server()
    office.channels(office.mail(server.port, ca_file=None))
    assert office.test(code=1)["channel0"]["code"] == "PL-2052"
    assert server.tries == []


def test_insecure_only_where_it_is_asked_for_and_without_secrets(office):
    server = office.mail_server(user=None)
    office.channels(office.mail(server.port, ca_file=None, insecure="true", user=None, password_file=None))
    office.test()
    assert server.messages[0].encrypted
    office.channels(office.mail(server.port, ca_file=None, insecure="true"))
    assert "a secret would go to whoever answers" in office.p("notify", "test", code=2).everything


def test_server_without_tls_gets_nothing(office):
    """A man in the middle who takes STARTTLS out of the greeting."""
    server = office.mail_server(starttls=None, user=None)
    office.channels(office.mail(server.port))
    assert office.test(code=1)["channel0"]["code"] == "PL-2052"
    assert server.messages == [] and server.tries == []


def test_wrong_password(office):
    server = office.mail_server(password="another")
    office.channels(office.mail(server.port))
    told = office.test(code=1)["channel0"]
    assert told["code"] == "PL-2053" and "535" in told["message"]
    assert server.tries and not server.messages


def test_secrets_appear_nowhere(office):
    server = office.mail_server(password="another")
    hook = office.start(servers.WebServer, tls=office.ca.context())
    hook.status = 500
    url = office.secret("url", f"https://127.0.0.1:{hook.port}/{PASSWORD}\n")
    office.channels(office.mail(server.port), f"ping: {{url_file: {url}, ca_file: {office.ca.file}}}")
    office.break_source()
    result = office.p("run", "website", "-vv", code=1)
    assert PASSWORD in hook.requests[0].path and "PL-2053" in result.everything and "PL-2055" in result.everything
    assert PASSWORD not in result.everything
    for path in office.p.state.rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes(), path
    assert PASSWORD not in office.p("config", "show").everything


BAD_MAIL = {
    "hangs": (servers.hang, "PL-2054"),
    "hangs at MAIL": (servers.smtp_until(b"MAIL", b""), "PL-2054"),
    "hangs in the message": (servers.smtp_until(b"DATA", b"354 go on\r\n"), "PL-2054"),
    "drops at once": (servers.drop, "PL-2056"),
    "drops at RCPT": (servers.smtp_until(b"RCPT", None), "PL-2056"),
    "drops in the message": (servers.smtp_cut_in_data, "PL-2056"),
    "refuses the connection": (lambda c: c.sendall(b"554 5.3.2 not today\r\n"), "PL-2055"),
    "refuses the sender": (servers.smtp_until(b"MAIL", b"451 4.7.1 later\r\n"), "PL-2055"),
    "refuses the message": (servers.smtp_until(b"DATA", b"552 5.2.2 mailbox full\r\n"), "PL-2055"),
    "talks without end": (servers.smtp_endless, "PL-2056"),
    "is none": (lambda c: c.sendall(b"\0\1\2SSH-2.0-x\r\n\r\n"), "PL-205[46]"),
}


@pytest.mark.parametrize("case", BAD_MAIL)
def test_bad_mail_server(office, case):
    """Each is told as what it is, waits in the outbox, and the backup is none the worse for it."""
    behaviour, code = BAD_MAIL[case]
    server = office.start(servers.BadServer, behaviour)
    office.channels("on: [success], " + office.open_mail(server.port))
    (told,) = office.run(code=0)
    assert not told["ok"] and told["kept"] and re.fullmatch(code, told["code"]), told
    assert ("more than 65536 bytes" in told["message"]) == ("without end" in case)
    (waits,) = office.waiting()
    assert (waits["code"], waits["next"]) == (told["code"], told["next"])


def test_nobody_listens(office):
    office.channels("on: [success], " + office.open_mail(servers.closed_port()))
    (told,) = office.run(code=0)
    assert told["code"] == "PL-2051" and told["kept"]


def test_refused_address_keeps_nobody_else_from_the_mail(office):
    server = office.mail_server()
    server.refused.add("admin@example.org")
    office.channels("on: [success], " + office.mail(server.port, people="[admin, kasubbag]"))
    (told,) = office.run()
    assert told["code"] == "PL-2055" and "admin@example.org" in told["message"] and "550 5.1.1" in told["message"]
    assert [m.recipients for m in server.messages] == [["kasubbag@example.org"]]
    server.refused.clear()
    office.hurry()
    assert office.retry()[0]["ok"]
    assert [m.recipients for m in server.messages] == [["kasubbag@example.org"], ["admin@example.org"]], "to nobody twice"
    assert server.messages[0]["message-id"] == server.messages[1]["message-id"] and office.outbox() == []


def test_secret_that_went_bad_after_the_check(office):
    office.channels(office.mail(office.mail_server().port, password_file=None, password_command='"echo x; exit 3"'))
    assert office.test(code=1)["channel0"]["code"] == "PL-2057"
    office.channels(office.mail(servers.closed_port(), password_file=None, password_command='"printf \'a\\\\nb\'"'))
    assert office.test(code=1)["channel0"]["code"] == "PL-2057"


@pytest.mark.parametrize("lost", ["secret", "open", "folder"])
def test_channel_whose_files_are_gone_stops_no_backup(office, lost):
    server = office.start(servers.WebServer)
    header, folder = office.secret("header", "X-Key: 1\n"), office.work / "collector"
    folder.mkdir()
    office.channels(f"on: [success], webhook: {{url: 'http://127.0.0.1:{server.port}/a', signing_key_file: {header}}}",
                    f"metrics: {{file: {folder}/pulih.prom}}", f"on: [success], webhook: {{url: 'http://127.0.0.1:{server.port}/b'}}")
    if lost == "folder":
        folder.rmdir()
    elif lost == "open":
        header.chmod(0o644)
    else:
        header.unlink()
    told = {n["channel"]: n["ok"] for n in office.run() if n["kind"] in ("success", "metrics")}
    assert told == {"channel0": lost == "folder", "channel1": lost != "folder", "channel2": True}
    for command in (("config", "check"), ("status",)):
        assert ("PL-1709" if lost == "open" else "PL-1710") in office.p(*command, code=2).everything


# ---- outbox ----


def test_message_waits_until_the_server_is_back(office):
    port = servers.closed_port()
    office.channels(office.mail(port))
    office.break_source()
    (told,) = office.run(code=1)
    assert told["kept"] and len(office.outbox()) == 1
    assert office.outbox()[0].stat().st_mode & 0o777 == 0o600
    server = office.mail_server(port=port)
    assert office.retry() == [] and server.messages == [], "not before its time"
    office.hurry()
    office.mend_source()
    assert [(n["kind"], n["ok"]) for n in office.run()] == [("failure", True)], "the next run sends it"
    assert "GAGAL" in server.messages[0]["subject"] and office.outbox() == []


def test_message_that_the_disk_gives_no_more_holds_up_no_other(office):
    port = servers.closed_port()
    office.channels(office.mail(port))
    office.break_source()
    for _ in range(2):
        office.run(code=1)
    lost, _ = office.outbox()
    office.hurry()
    server = office.mail_server(port=port)
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": lost, "PULIH_FAULT_OPS": "read", "PULIH_FAULT_ACTION": "dead", "PULIH_FAULT_AT": "1"}
    told = office.p("notify", "retry", "--json", env=fault)
    assert [n["ok"] for n in told.of_type("notification")] == [True] and str(lost).encode() in told.out + told.err
    assert len(server.messages) == 1 and office.outbox() == [lost]
    assert str(lost) in office.p("status", env=fault, code=1).everything
    assert [n["ok"] for n in office.retry()] == [True] and office.outbox() == []


def test_pauses_grow(office):
    office.channels(office.mail(servers.closed_port()))
    office.break_source()
    office.run(code=1)
    pauses = []
    for _ in range(4):
        office.hurry()
        office.retry(code=1)
        message = json.loads(office.outbox()[0].read_bytes())
        pauses.append(round(message["next"] / 1e9 - time.time()) // 60)
    assert pauses == [1, 3, 7, 15] or pauses == [2, 4, 8, 16], pauses


def test_old_messages_are_given_up_and_named(office):
    office.channels(office.mail(servers.closed_port()))
    office.break_source()
    office.run(code=1)
    office.hurry(created=int((time.time() - 8 * 86400) * 1e9))
    assert office.retry(code=1)[0]["kept"], "a clock that was wrong at first: tried often enough all the same"
    office.hurry(attempts=9)
    (gone,) = office.retry(code=1)
    assert not gone["kept"] and gone["code"] == "PL-2059" and "failure of website for channel channel0" in gone["message"]
    assert office.outbox() == []


def test_damaged_and_orphaned_messages_are_given_up_and_named(office):
    office.channels(office.mail(servers.closed_port()))
    office.break_source()
    office.run(code=1)
    good = office.outbox()[0]
    good.with_name("0" * 16 + good.name[16:]).write_bytes(good.read_bytes()[:-20])
    office.hurry = None
    (gone,) = office.retry(code=1)
    assert gone["code"] == "PL-2060" and gone["channel"] == "channel0" and office.outbox() == [good]
    office.channels(elsewhere=office.mail(servers.closed_port()))
    (gone,) = office.retry(code=1)
    assert gone["code"] == "PL-2059" and "no more" in gone["message"] and office.outbox() == []


def test_outbox_that_cannot_be_written_is_told(office):
    office.channels("on: [success], " + office.open_mail(servers.closed_port()))
    office.p.state.mkdir(exist_ok=True)
    (office.p.state / "notify").write_text("in the way")
    (told,) = office.run()
    assert not told["kept"] and told["code"] == "PL-2051" and "not kept either" in told["message"]


# ---- webhook ----


def test_webhook(office):
    server = office.start(servers.WebServer, tls=office.ca.context())
    header, key = office.secret("header", "Authorization: Bearer abc.def\n"), office.secret("key", PASSWORD + "\n")
    office.channels(f"webhook: {{url: 'https://127.0.0.1:{server.port}/hook?x=1', header_file: {header}, signing_key_file: {key}, "
                    f"ca_file: {office.ca.file}}}")
    office.break_source()
    assert office.run(code=1)[0]["ok"]
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/hook?x=1")
    assert request.headers["content-type"] == "application/json" and request.headers["authorization"] == "Bearer abc.def"
    digest = hmac.new(PASSWORD.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-pulih-signature"] == f"sha256={digest}"
    told = json.loads(request.body)
    assert (told["kind"], told["job"], told["code"], told["office"]) == ("failure", "website", "PL-1303", "Pengadilan Agama Térnate")
    assert told["run_id"] == office.p("report", "list", "--json").of_type("report")[0]["id"]
    assert told["time"].endswith("+09:00") and told["last_good"] is None and "GAGAL" in told["subject"]


@pytest.mark.parametrize("status", [301, 307, 404, 500])
def test_webhook_that_is_refused(office, status):
    """A redirect is not followed: it could lead the secret header anywhere."""
    elsewhere = office.start(servers.WebServer)
    server = office.start(servers.WebServer)
    server.status, server.location = status, f"http://127.0.0.1:{elsewhere.port}/" if status < 400 else None
    office.channels(f"on: [success], webhook: {{url: 'http://127.0.0.1:{server.port}/'}}")
    (told,) = office.run()
    assert told["code"] == "PL-2055" and str(status) in told["message"] and told["kept"]
    assert len(server.requests) == 1 and elsewhere.requests == []


BAD_WEB = {
    "hangs": (servers.hang, "PL-2054"),
    "drops": (servers.drop, "PL-2056"),
    "answers without end": (servers.http_endless, "PL-2056"),
    "sends headers without end": (servers.http_endless_headers, "PL-2056"),
    "is none": (lambda c: (c.recv(9999), c.sendall(b"220 mail\r\n"), c.close()), "PL-2056"),
}


@pytest.mark.parametrize("case", BAD_WEB)
def test_bad_web_server(office, case):
    behaviour, code = BAD_WEB[case]
    server = office.start(servers.BadServer, behaviour)
    office.channels(f"on: [success], webhook: {{url: 'http://127.0.0.1:{server.port}/', timeout: 2}}")
    (told,) = office.run()
    assert told["code"] == code and told["kept"]
    assert ("more than 65536 bytes" in told["message"]) == ("without end" in case)


def test_secret_header_never_goes_in_the_open(office):
    server = office.start(servers.WebServer)
    header, url = office.secret("header", "Authorization: x\n"), office.secret("url", f"http://127.0.0.1:{server.port}/\n")
    office.channels(f"webhook: {{url_file: {url}, header_file: {header}}}")
    told = office.test(code=1)["channel0"]
    assert told["code"] == "PL-2057" and "in the open" in told["message"] and server.requests == []


def test_header_that_is_none(office):
    server = office.start(servers.WebServer, tls=office.ca.context())
    for text in ("no colon here\n", ": x\n", "a b: c\n", "A: b\nC: d\n", "\n"):
        header = office.secret("header", text)
        office.channels(f"webhook: {{url: 'https://127.0.0.1:{server.port}/', header_file: {header}, ca_file: {office.ca.file}}}")
        assert office.test(code=1)["channel0"]["code"] == "PL-2057"
    assert server.requests == []


# ---- ping ----


def test_ping_tells_start_and_end(office):
    server = office.start(servers.WebServer)
    office.channels(f"ping: {{url: 'http://127.0.0.1:{server.port}/id-1?a=b'}}")
    office.run()
    office.break_source()
    office.run(code=1)
    assert [(r.method, r.path) for r in server.requests] == [("GET", "/id-1/start?a=b"), ("GET", "/id-1?a=b"), ("GET", "/id-1/start?a=b"),
                                                             ("GET", "/id-1/fail?a=b")]


def test_late_ping_does_not_hide_silence(office):
    """A ping that waits goes when a newer one is made; a failure that nobody heard of is not told after a success."""
    port = servers.closed_port()
    office.channels(one=f"ping: {{url: 'http://127.0.0.1:{port}/'}}", two=f"jobs: [other], ping: {{url: 'http://127.0.0.1:{port}/x'}}")
    office.break_source()
    office.run(code=1)
    assert [(n["kind"], n["kept"]) for n in office.run("other", code=1)] == [("start", False)] * 2 + [("failure", True)] * 2
    assert len(office.outbox()) == 3
    office.run(code=1)
    assert len(office.outbox()) == 3, "the second failure took the place of the first"
    office.mend_source()
    server = office.start(servers.WebServer, port=port)
    office.run()
    assert [r.path for r in server.requests] == ["/start", "/"]
    assert len(office.outbox()) == 2, "those of the other job"
    office.hurry(created=int((time.time() - 7 * 3600) * 1e9))
    assert {n["code"] for n in office.retry(code=1)} == {"PL-2059"} and office.outbox() == []
    assert len(server.requests) == 2


# ---- log ----

LISTENER = """
import os, socket, subprocess, sys
path, command = sys.argv[1], sys.argv[2:]
subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
os.makedirs("/run/systemd/journal")
os.makedirs("/run/dev")
for name in ("null", "urandom", "random", "tty", "zero"):
    open("/run/dev/" + name, "w").close()
    subprocess.run(["mount", "--bind", "/dev/" + name, "/run/dev/" + name], check=True)
subprocess.run(["mount", "--bind", "/run/dev", "/dev"], check=True)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if path:
    listener.bind(path)
code = subprocess.run(command).returncode
listener.setblocking(False)
try:
    while path:
        sys.stderr.buffer.write(listener.recv(65536) + b"\\n--end--\\n")
except BlockingIOError:
    pass
sys.exit(code)
"""


def listen(office, path, *command):
    """What the program writes to a socket at `path`, in a mount namespace where nothing else listens."""
    line = ["unshare", "-m", sys.executable, "-c", LISTENER, path, BINARY, *command]
    return subprocess.run(line, env=office.p.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@needs_root
def test_journal(office):
    office.channels("log: {facility: local3}")
    office.break_source()
    result = listen(office, "/run/systemd/journal/socket", "run", "website")
    assert result.returncode == 1
    entry = dict(line.split("=", 1) for line in result.stderr.decode().split("\n--end--")[0].splitlines() if re.match("[A-Z_]+=", line))
    assert entry["PULIH_KIND"] == "failure" and entry["PULIH_JOB"] == "website" and entry["PULIH_CODE"] == "PL-1303"
    assert entry["PRIORITY"] == "3" and entry["SYSLOG_FACILITY"] == "19" and entry["SYSLOG_IDENTIFIER"] == "pulih"
    assert re.fullmatch("[0-9a-f]{32}", entry["MESSAGE_ID"])
    assert "Backup website GAGAL" in entry["MESSAGE"] and entry["PULIH_RUN"] in entry["MESSAGE"] and "PL-1303: " in entry["MESSAGE"]


@needs_root
def test_syslog(office):
    office.channels("on: [missed, success], log: {}")
    result = listen(office, "/dev/log", "run", "website")
    assert result.returncode == 0
    line = result.stderr.decode()
    assert re.search(r"^<30>.* pulih\[\d+\]: \[Pulih\] Backup website berhasil", line, re.M), line


@needs_root
def test_no_log_daemon(office):
    office.channels("on: [success], log: {}")
    result = listen(office, "", "run", "website", "--json")
    assert result.returncode == 0
    told = [m for m in map(json.loads, result.stdout.splitlines()) if m["message_type"] == "notification"]
    assert told[0]["code"] == "PL-2058" and told[0]["kept"]


def test_status_names_what_was_given_up_until_the_channel_works(office):
    server = office.mail_server()
    office.channels(mail="on: [failure, success], " + office.mail(servers.closed_port()))
    office.run()

    def needs():
        return [n["text"] for n in office.p("status", "--json", code=1).of_type("needs") if "channel mail" in n["text"]]

    assert needs() == [], "it waits for less than an hour"
    office.hurry(created=1, attempts=2)
    (need,) = needs()
    assert need.startswith("channel mail: 1 notification waits for more than an hour") and "PL-" not in need
    office.hurry(created=1, attempts=9)
    assert [n["code"] for n in office.retry(code=1)] == ["PL-2059"]
    (need,) = needs()
    assert need.startswith("channel mail: 1 notification was given up, and it has taken none since: ") and "too old" in need
    office.channels(mail="on: [failure, success], " + office.mail(server.port))
    office.run()
    assert needs() == [] and len(server.messages) == 1


def test_retry_writes_metrics(office):
    path = office.work / "pulih.prom"
    office.channels(f"metrics: {{file: {path}}}", mail=office.open_mail(servers.closed_port()))
    office.break_source()
    office.run(code=1)
    path.unlink()
    office.hurry()
    assert [(n["kind"], n["ok"]) for n in office.retry(code=1)] == [("failure", False), ("metrics", True)]
    assert samples(path)[("pulih_notifications_waiting",)] == 1
    path.unlink()
    assert [(n["kind"], n["ok"]) for n in office.retry()] == [("metrics", True)]
    assert samples(path)[("pulih_notifications_waiting",)] == 1


# ---- metrics ----


def samples(path):
    return {(s.name, *sorted(s.labels.items())): s.value for family in text_string_to_metric_families(path.read_text()) for s in family.samples}


def test_metrics(office):
    folder = office.work / "collector"
    folder.mkdir()
    path = folder / "pulih.prom"
    office.channels(f"metrics: {{file: {path}}}", mail=office.open_mail(servers.closed_port()))
    summary = office.p("run", "website", "--json").summary
    job = ("job", "website")
    found = samples(path)
    first = found[("pulih_job_last_good_timestamp_seconds", job)]
    assert abs(first - time.time()) < 600 and first == found[("pulih_job_last_end_timestamp_seconds", job)]
    assert found[("pulih_job_last_end_timestamp_seconds", job)] >= found[("pulih_job_last_start_timestamp_seconds", job)]
    assert found[("pulih_job_last_duration_seconds", job)] < 600
    assert found[("pulih_job_last_source_bytes", job)] == summary["total_bytes_processed"]
    assert found[("pulih_job_last_stored_bytes", job)] == summary["data_stored"]
    assert [found[("pulih_job_last_status", job, ("status", s))] for s in ("success", "notes", "failed")] == [1, 0, 0]
    assert abs(found[("pulih_job_oldest_unread_pack_timestamp_seconds", job)] - first) < 600
    planned = found[("pulih_job_next_timestamp_seconds", job)]
    assert 0 < planned - first <= 86400 + 1 and planned % 86400 == 16 * 3600, "01:00 in the office"
    assert [key[0] for key in found if "other" in str(key)] == ["pulih_job_reviews_overdue"], "a job that never ran"
    assert found[("pulih_notifications_waiting",)] == 0
    office.break_source()
    office.p("run", "website", code=1, umask=0o077)
    found = samples(path)
    assert [found[("pulih_job_last_status", job, ("status", s))] for s in ("success", "notes", "failed")] == [0, 0, 1]
    assert found[("pulih_job_last_good_timestamp_seconds", job)] == first
    assert found[("pulih_notifications_waiting",)] == 1
    assert [p.name for p in folder.iterdir()] == ["pulih.prom"] and path.stat().st_mode & 0o777 == 0o644


def test_metrics_that_cannot_be_written_fail_no_backup(office):
    folder = office.work / "collector"
    folder.mkdir()
    (folder / "pulih.prom").mkdir()
    office.channels(f"metrics: {{file: {folder}/pulih.prom}}")
    (told,) = office.run()
    assert told["kind"] == "metrics" and not told["ok"] and told["code"] == "PL-1004"


# ---- the commands ----


def test_test_of_one_channel(office):
    server = office.mail_server()
    office.channels(good=office.mail(server.port), bad=office.mail(servers.closed_port()))
    assert set(office.test("--channel", "good")) == {"good"}
    both = office.test(code=1)
    assert both["good"]["ok"] and not both["bad"]["ok"] and not both["bad"]["kept"]
    text = office.p("notify", "test", code=1)
    assert "good: test of pulih was taken" in text.text and "PL-2051" in text.everything and "1 of 2" in text.everything
    office.p("notify", "test", "--channel", "none", code=2)
    assert office.waiting() == []


def test_commands_without_channels(office):
    office.channels(office.mail(servers.closed_port()))
    office.config.write_text(office.config.read_text().split("notifications:")[0])
    office.p("notify", "test", code=2)
    assert "no notification waits" in office.p("notify", "list").text
    assert office.run() == []


def test_example_of_the_configuration():
    """The commented reference says what is there."""
    text = (Path(__file__).parents[2] / "conf" / "pulih.example.yaml").read_text()
    for key in ("notifications:", "mail:", "webhook:", "ping:", "log:", "metrics:", "attach_report", "signing_key_file"):
        assert key in text
