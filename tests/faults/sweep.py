#!/usr/bin/python3
"""Makes every write-like call of a backup, of init and of what changes keys go wrong, one at a time, and checks what must hold afterwards.

    sweep.py [--sample N] [--only ACTION[:n]] [--jobs N] [--keep FOLDER]

For each fault (see verdict.h), for each n: a copy of a repository with one backup in it, `pulih backup` with the n-th call going wrong, then
  1. every backup that exited 0 restores byte for byte, metadata included: the one before, and this one if it said 0;
  2. `verify --tier content` is clean;
  3. the next backup succeeds with no help, restores, and leaves a clean repository;
  4. a run that failed said so with a message, and left no snapshot that does not restore.
`init` likewise: afterwards either the repository works, or `init` works.
`key add`, `passwd`, `remove`, `issue-writer` and `revoke-writer` likewise: afterwards a passphrase that was confirmed opens the repository, the one that
a command said 0 to opens it, no slot and no config is half written, and the command can be given again.
The order in which things become durable is read from the log of a whole run: no name is given to a file that was not
synced, no index object before its packs, no snapshot before its indexes.

A check that cannot fail is worth nothing: before the sweep, repositories are damaged by hand, and every check must object.
"""
import argparse
import concurrent.futures
import functools
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

import trees  # noqa: E402
from compare import differences, read_tree  # noqa: E402
from pulih import SHIM, Pulih  # noqa: E402

WRITES = "write,pwrite,writev,pwritev"
# name: (action of the shim, calls that count, what lies under the fault)
FAULTS = {
    "kill": ("kill", "write", ("repo", "state")),
    "torn": ("torn", WRITES, ("repo", "state")),
    "eio": ("eio", "write", ("repo", "state")),
    "sync-fails-once": ("eio", "sync", ("repo", "state")),
    "disk-full": ("full", "write", ("repo",)),
    "state-disk-full": ("full", "write", ("state",)),
    "disk-dies": ("dead", "write", ("repo",)),
    "short-then-eio": ("short", WRITES, ("repo", "state")),
    "write-lies": ("lie", WRITES, ("repo",)),
    "interrupt": ("interrupt", "write", ("repo",)),
    "repository-read-eio": ("eio", "read", ("repo", "state")),
    "source-read-eio": ("eio", "read", ("source",)),
}
KEY_FAULTS = ("kill", "torn", "eio", "sync-fails-once", "disk-full", "short-then-eio", "write-lies", "repository-read-eio")
KEY_COMMANDS = ("add", "passwd", "remove", "issue-writer", "revoke-writer")
INIT_FAULTS = ("kill", "torn", "eio", "sync-fails-once", "disk-full", "short-then-eio")


class Violation(Exception):
    pass


def must(condition, text, result=None):
    if not condition:
        raise Violation(text if result is None else f"{text}\n{result}")


