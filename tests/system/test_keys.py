"""Passphrases, slots, backup keys."""
import json
import os
import shutil
import stat
import subprocess
import time

import pytest

from compare import assert_same
from conftest import needs_root


def with_passphrase(pulih, text):
    path = pulih.folder / f"password-{abs(hash(text))}"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return {"PULIH_PASSWORD_FILE": path}


@pytest.mark.parametrize("command", [("snapshots",), ("backup", "/etc/hostname"), ("restore", "latest", "-t", "x"), ("verify",), ("ls", "latest")])
def test_wrong_passphrase(pulih, command):
    result = pulih.json(*command, env=with_passphrase(pulih, "wrong"), code=12, cwd=pulih.folder)
    assert result.error["code"] == "PL-1110" and result.error["exit_code"] == 12 and result.error["remedy"]


def test_no_passphrase(pulih):
    result = pulih("snapshots", env={"PULIH_PASSWORD_FILE": None}, code=12)
    assert "PL-1114" in result.everything


def test_passphrase_from_command(pulih):
    pulih("snapshots", env={"PULIH_PASSWORD_FILE": None, "PULIH_PASSWORD_COMMAND": f"cat {pulih.password_file}"})
    pulih("snapshots", env={"PULIH_PASSWORD_FILE": None, "PULIH_PASSWORD_COMMAND": "false"}, code=(1, 2, 12))


def test_no_repository(bare):
    for command in (("snapshots",), ("verify",), ("backup", "/etc/hostname")):
        result = bare.json(*command, code=10)
        assert result.error["code"] == "PL-1209"
    assert not bare.repo.exists(), "looking must not make anything"


def test_init_twice(pulih):
    before = (pulih.repo / "config").read_bytes()
    result = pulih.json("init", code=1)
    assert result.error["code"] == "PL-1232"
    assert (pulih.repo / "config").read_bytes() == before


def test_init_in_a_folder_with_other_things(bare):
    bare.repo.mkdir()
    (bare.repo / "photos.jpg").write_bytes(b"x")
    bare("init", code=1)
    assert [p.name for p in bare.repo.iterdir()] == ["photos.jpg"]
    (bare.repo / "photos.jpg").unlink()
    (bare.repo / "lost+found").mkdir()
    bare("init")


def test_slots(pulih, small, out):
    """A second passphrase opens the same data; a removed one opens nothing any more."""
    pulih.backup(small)
    second = with_passphrase(pulih, "kata sandi kedua")
    first_id = pulih.json("key", "list").of_type("key_slot")[0]["id"]
    added = pulih.json("key", "add", "--new-password-file", second["PULIH_PASSWORD_FILE"]).summary["id"]
    assert {slot["id"] for slot in pulih.json("key", "list").of_type("key_slot")} == {first_id, added}
    pulih.restore(out, env=second)
    assert_same(small, pulih.restored(out, small))
    pulih("key", "remove", first_id)
    pulih("snapshots", code=12)
    assert [slot["id"] for slot in pulih.json("key", "list", env=second).of_type("key_slot")] == [added]
    assert len(pulih.objects("keys")) == 1


def test_recovery_code(pulih, small, out):
    """The code on paper opens the repository when the passphrase is forgotten."""
    pulih.backup(small)
    code = pulih.json("key", "add", "--recovery").of_type("recovery_code")[0]["code"]
    assert len(code.replace("-", "")) == 36
    sloppy = with_passphrase(pulih, code.lower().replace("-", " "))
    pulih.restore(out, env=sloppy)
    assert_same(small, pulih.restored(out, small))
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    pulih("snapshots", env=with_passphrase(pulih, wrong), code=12)


def test_last_slot_stays(pulih):
    slot = pulih.json("key", "list").of_type("key_slot")[0]
    result = pulih.json("key", "remove", slot["id"], code=13)
    assert result.error["code"] == "PL-1111"
    pulih("snapshots")


def test_change_of_passphrase(pulih, small):
    pulih.backup(small)
    new = with_passphrase(pulih, "baru")
    pulih("key", "passwd", "--new-password-file", new["PULIH_PASSWORD_FILE"])
    pulih("snapshots", code=12)
    assert len(pulih.json("snapshots", env=new).of_type("snapshot")) == 1


