"""pulih setup and databases of servers: what the settings of a web site name is in the same backup as its files, really."""
import contextlib
import os
import re
import stat
import subprocess

import pytest

from servers import MariaDB, PostgreSQL
from test_setup import PASSPHRASE, Dialogue, Office, up_to_paths

PASSWORD = 'rahasia "basis\\data\' #7'


@pytest.fixture(scope="session")
def _mariadb():
    server = MariaDB()
    yield server
    server.end()


@pytest.fixture(scope="session")
def _postgresql():
    server = PostgreSQL()
    yield server
    server.end()


@pytest.fixture
def mariadb(_mariadb):
    _mariadb.clear()
    _mariadb.sql("CREATE DATABASE joomla_pa; CREATE TABLE joomla_pa.abc_content (id INT PRIMARY KEY, isi TEXT);"
                 "INSERT INTO joomla_pa.abc_content VALUES (1, 'jadwal sidang'); CREATE DATABASE lain")
    _mariadb.sql("CREATE USER joomla@localhost IDENTIFIED BY '%s'; GRANT ALL ON joomla_pa.* TO joomla@localhost" % PASSWORD.replace("\\", "\\\\").replace("'", "''"))
    return _mariadb


@pytest.fixture
def postgresql(_postgresql):
    _postgresql.clear()
    _postgresql.sql("CREATE ROLE cadangan LOGIN PASSWORD '%s'" % PASSWORD.replace("'", "''"))
    _postgresql.sql("CREATE DATABASE arsip OWNER cadangan")
    _postgresql.sql("SET ROLE cadangan; CREATE TABLE surat (a text); INSERT INTO surat VALUES ('keputusan')", "arsip")
    return _postgresql


@contextlib.contextmanager
def without_root(server):
    """Nobody gets in without a password."""
    def away(user, sql):
        subprocess.run([*server.command(), f"--user={user}"], input=sql.encode(), stdout=subprocess.PIPE, check=True)

    server.sql("RENAME USER root@localhost TO pergi@localhost")
    try:
        yield
    finally:
        away("pergi", "RENAME USER pergi@localhost TO root@localhost")


def php(text):
    """A literal of PHP."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def joomla(folder, host, database="joomla_pa", user="joomla", password=PASSWORD, kind="mysqli", computed=""):
    """As Joomla's installer writes it."""
    folder.mkdir(exist_ok=True)
    (folder / "index.php").write_text("<?php // Joomla\n")
    (folder / "configuration.php").write_text(
        f"<?php\nclass JConfig {{\n\tpublic $offline = false;\n\tpublic $sitename = 'Pengadilan Agama';\n\tpublic $dbtype = {php(kind)};\n"
        f"\tpublic $host = {php(str(host))};\n\tpublic $user = {php(user)};\n\tpublic $password = {computed or php(password)};\n\tpublic $db = {php(database)};\n"
        "\tpublic $dbprefix = 'abc_';\n\tpublic $secret = 'x';\n}\n")
    return folder


def wordpress(folder, host, database="joomla_pa", user="joomla", password=PASSWORD):
    folder.mkdir(exist_ok=True)
    (folder / "wp-config.php").write_text(
        "<?php\n/**\n * The base configuration for WordPress\n */\n// ** Database settings ** //\n/** The name of the database for WordPress */\n"
        f"define( 'DB_NAME', {php(database)} );\n\n/** Database username */\ndefine( 'DB_USER', {php(user)} );\n\n"
        f"/** Database password */\ndefine( 'DB_PASSWORD', {php(password)} );\n\ndefine( 'DB_HOST', {php(str(host))} );\n"
        "$table_prefix = 'wp_';\nif ( ! defined( 'ABSPATH' ) ) {\n\tdefine( 'ABSPATH', __DIR__ . '/' );\n}\nrequire_once ABSPATH . 'wp-settings.php';\n")
    return folder


@pytest.fixture
def office(work):
    return Office(work)


def run(office):
    office.pulih("run", "--all", "-c", office.configuration)


def sources(text):
    """Those of servers in a configuration."""
    return re.findall(r"^ *- (mariadb|postgresql):", text, re.M)


def back(office):
    out = office.work / "out"
    office.pulih("restore", "-r", office.target, "-p", office.pulih.password_file, "latest", "-t", out, "--verify")
    return out


def secrets(office):
    return sorted(office.configuration.parent.glob("*.password"))