class Bench:
    """The repository that every case starts from, and the trees that its backups must give back."""

    def __init__(self, folder):
        self.folder = folder
        self.source = folder / "source"
        tree = trees.RandomTree(self.source, 2024)
        for _ in range(3):
            tree.make_folder()
        for _ in range(15):
            tree.make_file()
        tree.make_link()
        tree.make_hard_link()
        (self.source / "big").write_bytes(tree.rng.randbytes(3 << 20))
        self.template = Pulih(folder / "template").init()
        self.first = self.template.backup(self.source)["snapshot_id"]
        self.then = read_tree(self.source)
        tree.mutate(15)
        (self.source / "another big").write_bytes(tree.rng.randbytes(5 << 20))

        self.template("key", "issue-writer", "-o", self.folder / "first.key")
        self.writer = self.list_keys(self.template, "writer")[0]["id"]
        self.slot = self.list_keys(self.template, "key_slot")[0]["id"]

    def copy(self, name):
        pulih = Pulih(self.folder / name)
        for part in ("repo", "state"):
            shutil.copytree(self.template.folder / part, pulih.folder / part)
        return pulih

    def environment(self, pulih, fault, at, log=None):
        action, calls, below = FAULTS[fault] if fault in FAULTS else (fault, "write", ("repo", "state"))
        paths = {"repo": pulih.repo, "state": pulih.state, "source": self.source}
        return {"LD_PRELOAD": SHIM, "PULIH_FAULT_PREFIX": ":".join(str(paths[part]) for part in below), "PULIH_FAULT_OPS": calls,
                "PULIH_FAULT_ACTION": action, "PULIH_FAULT_AT": str(at), "PULIH_FAULT_LOG": log}

    def backup(self, pulih, **options):
        return pulih.json("backup", "--threads", "2", self.source, **options)

    def must_restore(self, pulih, snapshot, tree, what, ignore=()):
        out = pulih.folder / "out"
        result = pulih.restore(out, snapshot, code=None)
        must(result.code == 0, f"{what} does not restore", result)
        found = differences(tree, pulih.restored(out, self.source), ignore=ignore)
        must(not found, f"{what} is not what was backed up: {found[:5]}")
        trees.release(out)

    def must_be_whole(self, pulih, run):
        """The four invariants, after `run`, a backup that may have met a fault."""
        listed = pulih.json("snapshots", code=None)
        must(listed.code == 0, "snapshots cannot be listed", listed)
        ids = [m["id"] for m in listed.of_type("snapshot")]
        must(self.first in ids, "the backup made before is gone")
        self.must_restore(pulih, self.first, self.then, "the backup made before")
        new = [name for name in ids if name != self.first]
        must(run.code != 0 or len(new) == 1, "the run said 0 and left no snapshot", run)
        must(run.code in (0, 3) or run.code < 0 or b"PL-" in run.out + run.err, "the run failed and gave no reason", run)
        must(run.code >= 0 or run.code == -9, "the program crashed", run)
        if run.code == 3:
            must(b"PL-13" in run.out + run.err, "the run said 3 and named nothing", run)
        elif new:
            self.must_restore(pulih, new[0], self.source, "the backup that the fault met")
        clean = pulih("verify", "--tier", "content", code=None)
        must(clean.code == 0, "verify is not clean", clean)
        again = self.backup(pulih, code=None)
        must(again.code == 0, "the next backup fails", again)
        self.must_restore(pulih, again.summary["snapshot_id"], self.source, "the next backup")
        clean = pulih("verify", "--tier", "content", code=None)
        must(clean.code == 0, "verify is not clean after the next backup", clean)
        told = b"/sessions/" in run.out + run.err
        must(not pulih.objects("sessions") or run.code < 0 or run.code == 1 or told, "a finished run left its session marker and did not say so")

    # ---- the cases ----

    def backup_case(self, fault, at):
        pulih = self.copy(f"backup-{fault}-{at}")
        run = self.backup(pulih, env=self.environment(pulih, fault, at), code=None)
        self.must_be_whole(pulih, run)
        trees.release(pulih.folder)

    def init_case(self, fault, at):
        pulih = Pulih(self.folder / f"init-{fault}-{at}")
        run = pulih("init", env=self.environment(pulih, fault, at), code=None)
        must(run.code == 0 or run.code < 0 or "PL-" in run.everything, "init failed and gave no reason", run)
        must(run.code >= 0 or run.code == -9, "init crashed", run)
        if run.code != 0:
            again = pulih("init", code=None)
            must(again.code == 0 or "PL-1232" in again.everything, "init does not work after init was stopped", again)
        backup = self.backup(pulih, code=None)
        must(backup.code == 0, "the repository does not work", backup)
        self.must_restore(pulih, "latest", self.source, "the first backup")
        trees.release(pulih.folder)

    # ---- keys ----

    @staticmethod
    def list_keys(pulih, kind, **options):
        return pulih.json("key", "list", **options).of_type(kind)

    def key_command(self, pulih, command):
        other = pulih.folder / "other password"
        other.write_text("kata sandi yang lain\n")
        other.chmod(0o600)
        if command == "remove":
            pulih("key", "add", "--new-password-file", other)
            (added,) = [slot["id"] for slot in self.list_keys(pulih, "key_slot") if slot["id"] != self.slot]
            return "key", "remove", added
        return {"add": ("key", "add", "--new-password-file", other), "passwd": ("key", "passwd", "--new-password-file", other),
                "issue-writer": ("key", "issue-writer", "-o", pulih.folder / "new.key"), "revoke-writer": ("key", "revoke-writer", self.writer)}[command]

    def opens(self, pulih, name):
        result = pulih("snapshots", env={"PULIH_PASSWORD_FILE": pulih.folder / name}, code=None)
        must(result.code in (0, 12), "the repository neither opens nor refuses the passphrase", result)
        return result.code == 0

    def key_case(self, command, fault, at):
        pulih = self.copy(f"key-{command}-{fault}-{at}")
        words = self.key_command(pulih, command)
        run = pulih(*words, env=self.environment(pulih, fault, at), code=None)
        must(run.code == 0 or run.code < 0 or "PL-" in run.everything, "the command failed and gave no reason", run)
        must(run.code >= 0 or run.code == -9, "the command crashed", run)
        first, second = self.opens(pulih, "password"), self.opens(pulih, "other password")
        must(first or (command == "passwd" and second), "nobody gets in any more", run)
        env = {"PULIH_PASSWORD_FILE": pulih.folder / ("password" if first else "other password")}
        clean = pulih("verify", "--tier", "structure", env=env, code=None)
        must(clean.code == 0, "verify is not clean", clean)
        writers = {writer["id"]: writer["revoked"] for writer in self.list_keys(pulih, "writer", env=env)}
        must(self.writer in writers, "a writer is gone", run)
        if run.code == 0:
            self.must_be_done(pulih, command, run, (first, second), writers)
        else:
            must(run.code < 0 or not (pulih.folder / "new.key").exists(), "a failed run left a key file", run)
            (pulih.folder / "new.key").unlink(missing_ok=True)
            again = pulih(*words, env=env, code=None)
            must(again.code == 0 or (command == "remove" and "PL-1113" in again.everything), "the command cannot be given again", again)
        trees.release(pulih.folder)

    def must_be_done(self, pulih, command, run, opens, writers):
        """What the command said 0 to is so."""
        must(opens == {"add": (True, True), "passwd": (False, True)}.get(command, (True, False)), f"who gets in, first and second: {opens}", run)
        must(writers[self.writer] == (command == "revoke-writer"), "revoked or not: not as the command said", run)
        must(len(writers) == (2 if command == "issue-writer" else 1), "writers are listed otherwise than the command said", run)
        if command == "issue-writer":
            self.backup(pulih, env={"PULIH_PASSWORD_FILE": None, "PULIH_KEY_FILE": pulih.folder / "new.key"})
            self.must_restore(pulih, "latest", self.source, "a backup with the new key")

    def full_disk_does_not_stop_a_restore(self, _fault, _at):
        """A disk so full that nothing can be written to it still gives back what it holds."""
        pulih = self.copy("restore-full")
        out = pulih.folder / "out"
        pulih.forget_state()
        result = pulih.restore(out, self.first, env=self.environment(pulih, "disk-full", 1), code=None)
        must(result.code == 0, "a restore from a full disk fails", result)
        must(not differences(self.then, pulih.restored(out, self.source)), "a restore from a full disk is wrong")
        trees.release(pulih.folder)

    def short_writes_are_no_fault(self, _fault, _at):
        """Every write writes half: nothing else may change."""
        pulih = self.copy("short")
        environment = self.environment(pulih, "short-always", 1)
        run = self.backup(pulih, env=environment, code=None)
        must(run.code == 0, "short writes make a backup fail", run)
        self.must_be_whole(pulih, run)
        trees.release(pulih.folder)

    def things_become_durable_in_order(self, _fault, _at):
        pulih = self.copy("order")
        log = pulih.folder / "log"
        run = self.backup(pulih, env={**self.environment(pulih, "kill", 0, log), "PULIH_FAULT_PREFIX": str(pulih.repo)}, code=None)
        must(run.code == 0, "a backup with nothing going wrong fails", run)
        check_order(log.read_text().splitlines(), pulih.repo)
        trees.release(pulih.folder)

    def count(self, what, fault):
        """How many calls a run without fault makes that count for `fault`."""
        pulih = Pulih(self.folder / f"count-{what}-{fault}") if what == "init" else self.copy(f"count-{what}-{fault}")
        log = pulih.folder / "log"
        environment = self.environment(pulih, fault, 0, log)
        if what == "backup":
            self.backup(pulih, env=environment)
        else:
            words = ("init",) if what == "init" else self.key_command(pulih, what.removeprefix("key-"))
            pulih(*words, env=environment)
        calls = len(log.read_text().splitlines()) if log.exists() else 0
        trees.release(pulih.folder)
        must(calls > 0, f"{what} makes no call that counts for {fault}: the shim sees nothing")
        return calls