def test_an_old_passphrase_that_stays_is_told_of(pulih):
    """Who changes a passphrase because somebody knows it must hear that it opens another slot."""
    other = pulih.json("key", "add", "--new-password-file", pulih.password_file).summary["id"]
    slots = {slot["id"] for slot in pulih.json("key", "list").of_type("key_slot")}
    new = with_passphrase(pulih, "baru")
    result = pulih.json("key", "passwd", "--new-password-file", new["PULIH_PASSWORD_FILE"])
    stays = (slots - {result.summary["removed"]}).pop()
    assert other in slots and len(slots) == 2
    warning = result.of_type("warning")[0]
    assert warning["code"] == "PL-1124" and stays[:8] in warning["message"]
    pulih("key", "remove", stays)
    pulih("snapshots", code=12)
    same = pulih.json("key", "passwd", "--new-password-file", new["PULIH_PASSWORD_FILE"], env=new)
    assert [warning["code"] for warning in same.of_type("warning")] == ["PL-1124"]
    third = with_passphrase(pulih, "ketiga")
    assert not pulih.json("key", "passwd", "--new-password-file", third["PULIH_PASSWORD_FILE"], env=new).of_type("warning")


def test_a_recovery_code_is_no_passphrase_to_change(pulih):
    """The code on the sheet must still open the repository after somebody tried."""
    code = with_passphrase(pulih, pulih.json("key", "add", "--recovery").of_type("recovery_code")[0]["code"])
    slots = pulih.objects("keys")
    new = with_passphrase(pulih, "baru")
    result = pulih.json("key", "passwd", "--new-password-file", new["PULIH_PASSWORD_FILE"], env=code, code=13)
    assert result.error["code"] == "PL-1123" and "pulih key add" in result.error["remedy"]
    assert pulih.objects("keys") == slots
    pulih("snapshots", env=code)
    # what the remedy says
    forgotten = next(slot["id"] for slot in pulih.json("key", "list", env=code).of_type("key_slot") if slot["type"] == "passphrase")
    pulih("key", "add", "--new-password-file", new["PULIH_PASSWORD_FILE"], env=code)
    pulih("key", "remove", forgotten, env=code)
    pulih("snapshots", code=12)
    pulih("snapshots", env=new)
    pulih("snapshots", env=code)


@pytest.fixture
def backup_key(pulih):
    path = pulih.folder / "backup.key"
    pulih("key", "issue-writer", "-o", path)
    return {"PULIH_KEY_FILE": path, "PULIH_PASSWORD_FILE": None}


def test_backup_key_adds_and_cannot_read(pulih, backup_key, small, out):
    assert stat.S_IMODE(backup_key["PULIH_KEY_FILE"].stat().st_mode) == 0o600
    time.sleep(0.1)  # a file as young as this is read again next time: its time proves nothing yet
    first = pulih.json("backup", small, env=backup_key).summary
    second = pulih.json("backup", small, env=backup_key).summary
    assert first["bytes_read"] > 0 and second["bytes_read"] == 0
    pulih.forget_state()
    pulih.json("backup", small, env=backup_key)
    for command in (("restore", "latest", "-t", out), ("ls", "latest"), ("find", "x"), ("key", "add", "--recovery"), ("verify", "--tier", "content")):
        result = pulih.json(*command, env=backup_key, code=12)
        assert result.error["code"] in ("PL-1107",), result
    assert not out.exists() or not any(out.iterdir())
    assert len(pulih.json("snapshots", env=backup_key).of_type("snapshot")) == 3
    pulih("verify", "--tier", "structure", env=backup_key)
    pulih.restore(out)
    assert_same(small, pulih.restored(out, small))


def test_backup_key_that_others_can_read(pulih, backup_key, small):
    backup_key["PULIH_KEY_FILE"].chmod(0o644)
    result = pulih("backup", small, env=backup_key, code=(2, 12))
    assert "PL-1112" in result.everything


def test_backup_key_of_another_repository(pulih, backup_key, work, small):
    from pulih import Pulih

    other = Pulih(work / "other").init()
    other("backup", small, env=backup_key, code=12)