def test_a_site_and_its_database_are_one_backup(office, mariadb):
    """Root gets in without a password: none is copied."""
    site = joomla(office.data / "situs", f"localhost:{mariadb.socket}")
    made = [m for m in office.setup("--json").messages if m["message_type"] == "summary"][0]
    assert made["servers"] == [{"kind": "mariadb", "databases": ["joomla_pa"], "socket": str(mariadb.socket), "host": None, "port": 0, "user": None,
                                "password_file": None}]
    assert secrets(office) == [] and "without_users" not in office.configuration.read_text()
    run(office)
    out = back(office)
    dump = (out / "mariadb/local.sql").read_text()
    assert "jadwal sidang" in dump and "CREATE DATABASE" in dump and "`lain`" not in dump
    assert (out / "mariadb/local/users.sql").exists()
    assert (office.pulih.restored(out, site) / "configuration.php").read_bytes() == (site / "configuration.php").read_bytes()
    mariadb.sql("DROP DATABASE joomla_pa")
    mariadb.load(out / "mariadb/local.sql")
    assert mariadb.value("SELECT isi FROM joomla_pa.abc_content") == "jadwal sidang"


def test_the_password_of_a_site_is_copied_and_nowhere_else(office, mariadb):
    site = wordpress(office.data / "blog", f"localhost:{mariadb.socket}")
    with without_root(mariadb):
        result = office.setup("-v")
        (file,) = secrets(office)
        assert file.name == "mariadb-joomla-pa.password" and file.read_text() == PASSWORD + "\n" and stat.S_IMODE(file.stat().st_mode) == 0o600
        text = office.configuration.read_text()
        assert f"password_file: {file}" in text and "user: joomla" in text and "without_users: true" in text
        assert str(file) in result.text and PASSWORD not in result.everything and "basis" not in result.everything + text
        run(office)
        out = back(office)
        assert "jadwal sidang" in (out / "mariadb/local.sql").read_text() and not (out / "mariadb/local/users.sql").exists()
        assert (office.pulih.restored(out, site) / "wp-config.php").exists()

        # the same again keeps the file, another password is told, and replaced only where that is said
        before = file.stat().st_ino
        office.setup("--force")
        assert file.stat().st_ino == before
        file.write_text("lama\n")
        office.configuration.unlink()
        error = office.setup("--json", code=1).error
        assert error["code"] == "PL-1814" and "--force" in error["message"] and file.read_text() == "lama\n"
        assert not office.configuration.exists()
        office.setup("--force")
        assert file.read_text() == PASSWORD + "\n" and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_password_is_copied_where_nobody_wants_it(office, mariadb):
    joomla(office.data, f"localhost:{mariadb.socket}")
    with without_root(mariadb):
        result = office.setup("--database-passwords", "none")
    text = office.configuration.read_text()
    assert secrets(office) == [] and not sources(text) and "PL-1821" in result.everything
    line = f'- mariadb: {{databases: ["joomla_pa"], socket: "{mariadb.socket}", user: "joomla", password_file: "{office.configuration.parent}/mariadb.password"}}'
    assert line in text and line in result.text


def test_what_setup_shows_to_add_works(office, mariadb):
    joomla(office.data, f"localhost:{mariadb.socket}", computed="getenv('SANDI')")
    with without_root(mariadb):
        office.setup()
        text = office.configuration.read_text()
        (line,) = re.findall(r"^ *# *(- mariadb: .*joomla_pa.*)$", text, re.M)
        assert PASSWORD not in text and secrets(office) == []
        file = office.configuration.parent / "mariadb.password"
        file.write_text(PASSWORD + "\n")
        file.chmod(0o600)
        office.configuration.write_text(re.sub(r"^( *)- sqlite:", lambda m: f"{m[1]}{line}\n{m[0]}", text, flags=re.M))
        office.pulih("config", "check", "-c", office.configuration)
        office.pulih("run", "--all", "-c", office.configuration, code=None)
    assert "jadwal sidang" in (back(office) / "mariadb/local.sql").read_text()


def test_two_sites_with_users_of_their_own(office, mariadb):
    mariadb.sql("CREATE USER blog@localhost IDENTIFIED BY 'kedua'; GRANT ALL ON lain.* TO blog@localhost; CREATE TABLE lain.t (a TEXT);"
                "INSERT INTO lain.t VALUES ('posting')")
    joomla(office.data / "a", f"localhost:{mariadb.socket}")
    wordpress(office.data / "b", f"localhost:{mariadb.socket}", "lain", "blog", "kedua")
    with without_root(mariadb):
        office.setup()
        run(office)
    assert [p.name for p in secrets(office)] == ["mariadb-joomla-pa.password", "mariadb-lain.password"]
    out = back(office)
    assert "jadwal sidang" in (out / "mariadb/local.sql").read_text() and "posting" in (out / "mariadb/lain.sql").read_text()


def test_postgresql(office, postgresql):
    joomla(office.data, postgresql.socket, "arsip", "cadangan", kind="pgsql")
    result = office.setup("-v")
    (file,) = secrets(office)
    assert file.name == "postgresql-arsip.password" and file.read_text() == PASSWORD + "\n"
    assert PASSWORD not in result.everything + office.configuration.read_text()
    assert "databases: [arsip]" in office.configuration.read_text()
    run(office)
    out = back(office)
    postgresql.sql("DROP DATABASE arsip")
    postgresql.load(out / "postgresql/local/arsip.sql")
    assert postgresql.value("SELECT a FROM surat", "arsip") == "keputusan"