def check_order(lines, repo):
    """Reads the log of a whole run against the publish order. A file's bytes are durable once it was synced after its last
    write; its name once its folder was synced after it was named."""
    synced, unsynced_names, kinds = set(), {}, []
    for line in lines:
        _, call, path, *old = line.split(" ")
        if call in ("write", "pwrite", "writev", "pwritev", "ftruncate", "open"):
            synced.discard(path)
        elif call in ("fsync", "fdatasync"):
            synced.add(path)
            unsynced_names = {name: folder for name, folder in unsynced_names.items() if folder != path}
        elif call == "syncfs":
            unsynced_names = {}
        elif call in ("rename", "link"):
            kind = os.path.relpath(path, repo).split("/")[0]
            must(kind == "sessions" or old[0] in synced, f"{path} was named before its bytes were durable")
            rank = {"packs": 1, "index": 2, "snapshots": 3, "records": 4}.get(kind, 0)
            late = [name for name in unsynced_names if 0 < rank_of(name, repo) < rank]
            must(not late, f"{path} was named before the names of {late} were durable")
            kinds.append(rank)
            unsynced_names[path] = os.path.dirname(path)
    ranks = [rank for rank in kinds if rank]
    must(1 in ranks and 2 in ranks and 3 in ranks, f"the log lacks packs, indexes or snapshots: {ranks}")
    must(ranks.index(3) == len(ranks) - 1, "something was published behind the snapshot")
    must(not [name for name in unsynced_names if rank_of(name, repo)], "a name was not durable when the run ended")