def test_revoked_backup_key(pulih, backup_key, small):
    pulih("backup", small, env=backup_key)
    writer = pulih.json("key", "list").of_type("writer")[0]
    pulih("key", "revoke-writer", writer["id"])
    pulih("backup", small, env=backup_key, code=(4, 12, 13))
    assert len(pulih.snapshots()) == 1, "what was stored before it was revoked stays"
    pulih("verify", "--tier", "content")


def test_nothing_new_relies_on_what_a_revoked_key_stored(pulih, work, small, out):
    """Whoever stole it may have signed anything, at any time: take all of it away, and what was stored since still restores."""
    keys = {}
    for name in ("stolen", "fresh"):
        keys[name] = {"PULIH_PASSWORD_FILE": None, "PULIH_KEY_FILE": work / f"{name}.key"}
    pulih("key", "issue-writer", "--domain", "web", "-o", keys["stolen"]["PULIH_KEY_FILE"])
    (small / "big").write_bytes(os.urandom(3 << 20))
    time.sleep(0.05)
    pulih("backup", small, env=keys["stolen"])
    assert pulih.json("backup", small, env=keys["stolen"]).summary["bytes_read"] == 0
    of_the_stolen = pulih.objects("packs") + pulih.objects("index") + pulih.objects("snapshots")
    writer = json.loads(keys["stolen"]["PULIH_KEY_FILE"].read_text())["writer"]["id"]
    pulih("key", "revoke-writer", writer)
    pulih("key", "issue-writer", "--domain", "web", "-o", keys["fresh"]["PULIH_KEY_FILE"])

    first = pulih.json("backup", small, env=keys["fresh"])
    assert first.summary["data_added"] > 3 << 20 and not first.of_type("warning")
    second = pulih.json("backup", small, env=keys["fresh"])
    assert second.summary["bytes_read"] == 0 and second.summary["data_added"] < 10_000
    assert len(pulih.snapshots()) == 4
    for snapshot in pulih.snapshots():
        pulih.restore(out, snapshot["id"])
        assert_same(small, pulih.restored(out, small))
        shutil.rmtree(out)
    pulih("verify", "--tier", "content")

    for path in of_the_stolen:
        path.unlink()
    assert len(pulih.snapshots()) == 2
    for snapshot in pulih.snapshots():
        pulih.restore(out, snapshot["id"])
        assert_same(small, pulih.restored(out, small))
        shutil.rmtree(out)


def test_nothing_readable_in_the_repository(pulih, source):
    """No name, no content and no host name stands in clear text in any object."""
    marker = b"PENANDA-RAHASIA-42"
    (source / marker.decode()).write_bytes(marker * 100)
    pulih("backup", source, "--tag", marker.decode(), "--host", "host-" + marker.decode())
    for path in pulih.repo.rglob("*"):
        if path.is_file():
            assert marker not in path.read_bytes(), path
            assert marker.decode() not in str(path)


@needs_root
def test_a_backup_key_that_could_not_be_written_is_revoked(pulih, work):
    (work / "full").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", work / "full"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (work / "full" / "fill").write_bytes(b"x" * 4096)
        pulih("key", "issue-writer", "-o", work / "full" / "key", code=1)
        assert not (work / "full" / "key").exists()
    finally:
        subprocess.run(["umount", work / "full"], check=True)
    assert [writer["revoked"] for writer in pulih("--json", "key", "list").of_type("writer")] == [True]


def test_backup_keys_changed_at_the_same_moment(pulih, backup_key, work):
    """Whoever is told that it is done finds it done, and nobody is told of an old copy that somebody put back."""
    (first,) = pulih.json("key", "list").of_type("writer")
    running = [pulih.start("key", "revoke-writer", first["id"])]
    running += [pulih.start("key", "issue-writer", "--domain", f"h{i}", "-o", work / f"{i}.key") for i in range(5)]
    ended = [(process.communicate(), process.returncode) for process in running]
    assert all(code in (0, 11) for _, code in ended), ended
    writers = {writer["domain_name"]: writer for writer in pulih.json("key", "list").of_type("writer")}
    assert writers[first["domain_name"]]["revoked"] == (ended[0][1] == 0)
    for i, (_, code) in enumerate(ended[1:]):
        assert (f"h{i}" in writers) == (code == 0) == (work / f"{i}.key").exists()