def test_a_server_that_does_not_run_is_told_and_stays_in_the_job(office):
    joomla(office.data, f"localhost:{office.work}/no.sock")
    result = office.setup()
    assert "PL-1826" in result.everything and "mariadb:" in office.configuration.read_text()
    assert office.pulih("run", "--all", "-c", office.configuration, "--json", code=1).error["code"] == "PL-1409"


def test_options_choose(office, mariadb):
    joomla(office.data, f"localhost:{mariadb.socket}")
    text = office.setup("-n", "--mariadb", "none").text
    assert not sources(text) and '- mariadb: {databases: ["joomla_pa"]' in text
    text = office.setup("-n", "--mariadb", "joomla_pa").text
    assert f"socket: {mariadb.socket}" in text and "databases: [joomla_pa]" in text
    for words in (["--mariadb", "all", "--mariadb", "joomla_pa"], ["--postgresql", "all"], ["--mariadb", "a\nb"], ["--database-passwords", "maybe"]):
        assert office.setup("--json", *words, code=2).error["code"] == "PL-1803"
    assert office.made() == set() and secrets(office) == []


@pytest.mark.parametrize("settings", [
    "<?php class JConfig { public $dbtype = 'mysqli'; public $db = PREFIX . 'a'; public $user = 'u'; public $password = 'p'; }",
    "<?php if ($local) { define('DB_NAME', 'a'); } else { define('DB_NAME', 'b'); } define('DB_USER', 'u');"])
def test_what_is_computed_is_not_guessed(office, settings):
    (office.data / ("configuration.php" if "JConfig" in settings else "wp-config.php")).write_text(settings)
    result = office.setup()
    assert "PL-1821" in result.everything and 'databases: ["DATABASE"]' in result.text and secrets(office) == []


def up_to_databases(office):
    dialogue = Dialogue(office, "setup", "-c", office.configuration)
    dialogue.answer("Name of the office", "Pengadilan Agama Ternate")
    up_to_paths(office, dialogue)
    dialogue.expect("agenda.sqlite")
    dialogue.answer("Which of them", "all")
    return dialogue


def to_the_end(office, dialogue):
    dialogue.answer("Folder for the backups", str(office.target))
    dialogue.answer("all the same", "y")
    for question in ("SOP", "Name of the job", "Time of day", "How many", "Mail server"):
        dialogue.answer(question)
    dialogue.answer("recovery sheet", str(office.sheet))
    dialogue.silent("New passphrase", PASSPHRASE)
    dialogue.silent("Once more", PASSPHRASE)


def test_dialogue(office, mariadb):
    joomla(office.data / "situs", f"localhost:{mariadb.socket}")
    with without_root(mariadb):
        dialogue = up_to_databases(office)
        dialogue.expect("joomla_pa, of the web site in")
        dialogue.answer("Which of them")
        dialogue.answer("Copy it from the settings")
        to_the_end(office, dialogue)
        dialogue.expect("mariadb-joomla-pa.password")
        assert secrets(office) == []
        dialogue.answer("Make all this")
        dialogue.answer("Run the first backup now", "yes")
        screen = dialogue.end()
    assert "basis" not in screen and secrets(office)[0].read_text() == PASSWORD + "\n"
    assert "its password is in" in screen
    assert "jadwal sidang" in (back(office) / "mariadb/local.sql").read_text()


@pytest.mark.parametrize("answers", [["none"], ["all", "no"]])
def test_dialogue_without_the_database(office, mariadb, answers):
    joomla(office.data / "situs", f"localhost:{mariadb.socket}")
    with without_root(mariadb):
        dialogue = up_to_databases(office)
        dialogue.answer("Which of them", answers[0])
        for answer in answers[1:]:
            dialogue.answer("Copy it from the settings", answer)
        dialogue.expect("NOT part of these backups")
        to_the_end(office, dialogue)
        dialogue.answer("Make all this")
        dialogue.answer("Run the first backup now", "no")
        screen = dialogue.end()
    assert '- mariadb: {databases: ["joomla_pa"]' in screen and secrets(office) == []
    assert not sources(office.configuration.read_text())


def test_stopped_behind_a_password_it_goes_on(office, mariadb):
    """An empty file, as a run leaves it that was killed where it was about to write."""
    joomla(office.data, f"localhost:{mariadb.socket}")
    office.configuration.parent.mkdir()
    file = office.configuration.parent / "mariadb-joomla-pa.password"
    file.touch(mode=0o600)
    with without_root(mariadb):
        office.setup()
        assert file.read_text() == PASSWORD + "\n"
        office.configuration.unlink()
        assert "keeping the password" in office.setup().text
        run(office)
    assert os.listdir(office.configuration.parent).count(file.name) == 1
