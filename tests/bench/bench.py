#!/usr/bin/python3
"""Pulih side by side with restic and borg, in one run, on the same data, with warm caches.

    bench.py [--sets linux,million,random] [--runs 3] [--dir FOLDER] [--data FOLDER] [--write]

Every run takes the tools in turn, so that what else the machine does meets all of them; what is reported is the median of the runs.
Measured of each process and its children: wall clock, CPU time (user + system), peak resident memory; and the bytes of the repository.
All tools encrypt, with zstd level 3 where a level can be chosen.

  first      backup into an empty repository        unchanged  the same again
  restore    into a fresh folder, until the disk has it      verify     everything stored is read and checked

`--data` names a folder that holds data sets from an earlier run; what it lacks is made. `--write` puts the table into docs/benchmarks.md.
Environment: BENCH_SETS, BENCH_RUNS, BENCH_DIR stand for the options of that name.
"""
import argparse
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PULIH = os.environ.get("PULIH", str(TOP / "build" / "pulih"))
PASSPHRASE = "benchmark"
MIB = 1 << 20
# What is asked for, by data set, step and measure: at most this much of restic's figure, of the time of find -printf, or this many bytes.
# Where nothing is asked for, the figure is reported without a judgement.
THRESHOLDS = {
    "linux": {
        ("first", "wall"): ("restic", 0.45), ("first", "stored"): ("bytes", 215e6), ("first", "memory"): ("bytes", 150 * MIB),
        ("unchanged", "wall"): ("restic", 0.25), ("unchanged", "memory"): ("bytes", 150 * MIB),
        ("restore", "wall"): ("restic", 0.6), ("restore", "memory"): ("bytes", 150 * MIB),
        ("verify", "wall"): ("restic", 0.8), ("verify", "memory"): ("bytes", 150 * MIB),
    },
    "million": {
        ("first", "wall"): ("restic", 0.35), ("first", "memory"): ("bytes", 200 * MIB), ("first", "stored"): ("restic", 0.6),
        ("unchanged", "wall"): ("find", 2.5), ("unchanged", "memory"): ("bytes", 100 * MIB),
        ("restore", "wall"): ("restic", 0.6), ("restore", "memory"): ("bytes", 200 * MIB),
    },
    "random": {("first", "wall"): ("restic", 0.5)},
}
STEPS = ("first", "unchanged", "restore", "verify")
MEASURES = {"wall": "seconds", "cpu": "CPU seconds", "memory": "peak memory, MiB", "stored": "stored, MB"}
WORDS = ("putusan perkara pengadilan agama ternate sidang pemohon termohon penggugat tergugat hakim panitera akta cerai talak gugat nafkah iddah "
         "mutah waris hibah wakaf saksi bukti amar menimbang mengingat memutuskan menetapkan").split()


# ---- data ----

def make_linux(folder):
    archive = Path("/usr/src/linux-source-6.1.tar.xz")
    if not archive.exists():
        sys.exit(f"there is no {archive}: install Debian's linux-source-6.1 (make deps-bench)")
    subprocess.run(["tar", "-C", folder.parent, "-xf", archive], check=True)
    if folder.name != "linux-source-6.1":
        (folder.parent / "linux-source-6.1").rename(folder)


def make_million(folder):
    """100 × 100 folders of 100 files of 30 to 500 bytes of words, always the same."""
    rng = random.Random(7)
    number = 0
    for a in range(100):
        for b in range(100):
            inner = folder / f"{a:02d}" / f"{b:02d}"
            inner.mkdir(parents=True)
            for _ in range(100):
                text = f"nomor {number}/Pdt.G/{rng.randrange(2000, 2026)}/PA.Tte\n" + " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 60)))
                (inner / f"perkara-{number:07d}.txt").write_text(text + "\n")
                number += 1


def make_random(folder):
    folder.mkdir(parents=True)
    with open(folder / "r.bin", "wb") as file:
        for _ in range(3000):
            file.write(os.urandom(1_000_000))


# name: (folder, maker, what it is)
SETS = {
    "linux": ("linux-source-6.1", make_linux, "the unpacked source of Linux 6.1: 79,000 files, 1.2 GB"),
    "million": ("million", make_million, "a million small files, 10,000 folders"),
    "random": ("rnd", make_random, "one random file of 3 GB"),
}