def rank_of(name, repo):
    return {"packs": 1, "index": 2, "snapshots": 3, "records": 4}.get(os.path.relpath(name, repo).split("/")[0], 0)


def prove(bench):
    """Damage that every check must see. Raises Violation when one does not."""
    def pack_lost(pulih):
        max(pulih.objects("packs"), key=lambda p: p.stat().st_size).unlink()

    def snapshot_lost(pulih):
        (pulih.repo / "snapshots" / bench.first).unlink()

    def new_snapshot_lost(pulih):
        for path in pulih.objects("snapshots"):
            if path.name != bench.first:
                path.unlink()

    def bit_flipped(pulih):
        path = max(pulih.objects("packs"), key=lambda p: p.stat().st_size)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)

    def index_lost(pulih):
        for path in pulih.objects("index"):
            path.unlink()

    def repository_closed(pulih):
        (pulih.repo / "config").unlink()

    for damage in (pack_lost, snapshot_lost, new_snapshot_lost, bit_flipped, index_lost, repository_closed):
        pulih = bench.copy(f"prove-{damage.__name__}")
        run = bench.backup(pulih)
        damage(pulih)
        pulih.forget_state()
        try:
            bench.must_be_whole(pulih, run)
        except Violation:
            trees.release(pulih.folder)
            continue
        raise Violation(f"the checks do not see that: {damage.__name__}")
    good = ["1 open /r/packs/t1", "2 write /r/packs/t1", "3 fsync /r/packs/t1", "4 rename /r/packs/p /r/packs/t1", "5 fsync /r/packs",
            "6 write /r/index/t", "7 fsync /r/index/t", "8 rename /r/index/i /r/index/t", "9 fsync /r/index", "10 write /r/snapshots/t",
            "11 fsync /r/snapshots/t", "12 rename /r/snapshots/s /r/snapshots/t", "13 fsync /r/snapshots"]
    check_order(good, "/r")
    for missing in (2, 4, 6, 8, 10, 12):
        try:
            check_order(good[:missing] + good[missing + 1:], "/r")
        except Violation:
            continue
        raise Violation(f"the check of the order does not see that this is missing: {good[missing]}")


