"""Damage of every kind of object, in every part of it: found, named, and never a restore with exit 0 and wrong bytes."""
import os
import shutil

import pytest

import trees
from compare import assert_same
from pulih import SHIM, Pulih, flip

PACK_HEADER, PACK_TRAILER = 128, 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A repository with two snapshots, made once and copied for each damage."""
    folder = tmp_path_factory.mktemp("whole")
    pulih = Pulih(folder / "pulih").init()
    tree = trees.RandomTree(folder / "source", 11)
    for _ in range(20):
        tree.make_file()
    (folder / "source" / "big").write_bytes(os.urandom(3 << 20))
    pulih.backup(folder / "source")
    (folder / "source" / "later").write_bytes(os.urandom(300_000))
    pulih.backup(folder / "source")
    return pulih, folder / "source"


@pytest.fixture
def victim(whole, work):
    """A copy with a fresh state folder: what a stranger's machine would see."""
    original, source = whole
    pulih = Pulih(work / "victim")
    shutil.copytree(original.repo, pulih.repo)
    return pulih, source


def places(kind, size):
    """Offsets in an object of that kind: one in each of its parts."""
    if kind == "packs":
        return {"magic": 0, "version": 8, "suite": 10, "type": 11, "flags": 12, "repository": 16, "domain": 32, "public key": 50, "commitment": 81,
                "reserved": 113, "first frame": PACK_HEADER + 3, "middle": size // 2, "directory": size - PACK_TRAILER - 20,
                "trailer": size - PACK_TRAILER + 2, "end mark": size - 1}
    if kind == "index":
        return {"magic": 1, "version": 8, "suite": 10, "flags": 13, "repository": 17, "domain": 33, "writer": 49, "salt": 70, "commitment": 100,
                "body": size // 2, "tag": size - 70, "signature": size - 10}
    if kind == "snapshots":
        return {"magic": 1, "version": 8, "suite": 10, "flags": 13, "repository": 17, "domain": 33, "writer": 49, "lengths": 66, "summary": 150,
                "content": size - 200, "signature": size - 10}
    return {"start": 2, "early": size // 4, "middle": size // 2, "late": size - size // 4, "end": size - 3}


def check_restore(pulih, source, out, damaged):
    """A restore says that it failed, or gives the right bytes. What it gives of a file it gives right."""
    result = pulih.restore(out, code=None)
    target = pulih.restored(out, source)
    if result.code == 0:
        assert_same(source, target)
    else:
        assert result.code in (1, 3, 4, 10, 12), result
        assert "PL-" in result.everything
    # whatever is there under its own name and of full size must hold what it held
    for folder, _, names in os.walk(target) if target.exists() else ():
        for name in names:
            path = os.path.join(folder, name)
            original = os.path.join(source, os.path.relpath(path, target))
            if os.path.isfile(path) and not os.path.islink(path) and os.path.relpath(path, target) not in result.everything:
                with open(path, "rb") as a, open(original, "rb") as b:
                    assert a.read() == b.read(), f"{path} is wrong and was not named after damage to {damaged}"


PARTS = [(kind, part) for kind in ("packs", "index", "snapshots", "keys", "config") for part in places(kind, 10_000)]


@pytest.mark.parametrize("kind, part", PARTS, ids=[f"{kind}-{part}" for kind, part in PARTS])
def test_flipped_bit(victim, out, kind, part):
    pulih, source = victim
    path = max(pulih.objects(kind), key=lambda p: (p.stat().st_size, p.name))
    flip(path, places(kind, path.stat().st_size)[part])
    result = pulih("verify", "--tier", "content", code=None)
    wanted = {"config": (1, 2, 4, 10, 12)}.get(kind, (4,))
    assert result.code in wanted, result
    if kind in ("packs", "index", "snapshots"):
        assert path.name in result.everything, result
    check_restore(pulih, source, out, f"{kind}, {part}")


@pytest.mark.parametrize("kind", ["packs", "index", "snapshots", "keys", "config"])
@pytest.mark.parametrize("how", ["removed", "emptied", "cut", "longer"])
def test_lost_and_cut(victim, out, kind, how):
    pulih, source = victim
    path = max(pulih.objects(kind), key=lambda p: (p.stat().st_size, p.name))
    content = path.read_bytes()
    path.unlink()
    if how != "removed":
        path.write_bytes({"emptied": b"", "cut": content[:len(content) * 2 // 3], "longer": content + b"\0" * 16}[how])
    result = pulih("verify", "--tier", "content", code=None)
    if kind == "snapshots" and how == "removed":
        assert result.code == 0 and len(pulih.snapshots()) == 1  # nothing is left that could tell
        return
    wanted = {"config": (1, 2, 4, 10)}.get(kind, (4,))
    assert result.code in wanted, result
    if kind in ("packs", "snapshots") or (kind == "index" and how != "removed"):
        assert path.name in result.everything, result
    check_restore(pulih, source, out, f"{kind}, {how}")


@pytest.mark.parametrize("tier", ["structure", "stored", "content"])
def test_clean_repository(victim, tier):
    pulih, _ = victim
    pulih("verify", "--tier", tier)


def test_stored_tier_needs_no_key(victim):
    pulih, _ = victim
    pulih("verify", "--tier", "stored", env={"PULIH_PASSWORD_FILE": None})
    path = pulih.objects("packs")[0]
    flip(path, path.stat().st_size // 2)
    result = pulih("verify", "--tier", "stored", env={"PULIH_PASSWORD_FILE": None}, code=4)
    assert path.name in result.everything


def test_verify_says_that_it_cannot_remember(victim):
    """The repository is whole: a warning, and no other exit code."""
    pulih, _ = victim
    pulih("verify")
    (ledger,) = pulih.state.rglob("verify-*")
    ledger.unlink()
    (ledger / "in the way").mkdir(parents=True)
    result = pulih.json("verify")
    (warning,) = result.of_type("warning")
    assert warning["code"] == "PL-1606" and ledger.name in warning["message"], str(result)


def test_exchanged_packs(victim, out):
    """Two whole objects under each other's name."""
    pulih, source = victim
    a, b = pulih.objects("packs")[:2]
    content = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(content)
    result = pulih("verify", "--tier", "stored", code=4)
    assert a.name in result.everything and b.name in result.everything
    check_restore(pulih, source, out, "exchanged packs")


def test_objects_of_another_repository(victim, work, out):
    pulih, source = victim
    other = Pulih(work / "other").init()
    other.backup(source)
    for kind in ("snapshots", "index", "packs"):
        shutil.copytree(other.repo / kind, pulih.repo / kind, dirs_exist_ok=True)
    result = pulih("verify", "--tier", "content", code=4)
    assert any(path.name in result.everything for path in other.objects("snapshots"))
    pulih.restore(out)
    assert_same(source, pulih.restored(out, source))


def test_old_config_put_back(victim, small):
    pulih, _ = victim
    pulih("snapshots")
    old = (pulih.repo / "config").read_bytes()
    pulih("key", "issue-writer", "-o", pulih.folder / "backup.key")
    (pulih.repo / "config").write_bytes(old)
    result = pulih("snapshots", code=4)
    assert "PL-1210" in result.everything


def test_slot_that_asks_for_a_terabyte(victim):
    pulih, _ = victim
    path = pulih.objects("keys")[0]
    text = path.read_text().replace('"memory_kib":65536', '"memory_kib":1073741824')
    assert "1073741824" in text
    path.write_text(text)
    result = pulih("snapshots", code=4, timeout=20)
    assert "PL-1118" in result.everything  # its check: an attacker would have made that right too (test_key_slot.c)


@pytest.mark.parametrize("member", ["box", "salt", "id", "check"])
def test_a_damaged_slot_is_no_wrong_passphrase(victim, work, member):
    """One digit of it flipped: that is said. Whoever holds another slot goes on, and is told."""
    pulih, _ = victim
    second = work / "second"
    second.write_text("kata sandi kedua")
    second.chmod(0o600)
    (slot,) = pulih.objects("keys")
    content = slot.read_text()
    at = content.index(f'"{member}":"') + len(member) + 10
    digit = "0" if content[at] != "0" else "1"

    def damage():
        slot.chmod(0o600)
        slot.write_text(content[:at] + digit + content[at + 1:])

    damage()
    result = pulih.json("snapshots", code=4)
    assert result.error["code"] == "PL-1118" and slot.name in result.error["message"]
    slot.write_text(content)
    pulih("key", "add", "--new-password-file", second)
    damage()
    result = pulih("snapshots", env={"PULIH_PASSWORD_FILE": second})
    assert "PL-1118" in result.everything and slot.name in result.everything
    # the passphrase of the damaged slot: nobody can say that it is wrong
    result = pulih.json("snapshots", code=4)
    assert result.error["code"] == "PL-1118" and "may be right" in result.error["message"]
    slot.unlink()
    assert pulih.json("snapshots", code=12).error["code"] == "PL-1110"


def test_backup_onto_damage(victim, out):
    """What a lost pack held is stored again, and the pack is named: see test_lost_packs.py for all that can be lost."""
    pulih, source = victim
    lost = max(pulih.objects("packs"), key=lambda p: p.stat().st_size)
    lost.unlink()
    result = pulih("backup", source)
    assert "PL-1406" in result.everything and lost.name in result.everything
    for snapshot in ("latest", pulih.snapshots()[-2]["id"]):
        pulih.restore(out, snapshot)
        assert_same(source, pulih.restored(out, source))
        shutil.rmtree(out)


def test_backup_onto_a_damaged_index(victim, out):
    """A machine that has no copy of it goes on without: what only the damaged object knew is stored again."""
    pulih, source = victim
    damaged = pulih.objects("index")[0]
    flip(damaged, damaged.stat().st_size // 2)
    pulih.forget_state()
    result = pulih("backup", source)
    assert damaged.name in result.everything
    snapshot = pulih.snapshots()[-1]["id"]
    pulih.restore(out, snapshot, code=None)
    assert_same(source, pulih.restored(out, source))
    assert damaged.name in pulih("verify", "--tier", "structure", code=4).everything


@pytest.mark.parametrize("kind", ["packs", "index", "snapshots"])
def test_disk_that_lies(pulih, source, kind):
    """A disk that says that it wrote an object, and did not: the backup must not say that it is stored."""
    (source / "file").write_bytes(os.urandom(100_000))
    pulih.backup(source)
    (source / "file").write_bytes(os.urandom(100_000))
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": pulih.repo / kind, "PULIH_FAULT_OPS": "data", "PULIH_FAULT_AT": "1", "PULIH_FAULT_ACTION": "lie"}
    before = {name: pulih.objects(name) for name in ("snapshots", kind)}
    result = pulih("backup", source, env=fault, code=1)
    after = {name: set(pulih.objects(name)) for name in before}
    assert "PL-1403" in result.everything and all(set(before[name]) <= after[name] for name in before)
    assert after["snapshots"] == set(before["snapshots"])
    assert not any(path.name in result.everything for path in after[kind]), "what did not read back is still there"
    pulih.backup(source)
    pulih("verify", "--tier", "content")
    pulih.forget_state()
    pulih("verify", "--tier", "content")


def test_strangers_in_the_folder(victim, out):
    """Files that are no objects are left alone and do no harm."""
    pulih, source = victim
    for name in ("README", "packs/notes.txt", "snapshots/.hidden", "index/x", "lost+found", "keys/temporary.tmp"):
        (pulih.repo / name).write_bytes(b"stranger")
    os.symlink("/", pulih.repo / "packs" / "zz")
    pulih("verify", "--tier", "content")
    pulih("backup", source)
    pulih.restore(out)
    assert (pulih.repo / "README").read_bytes() == b"stranger"


def test_latest_is_not_an_older_one(victim, out):
    """The newest snapshot is damaged: `latest` must not quietly become the one before."""
    pulih, source = victim
    newest = pulih.snapshots()[-1]["id"]
    flip(pulih.repo / "snapshots" / newest, 100)
    for arguments in (["restore", "latest", "-t", out], ["ls", "latest"], ["restore", newest[:8], "-t", out]):
        result = pulih(*arguments, code=4)
        assert newest in result.everything
    assert not out.exists()
    older = pulih("snapshots", "--json", code=4).of_type("snapshot")[0]["id"]
    pulih.restore(out, older[:8])


def test_slots_are_verified(victim, work):
    """The slot that nobody used lately is the one that is needed when the other passphrase is lost."""
    pulih, _ = victim
    second = work / "second"
    second.write_text("kata sandi kedua")
    second.chmod(0o600)
    before = set(pulih.objects("keys"))
    pulih("key", "add", "--new-password-file", second)
    (added,) = set(pulih.objects("keys")) - before
    content = added.read_text()
    added.chmod(0o600)
    added.write_text(content.replace('"box":"', '"box":"x'))
    for tier in ("structure", "stored", "content"):
        assert added.name in pulih.json("verify", "--tier", tier, code=4).of_type("finding")[0]["object"]
    added.unlink()
    pulih("verify", "--tier", "structure")
    next(iter(before)).unlink()
    result = pulih("snapshots", code=4)
    assert "PL-1118" in result.everything and "keys" in result.everything
    pulih("verify", code=4, env={"PULIH_PASSWORD_FILE": None})


def test_more_slots_than_anybody_makes(victim, small):
    """Who may only add objects locks nobody out, and it is said."""
    pulih, _ = victim
    for number in range(80):
        (pulih.repo / "keys" / f"{number:032x}").write_bytes(os.urandom(100))
    pulih.backup(small)
    for environment in ({}, {"PULIH_PASSWORD_FILE": None}):
        assert "PL-1117" in pulih("verify", "--tier", "stored", code=4, env=environment).everything
    pulih("key", "list")


@pytest.mark.parametrize("folder", ["snapshots", "packs", "index", "keys", "gc"])
def test_folder_on_another_disk_that_is_not_there(victim, work, small, folder):
    """Its objects are not gone: nothing may look as if there had been none."""
    pulih, _ = victim
    (pulih.repo / folder).mkdir(exist_ok=True)
    shutil.move(pulih.repo / folder, work / "elsewhere")
    (pulih.repo / folder).symlink_to(work / "elsewhere")
    pulih.backup(small)
    pulih("verify", "--tier", "content")
    before = len(pulih.snapshots())
    (work / "elsewhere").rename(work / "away")
    for command in (["snapshots"], ["backup", small], ["verify", "--tier", "structure"]):
        if command == ["snapshots"] and folder in ("packs", "index", "gc"):
            continue
        result = pulih(*command, code=(1, 4))
        assert folder in result.everything and "PL-" in result.everything, result
    (work / "away").rename(work / "elsewhere")
    pulih("verify", "--tier", "content")
    assert len(pulih.snapshots()) == before