def data_set(name, folder):
    where, make, _ = SETS[name]
    path = folder / where
    if not path.exists():
        print(f"making {path} …", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    return path


# ---- measuring ----

class TreeMemory(threading.Thread):
    """The largest sum of resident memory of a process and its descendants: os.wait4 knows only the largest single process."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.05):
            self.peak = max(self.peak, sum(map(self._resident, self._tree())))

    def _tree(self):
        found, index = [self.pid], 0
        while index < len(found):
            try:
                found += map(int, Path(f"/proc/{found[index]}/task/{found[index]}/children").read_text().split())
            except OSError:
                pass
            index += 1
        return found

    @staticmethod
    def _resident(pid):
        try:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0


def measure(command, environment, cwd=None):
    """{"wall": s, "cpu": s, "memory": bytes} of a command that must succeed."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=errors)
        watch = TreeMemory(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.over.set()
        watch.join()
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}\n{errors.read().decode(errors='replace')[-2000:]}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": max(usage.ru_maxrss * 1024, watch.peak)}


def apparent_bytes(folder):
    return sum(os.lstat(os.path.join(top, name)).st_size for top, _, names in os.walk(folder) for name in names)


class Tool:
    """Commands of one program; `work` holds its repository and caches."""

    def __init__(self, work):
        self.work = work / self.name
        self.repository = self.work / "repository"

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        measure(self.init(), self.environment())


class Pulih(Tool):
    name = "pulih"

    def environment(self):
        password = self.work / "password"
        password.write_text(PASSPHRASE + "\n")
        password.chmod(0o600)
        return {"PULIH_REPOSITORY": str(self.repository), "PULIH_PASSWORD_FILE": str(password), "PULIH_STATE_DIR": str(self.work / "state")}

    def version(self):
        return subprocess.run([PULIH, "version"], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()[0]

    def init(self):
        return [PULIH, "init"]

    def backup(self, source):
        return [PULIH, "backup", "-q", source]

    def restore(self, out):
        return [PULIH, "restore", "-q", "latest", "-t", out]

    def verify(self):
        return [PULIH, "verify", "-q", "--tier", "content"]


class Restic(Tool):
    name = "restic"

    def environment(self):
        return {"RESTIC_PASSWORD": PASSPHRASE, "RESTIC_REPOSITORY": str(self.repository), "RESTIC_CACHE_DIR": str(self.work / "cache")}

    def version(self):
        return subprocess.run(["restic", "version"], stdout=subprocess.PIPE, check=True).stdout.decode().split(" compiled")[0]

    def init(self):
        return ["restic", "init", "-q"]

    def backup(self, source):
        return ["restic", "backup", "-q", source]

    def restore(self, out):
        return ["restic", "restore", "-q", "latest", "-t", out]

    def verify(self):
        return ["restic", "check", "-q", "--read-data"]


class Borg(Tool):
    name = "borg"
    archives = 0

    def environment(self):
        return {"BORG_PASSPHRASE": PASSPHRASE, "BORG_REPO": str(self.repository), "BORG_BASE_DIR": str(self.work / "base"),
                "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}

    def version(self):
        return subprocess.run(["borg", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()

    def init(self):
        self.archives = 0
        return ["borg", "init", "--encryption", "repokey-blake2"]

    def backup(self, source):
        self.archives += 1
        return ["borg", "create", "--compression", "zstd,3", f"::a{self.archives}", source]

    def restore(self, out):
        return ["borg", "extract", "--numeric-ids", f"::a{self.archives}"]

    def verify(self):
        return ["borg", "check", "--verify-data"]


def durable(command):
    """A restore is done when the disk has it: pulih's exit code waits for that, the others' does not."""
    return ["sh", "-c", '"$@" && sync -f .', "sh", *command]


def one_run(tools, source, work):
    """{tool: {step: figures}} of one round."""
    figures = {tool.name: {} for tool in tools}
    for tool in tools:
        tool.fresh()
    for step in STEPS:
        for tool in tools:
            environment = tool.environment()
            # Each time and for each tool: the kernel may have dropped what nobody touched while another tool was at work.
            warm(tool.repository if step in ("restore", "verify") else source, contents=step != "unchanged")
            if step == "restore":
                out = work / "restored"
                out.mkdir()
                found = measure(durable(tool.restore(out)), environment, cwd=out)
                shutil.rmtree(out)
            elif step == "verify":
                found = measure(tool.verify(), environment)
            else:
                found = measure(tool.backup(source), environment)
                found["stored"] = apparent_bytes(tool.repository)
            figures[tool.name][step] = found
            print(f"  {step:10} {tool.name:7} {found['wall']:8.2f} s  {found['cpu']:8.2f} CPU s  {found['memory'] / 1e6:7.0f} MB", flush=True)
            os.sync()
    return figures


def references(source):
    """What the machine needs for less: the walk alone, and tar | zstd."""
    walk = measure(["find", source, "-printf", "%p %s %T@\\n"], {})
    packed = subprocess.Popen(["sh", "-c", 'tar -C "$1" -cf - . | zstd -q -3 | wc -c', "sh", source], stdout=subprocess.PIPE)
    started = time.monotonic()
    size = int(packed.communicate()[0])
    _, wall = packed.wait(), time.monotonic() - started
    return {"walk": walk["wall"], "tar": wall, "tar_bytes": size}


def warm(folder, contents=True):
    """What the step before left to be written is on the disk, and all that this one reads is in memory: twice, since this kernel takes
    pages away soon that were touched once."""
    os.sync()
    read = 'find "$1" -type f -print0 | xargs -0 -r -P 8 -n 200 cat >/dev/null' if contents else 'find "$1" -printf "%s %T@" >/dev/null'
    for _ in range(2):
        subprocess.run(["sh", "-c", read, "sh", folder], check=True)


# ---- report ----

def median(runs, tool, step, what):
    values = [run[tool][step][what] for run in runs if tool in run and what in run[tool][step]]
    return statistics.median(values) if values else None


def judge(name, step, what, ours, restic, walk):
    kind, bound = THRESHOLDS[name].get((step, what), (None, None))
    if kind is None or (kind == "restic" and restic is None):
        return ""
    figure, words = {"restic": (ours / (restic or 1), f"{bound:g} × restic"), "find": (ours / walk, f"{bound:g} × find: {bound * walk:.2f}"),
                     "bytes": (ours, f"{bound / (1e6 if what == 'stored' else MIB):.0f} {'MB' if what == 'stored' else 'MiB'}")}[kind]
    return f"{'PASS' if figure <= bound else 'MISS'} (≤ {words})"


def cell(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def table(name, runs, reference):
    lines = [f"## {SETS[name][2]}", "",
             f"For comparison: `find -printf` {reference['walk']:.2f} s; `tar | zstd -3` {reference['tar']:.2f} s, {reference['tar_bytes'] / 1e6:.0f} MB.",
             "", "| step | measure | pulih | restic | borg | pulih / restic | pulih / borg | asked for |", "|---|---|---:|---:|---:|---:|---:|---|"]
    for step in STEPS:
        for what, title in MEASURES.items():
            values = [median(runs, tool, step, what) for tool in ("pulih", "restic", "borg")]
            ours, restic, borg = values
            if ours is None:
                continue
            scale, digits = {"memory": (MIB, 1), "stored": (1e6, 1)}.get(what, (1, 2))
            cells = [cell(value and value / scale, digits) for value in values] + [cell(other and ours / other, 2) for other in (restic, borg)]
            lines.append(f"| {step} | {title} | {' | '.join(cells)} | {judge(name, step, what, ours, restic, reference['walk'])} |")
    return "\n".join(lines) + "\n"


def machine():
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
    return f"{cpu}, {len(os.sched_getaffinity(0))} processors, {memory} MB of memory, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description="pulih, restic and borg side by side")
    parser.add_argument("--sets", default=os.environ.get("BENCH_SETS", ",".join(SETS)), help="of " + ", ".join(SETS))
    parser.add_argument("--runs", type=int, default=int(os.environ.get("BENCH_RUNS", "3")))
    parser.add_argument("--dir", default=os.environ.get("BENCH_DIR"), help="scratch folder; several times the data must fit")
    parser.add_argument("--tools", default="pulih,restic,borg", help="of pulih, restic, borg")
    parser.add_argument("--data", help="folder with data sets of an earlier run")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    names = options.sets.replace(",", " ").split()
    for name in names:
        if name not in SETS:
            parser.error(f"there is no data set {name}")
    scratch = Path(options.dir or os.path.join(tempfile.gettempdir(), "pulih-bench")).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    data = Path(options.data).resolve() if options.data else scratch / "data"
    work = Path(tempfile.mkdtemp(prefix="run-", dir=scratch))
    try:
        tools = [tool(work) for tool in (Pulih, Restic, Borg) if tool.name in options.tools.split(",")]
        text = [f"# Benchmarks\n\nMade by `make bench BENCH_OPTIONS=--write` (`tests/bench/bench.py` says how), median of {options.runs} runs, warm cache, "
                f"the tools in turn. All encrypt; pulih and borg compress with zstd level 3, restic with its default. Smaller is better everywhere.\n\n"
                f"{machine()}. {', '.join(tool.version() for tool in tools)}.\n"]
        for name in names:
            source = data_set(name, data)
            warm(source)
            reference = references(source)
            runs = []
            for number in range(options.runs):
                print(f"{name}, run {number + 1} of {options.runs}", flush=True)
                order = tools[number % len(tools):] + tools[:number % len(tools)]
                runs.append(one_run(order, source, work))
            text.append(table(name, runs, reference))
            print(text[-1], flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.write:
        (TOP / "docs" / "benchmarks.md").write_text("\n".join(text))
        print("written: docs/benchmarks.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
