"""The output of a command as a source: a command that fails is a backup that failed."""
import os

import pytest


def restored_bytes(pulih, out):
    pulih.restore(out)
    files = [os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names]
    assert len(files) == 1, files
    with open(files[0], "rb") as file:
        return file.read()


@pytest.mark.parametrize("script, content", [
    ("printf hello", b"hello"),
    ("true", b""),
    ("yes putusan | head -c 20000000", (b"putusan\n" * 2500001)[:20000000]),
], ids=["short", "nothing", "20 MB"])
def test_output_is_stored(pulih, out, script, content):
    pulih("backup", "--stdin-from-command", "--", "sh", "-c", script)
    assert restored_bytes(pulih, out) == content


def test_command_that_prints_nothing(pulih, small):
    """It ended well, so there is a snapshot; but an empty dump is hardly ever what was meant."""
    for more in ([], ["--files-from", "/dev/null"]):
        result = pulih.json("backup", *more, "--stdin-from-command", "--", "true")
        (warning,) = result.of_type("warning")
        assert warning["code"] == "PL-1309" and "true" in warning["message"]
    assert not pulih.json("backup", "--stdin-from-command", "--", "echo", "x").of_type("warning")


def test_command_that_fails(pulih):
    result = pulih.json("backup", "--stdin-from-command", "--", "sh", "-c", "echo half of a dump; exit 7", code=1)
    assert result.error["code"] == "PL-1305" and "7" in result.error["message"]
    assert pulih.snapshots() == []


def test_command_that_is_killed(pulih):
    pulih("backup", "--stdin-from-command", "--", "sh", "-c", "echo half; kill -9 $$", code=1)
    assert pulih.snapshots() == []


def test_command_that_is_not_there(pulih):
    result = pulih.json("backup", "--stdin-from-command", "--", "no-such-command-anywhere", code=1)
    assert "no-such-command-anywhere" in result.error["message"]
    assert pulih.snapshots() == []


def test_no_command(pulih):
    pulih("backup", "--stdin-from-command", code=2)
    assert pulih.snapshots() == []


def test_standard_error_reaches_the_user(pulih):
    result = pulih("backup", "--stdin-from-command", "--", "sh", "-c", "echo warning from the dump >&2; echo x")
    assert b"warning from the dump" in result.err


def test_the_passphrase_is_not_given_to_the_command(pulih, work):
    """Nothing secret in the environment or the descriptors of a child."""
    pulih("backup", "--stdin-from-command", "--", "sh", "-c", f"env > {work}/environment; ls -l /proc/self/fd > {work}/descriptors; echo x")
    assert "rahasia" not in (work / "environment").read_text()
    assert str(pulih.folder) not in (work / "descriptors").read_text()


def test_second_dump_is_deduplicated(pulih, work):
    dump = work / "dump.sql"
    lines = [b"INSERT INTO perkara VALUES (%d, '%s');\n" % (n, os.urandom(20).hex().encode()) for n in range(100_000)]
    dump.write_bytes(b"".join(lines))
    pulih("backup", "--stdin-from-command", "--", "cat", dump)
    before = pulih.stored_bytes("packs")
    lines[50_000] = b"INSERT INTO perkara VALUES (50000, 'another line, and a longer one');\n"
    dump.write_bytes(b"".join(lines))
    pulih("backup", "--stdin-from-command", "--", "cat", dump)
    assert pulih.stored_bytes("packs") - before < before / 4
