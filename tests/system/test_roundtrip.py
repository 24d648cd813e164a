"""What goes in comes out: everything of it."""
import os
import subprocess

import pytest

import trees
from compare import assert_same, read_tree
from pulih import TOP


def test_everything(pulih, everything, out):
    pulih.backup(everything)
    pulih.restore(out, "latest", "--verify")
    assert_same(everything, pulih.restored(out, everything))


def test_everything_from_dot(pulih, everything, out):
    """"." puts the contents at the root of the snapshot."""
    pulih.backup(".", cwd=everything)
    pulih.restore(out)
    assert_same(everything, out)


def test_everything_again_without_changes(pulih, everything, out):
    """The second snapshot is made of what the first run remembered: it must hold as much."""
    pulih.backup(everything)
    pulih.backup(everything)
    pulih.restore(out)
    assert_same(everything, pulih.restored(out, everything))


@pytest.mark.parametrize("seed", range(4))
def test_random_trees(pulih, source, work, seed):
    """Random tree, backup, changes, backup, …: each backup restores as the tree was then."""
    tree = trees.RandomTree(source / "tree", seed)
    kept = []
    for step in range(4):
        tree.mutate(40)
        snapshot = pulih.backup(tree.root)["snapshot_id"]
        kept.append((snapshot, read_tree(tree.root)))
    for step, (snapshot, then) in enumerate(kept):
        out = work / f"out-{step}"
        pulih.restore(out, snapshot)
        assert_same(then, pulih.restored(out, os.fsdecode(tree.root)))
    pulih("verify", "--tier", "content")


def test_large_folder(pulih, source, out):
    """One folder of 100,000 entries."""
    for number in range(100_000):
        os.symlink(str(number), source / f"entry-{number * 7919 % 100_000:06d}") if number % 3 else \
            os.close(os.open(source / f"entry-{number * 7919 % 100_000:06d}", os.O_CREAT | os.O_WRONLY))
    summary = pulih.backup(source)
    assert summary["total_files_processed"] == len([n for n in range(100_000) if n % 3 == 0])
    pulih.restore(out)
    assert_same(read_tree(source), pulih.restored(out, source))


@pytest.mark.slow
def test_million_entries(pulih, source, out):
    for number in range(1_000_000):
        os.close(os.open(source / f"entry-{number:07d}", os.O_CREAT | os.O_WRONLY))
    assert pulih.backup(source)["total_files_processed"] == 1_000_000
    pulih.restore(out)
    assert sum(1 for _ in os.scandir(pulih.restored(out, source))) == 1_000_000


def test_own_sources(pulih, out):
    """A real tree with its history: this project."""
    copy = out.parent / "copy"
    subprocess.run(["cp", "-a", TOP / "core", copy], check=True)
    pulih.backup(copy)
    pulih.restore(out)
    assert_same(copy, pulih.restored(out, copy))


def test_file_as_argument(pulih, source, out):
    (source / "one").write_bytes(b"1")
    (source / "two").write_bytes(b"2")
    pulih.backup(source / "one")
    pulih.restore(out)
    assert (pulih.restored(out, source / "one")).read_bytes() == b"1"
    assert not pulih.restored(out, source / "two").exists()


def test_symbolic_link_as_argument(pulih, source, out):
    (source / "folder").mkdir()
    (source / "folder" / "file").write_bytes(b"x")
    os.symlink("folder", source / "link")
    pulih.backup(source / "link", code=3)
    pulih.restore(out)
    assert os.readlink(pulih.restored(out, source / "link")) == "folder"


def test_several_roots(pulih, source, out):
    for name in ("a", "b", "c"):
        (source / name).mkdir()
        (source / name / "file").write_bytes(name.encode())
    pulih.backup(source / "a", source / "c", source / "a" / "file")
    pulih.restore(out)
    assert sorted(os.listdir(pulih.restored(out, source))) == ["a", "c"]
    assert_same(source / "a", pulih.restored(out, source / "a"))


def test_deduplication(pulih, source):
    """The same bytes a second time, elsewhere and shifted, cost next to nothing."""
    content = os.urandom(8 << 20)
    (source / "one").write_bytes(content)
    pulih.backup(source)
    before = pulih.stored_bytes("packs")
    (source / "two").write_bytes(b"something in front" + content)
    pulih.backup(source)
    grown = pulih.stored_bytes("packs") - before
    assert grown < 3 << 20, f"{grown} bytes for what was there already"


def test_compression(pulih, source):
    (source / "zeros").write_bytes(bytes(50 << 20))
    pulih.backup(source)
    assert pulih.stored_bytes() < 1 << 20