def spread(total, sample):
    """Numbers from 1 to total + 1: all, or `sample` of them, first and last among them."""
    if not sample or total + 1 <= sample:
        return list(range(1, total + 2))
    return sorted({1 + round(i * total / (sample - 1)) for i in range(sample)}) if sample > 1 else [1]


def plan(bench, sample, only):
    cases = []
    kinds = {"backup": (FAULTS, bench.backup_case), "init": (INIT_FAULTS, bench.init_case)}
    for command in KEY_COMMANDS:
        kinds[f"key-{command}"] = (KEY_FAULTS, functools.partial(bench.key_case, command))
    for what, (faults, function) in kinds.items():
        for fault in faults:
            if only and only.split(":")[0] not in (fault, what, f"{what}-{fault}"):
                continue
            total = bench.count(what, fault)
            numbers = [int(only.split(":")[1])] if only and ":" in only else spread(total, sample)
            print(f"  {what}-{fault}: {len(numbers)} of {total + 1} places", flush=True)
            cases += [(f"{what}-{fault}", function, fault, n) for n in numbers]
    if not only:
        cases += [(function.__name__, function, "", 0) for function in (
            bench.full_disk_does_not_stop_a_restore, bench.short_writes_are_no_fault, bench.things_become_durable_in_order)]
    return cases


def run_case(case):
    name, function, fault, at = case
    try:
        function(fault, at)
        return name, at, None
    except (Violation, AssertionError, OSError, KeyError) as problem:
        return name, at, f"{type(problem).__name__}: {problem}"


def main():
    parser = argparse.ArgumentParser(description="Every fault at every place of a backup and of init.")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="N places of each fault, evenly spread, instead of all")
    parser.add_argument("--only", metavar="FAULT[:n]", help=f"one of {', '.join(FAULTS)}; backup, init, key-add, …; or both with a dash between")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("--keep", metavar="FOLDER", help="work there, and leave what failed")
    options = parser.parse_args()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="pulih-faults-")).resolve()
    failed = 0
    try:
        bench = Bench(folder)
        prove(bench)
        cases = plan(bench, options.sample, options.only)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for done, (name, at, problem) in enumerate(pool.map(run_case, cases), 1):
                if problem:
                    failed += 1
                    print(f"FAILED {name}:{at}: {problem}\n", flush=True)
                elif done % 50 == 0:
                    print(f"  {done} of {len(cases)}", flush=True)
    except Violation as problem:
        print(f"FAILED before the sweep: {problem}")
        return 1
    finally:
        if not options.keep:
            trees.release(folder)
    print(f"faults: {len(cases)} cases, {failed} failed; {len(cases) - failed} passed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
