"""Several writers, interrupted writers, many threads."""
import os
import random
import signal
import time

import pytest

import trees
from compare import assert_same, read_tree
from pulih import SHIM


def test_two_backups_at_once(pulih, source, work):
    roots = []
    for seed in range(2):
        tree = trees.RandomTree(source / f"tree-{seed}", 100 + seed)
        for _ in range(60):
            tree.make_file()
        (source / f"tree-{seed}" / "shared").write_bytes(random.Random(9).randbytes(8 << 20))
        roots.append(source / f"tree-{seed}")
    running = [pulih.start("backup", "--json", root, env={"PULIH_STATE_DIR": pulih.folder / f"state-{n}"}) for n, root in enumerate(roots)]
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, (out, err)
    snapshots = pulih.snapshots()
    assert len(snapshots) == 2
    for number, snapshot in enumerate(snapshots):
        pulih.restore(work / f"out-{number}", snapshot["id"])
    for root in roots:
        copies = [pulih.restored(work / f"out-{number}", root) for number in range(2)]
        there = [copy for copy in copies if copy.exists()]
        assert len(there) == 1
        assert_same(root, there[0])
    pulih("verify", "--tier", "content")
    assert pulih.objects("sessions") == []


def test_two_backups_with_one_state_folder(pulih, small):
    """The same job twice at once: both end well, or the second says that it is busy."""
    running = [pulih.start("backup", small) for _ in range(3)]
    codes = [(process.communicate(timeout=300), process.returncode)[1] for process in running]
    assert 0 in codes and set(codes) <= {0, 11}, codes
    assert len(pulih.snapshots()) == codes.count(0)
    pulih("verify", "--tier", "content")
    pulih.backup(small)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_and_resumed(pulih, source, out, how):
    """What an interrupted run stored is found again, not stored twice."""
    for number in range(12):
        (source / f"{number}").write_bytes(os.urandom(20 << 20))
    total = 12 * (20 << 20)
    process = pulih.start("backup", source)
    deadline = time.monotonic() + 120
    while pulih.stored_bytes("packs") < total // 4 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, f"ended before it could be interrupted: {process.communicate()}"
    process.send_signal(how)
    process.communicate(timeout=60)
    if how != signal.SIGKILL:
        assert process.returncode == 130
    assert pulih.snapshots() == []
    kept = pulih.stored_bytes("packs")
    assert kept >= total // 5
    summary = pulih.backup(source)
    assert summary["packs_resumed"] > 0
    # Three packs may have been written, but not read back and noted.
    assert pulih.stored_bytes("packs") < total * 1.02 + (50 << 20), "stored twice"
    assert summary["data_stored"] < total - kept + (50 << 20)
    pulih.restore(out)
    assert_same(source, pulih.restored(out, source))
    pulih("verify", "--tier", "content")


def test_killed_at_random_moments(pulih, source, work):
    """Ten times kill -9, no help in between; in the end all is there."""
    rng = random.Random(5)
    tree = trees.RandomTree(source / "tree", 5)
    kept = []
    for round_number in range(10):
        tree.mutate(12)
        process = pulih.start("backup", tree.root)
        time.sleep(rng.random() * 0.7)
        process.kill()
        process.communicate()
        if process.returncode == 0:
            kept.append((pulih.snapshots()[-1]["id"], read_tree(tree.root)))
    kept.append((pulih.backup(tree.root)["snapshot_id"], tree.root))
    for number, (snapshot, then) in enumerate(kept):
        pulih.restore(work / f"out-{number}", snapshot)
        assert_same(then, pulih.restored(work / f"out-{number}", os.fsdecode(tree.root)))
    pulih("verify", "--tier", "content")


def test_number_of_threads_does_not_matter(pulih, everything, work):
    """The same tree gives the same chunks and the same root whatever the number of threads."""
    roots = set()
    for threads in (1, 2, 8):
        pulih.forget_state()
        # from within: the folders above it change while this runs
        snapshot = pulih.backup(".", "--threads", str(threads), cwd=everything)["snapshot_id"]
        roots.add(pulih.json("cat", "snapshot", snapshot).of_type("snapshot")[0]["tree"]["id"])
        out = work / f"out-{threads}"
        pulih.restore(out, snapshot, "--threads", str(threads))
        assert_same(everything, out)
        trees.release(out)
    assert len(roots) == 1


def test_marker_comes_before_the_index_is_read(pulih, source, work):
    """A collector waits for the sessions that it sees: one that reads the index unseen may rely on what is deleted meanwhile."""
    (source / "file").write_bytes(b"content")
    pulih.backup(source)
    pulih.forget_state()
    log = work / "log"
    pulih.backup(source, env={"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": pulih.repo, "PULIH_FAULT_OPS": "write,read", "PULIH_FAULT_LOG": log})
    lines = log.read_text().splitlines()
    marked = next(n for n, line in enumerate(lines) if " rename" in line and f"{pulih.repo}/sessions/" in line)
    read = next(n for n, line in enumerate(lines) if "read " in line and f"{pulih.repo}/index/" in line)
    assert marked < read, lines


def test_marker_that_stays(pulih, source, out):
    """The snapshot is there and whole: that the marker could not be removed is told, and makes no failure of it."""
    (source / "file").write_bytes(b"content")
    fault = {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": pulih.repo / "sessions", "PULIH_FAULT_OPS": "unlink", "PULIH_FAULT_AT": "1",
             "PULIH_FAULT_ACTION": "eio"}
    result = pulih("backup", source, env=fault)
    assert "PL-1204" in result.everything and len(pulih.objects("sessions")) == 1
    pulih.restore(out)
    assert_same(source, pulih.restored(out, source))
    pulih.backup(source)
