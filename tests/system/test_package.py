"""The Debian package and what it brings. With PULIH_DEB (make deb-test, make SLOW=1 system) it is installed, used and purged in a
throw-away root: this machine's files below a layer that takes every change, in a mount namespace that ends with the test."""
import hashlib
import os
import re
import stat
import subprocess
import time
from pathlib import Path

import pytest

from conftest import needs_root
from pulih import TIMEOUT, TOP

DEB = os.environ.get("PULIH_DEB")
needs_deb = pytest.mark.skipif(not DEB, reason="no package was built: make deb-test")
EXAMPLES = sorted((TOP / "conf" / "examples").glob("*.yaml"))
KEY = "/etc/pulih/backup.key"
# Where dpkg and its triggers keep their own books.
BOOKS = ("var/lib/dpkg/", "var/log/", "var/cache/", "etc/ld.so.cache", "run/")


def fields(paragraph):
    """The fields of one paragraph of debian/control."""
    return {name: " ".join(value.split()) for name, value in re.findall(r"^([A-Z][\w-]*):(.*(?:\n[ \t].*)*)", paragraph, re.M)}


def names(packages):
    return {name.strip().split()[0] for name in packages.split(",") if name.strip()}


def test_the_package_needs_what_make_deps_installs():
    source, package = map(fields, (TOP / "debian" / "control").read_text().split("\n\n"))
    listed = re.search(r"^BUILD_PACKAGES :=((?:.*\\\n)*.*)", (TOP / "tests" / "tests.mk").read_text(), re.M).group(1)
    listed = set(listed.replace("\\\n", " ").split())
    assert "libarchive-dev" in listed
    fonts = {name for name in listed if name.startswith("fonts-")}
    # gcc, make and the C library's headers are in build-essential
    assert names(source["Build-Depends"]) - {"debhelper-compat"} == listed - fonts - {"gcc", "make", "libc6-dev"}
    assert fonts <= names(package["Depends"])


def test_the_version_is_that_of_the_changelog(bare):
    head = (TOP / "debian" / "changelog").read_text().splitlines()[0]
    assert bare("version").text == f"pulih {re.match(r'pulih [(](.*)[)] ', head).group(1)}\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_right(bare, example, work):
    text = example.read_text()
    missing = bare("config", "check", "-c", example, code=2)
    if not os.path.exists(KEY):
        assert KEY.encode() in missing.err, missing
    key = work / "backup.key"
    key.write_text("a key")
    key.chmod(0o600)
    copy = work / "pulih.yaml"
    copy.write_text(text.replace(KEY, str(key)))
    assert "is good: 1 job, 1 target" in bare("config", "check", "-c", copy).text
    # what stands behind a '#' is right as well
    lines = re.sub(r"^( +)# (- sqlite: )", r"\1\2", copy.read_text(), flags=re.M)
    assert lines != copy.read_text()
    copy.write_text(lines)
    bare("config", "check", "-c", copy)


def test_examples_are_of_the_sop():
    found = {path.stem: re.search(r"number: (.*)\n +item: (.*)\n", path.read_text()).groups() for path in EXAMPLES}
    assert found == {"as29-d7": ("AS/29", "D7"), "as28-2": ("AS/28", '"2"')}


# ---- the package itself ----

@needs_deb
def test_lintian():
    # an override may be about units, which are not in every build
    unused = [] if list((TOP / "conf").glob("systemd/*")) else ["--suppress-tags", "unused-override"]
    result = subprocess.run(["lintian", "--allow-root", "--info", "--display-info", "--pedantic", "--fail-on", "error,warning,info,pedantic", *unused, DEB],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout.decode()


ENTER = """\
mount -t tmpfs -o mode=755 tmpfs "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay -o lowerdir=/,upperdir="$0/upper",workdir="$0/work" overlay "$0/root"
mount -t proc proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
for folder in home srv tmp root; do mount -t tmpfs -o mode=755 tmpfs "$0/root/$folder"; done
rm -rf "$0/root"/etc/dpkg/dpkg.cfg.d "$0/root/etc/pulih" "$0/root/var/lib/pulih"
touch "$0/ready"
exec sleep infinity
"""


class Root:
    def __init__(self, folder):
        folder.mkdir()
        self.holder = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTER, folder], stdin=subprocess.DEVNULL)
        self.folder = folder
        end = time.monotonic() + TIMEOUT
        while not self.namespace or not self.place.joinpath("ready").exists():
            assert self.holder.poll() is None and time.monotonic() < end, "no throw-away root: is this user root, does the kernel have overlayfs?"
            time.sleep(0.01)
        self.before = self.changes()

    @property
    def namespace(self):
        """The process that holds the root."""
        return Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().strip()

    @property
    def place(self):
        return Path(f"/proc/{self.namespace}/root{self.folder}")

    def path(self, inside):
        return self.place / "root" / inside.lstrip("/")

    def __call__(self, script, code=0):
        """What a shell in that root prints, errors too."""
        result = subprocess.run(
            ["nsenter", "-t", self.namespace, "-m", "-p", "chroot", self.folder / "root",
             "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT)
        text = result.stdout.decode("utf-8", "replace")
        assert result.returncode == code, f"exit {result.returncode}: {script}\n{text}"
        return text

    def install(self):
        self.path("tmp/pulih.deb").write_bytes(Path(DEB).read_bytes())
        return self("dpkg -i /tmp/pulih.deb")

    def changes(self):
        """{path: what is there} of all that this root has and the machine has not; its own tmpfs (home, root, srv, tmp) apart."""
        upper = self.place / "upper"
        found = {}
        for folder, folders, files in os.walk(upper):
            for name in folders + files:
                path = Path(folder, name)
                inside = str(path.relative_to(upper))
                status = path.lstat()
                if inside.startswith(BOOKS) or (stat.S_ISDIR(status.st_mode) and Path("/", inside).is_dir()):
                    continue
                content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
                found[inside] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, content)
        return found

    def added(self):
        return {path: what for path, what in self.changes().items() if self.before.get(path) != what}

    def tree(self, inside):
        """{path: content} of the files below a folder."""
        top = self.path(inside)
        return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}

    def close(self):
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def root(work):
    made = Root(work / "throw-away")
    yield made
    made.close()


@needs_root
@needs_deb
def test_nothing_is_left_of_a_package_that_was_not_used(root):
    root.install()
    added = root.added()
    assert {"usr/bin/pulih", "usr/share/man/man1/pulih.1.gz", "usr/share/man/man5/pulih.yaml.5.gz", "usr/share/doc/pulih/manual/id.md",
            "usr/share/doc/pulih/manual/en.md", "usr/share/doc/pulih/README.Debian", "usr/share/doc/pulih/examples/pulih.example.yaml",
            "usr/share/doc/pulih/examples/as29-d7.yaml", "usr/share/doc/pulih/examples/as28-2.yaml", "usr/share/bash-completion/completions/pulih",
            "usr/share/zsh/vendor-completions/_pulih"} <= set(added)
    assert {f"lib/systemd/system/{unit.name}" for unit in (TOP / "conf").glob("systemd/*")} <= {path.removeprefix("usr/") for path in added}
    assert all(what[1:3] == (0, 0) for what in added.values())
    modes = {folder: stat.filemode(root.path(folder).stat().st_mode) for folder in ("etc/pulih", "var/lib/pulih")}
    assert modes == {"etc/pulih": "drwxr-x---", "var/lib/pulih": "drwx------"}
    assert added["usr/bin/pulih"][0] == "-rwxr-xr-x"
    for example in (TOP / "conf" / "pulih.example.yaml", *EXAMPLES):
        assert root.path(f"usr/share/doc/pulih/examples/{example.name}").read_bytes() == example.read_bytes()
    root("dpkg --purge pulih")
    assert root.added() == {}
    assert not root.path("etc/pulih").exists() and not root.path("var/lib/pulih").exists()


@needs_root
@needs_deb
def test_what_is_installed_works(root, bare):
    root.install()
    assert root("pulih version") == bare("version").text
    assert root("pulih help") == bare("help").text
    assert "backups that prove themselves" in root("man -P cat pulih") and "configuration of pulih" in root("man -P cat pulih.yaml")
    assert "_pulih" in root("bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader pulih; complete -p pulih'")
    assert root("zsh -fc 'autoload -Uz compinit; compinit -u -D; print -r -- $_comps[pulih]'") == "_pulih\n"


USE = """\
mkdir -p /srv/data /var/backups; echo 'surat keputusan' > /srv/data/surat
echo 'lima kata yang tidak ditebak' > /root/passphrase; chmod 600 /root/passphrase
export PULIH_PASSWORD_FILE=/root/passphrase
pulih init -r {repository}
pulih key issue-writer -r {repository} --append-only -o /etc/pulih/backup.key
unset PULIH_PASSWORD_FILE
sed 's|/srv/pulih|{repository}|' /usr/share/doc/pulih/examples/as29-d7.yaml > /etc/pulih/pulih.yaml
pulih config check
pulih run --all
pulih report show latest
"""
RECORD = "rm -f /tmp/record; pulih report list; pulih report export latest --format json -o /tmp/record; cat /tmp/record"
RESTORE = "pulih restore -r {repository} -p /root/passphrase latest:/srv/data -t /root/back --verify; cmp /srv/data/surat /root/back/surat; rm -r /root/back"


def caches(root):
    """Folders of the state folder that belong to a repository, and are none."""
    top = root.path("var/lib/pulih")
    return [path for path in top.iterdir() if re.fullmatch("[0-9a-f]{32}", path.name) and not (path / "packs").exists()]


@needs_root
@needs_deb
# The second place is one where nobody would look for it: a name that a cache might have.
@pytest.mark.parametrize("repository", ["/srv/pulih", "/var/lib/pulih/" + 32 * "a"])
def test_what_removal_and_purge_leave(root, repository):
    root.install()
    shown = root(USE.format(repository=repository))
    assert "is good: 1 job, 1 target" in shown and "AS/29" in shown
    root(RESTORE.format(repository=repository))
    stored, state, etc = root.tree(repository), root.tree("var/lib/pulih"), root.tree("etc/pulih")
    record = root(RECORD)
    assert len(stored) > 5 and sorted(etc) == ["backup.key", "pulih.yaml"]
    assert len(caches(root)) == 1 and root.path("var/lib/pulih/runs").is_dir()

    root("dpkg -i /tmp/pulih.deb")  # as an upgrade does
    root("dpkg --remove pulih")
    assert not root.path("usr/bin/pulih").exists()
    assert root.tree("etc/pulih") == etc and root.tree("var/lib/pulih") == state and root.tree(repository) == stored
    said = root("dpkg --purge pulih")
    assert root.tree(repository) == stored
    assert root.tree("etc/pulih") == {"backup.key": etc["backup.key"]}
    kept = root.tree("var/lib/pulih")
    assert kept.items() <= state.items()
    assert not caches(root) and not root.path("var/lib/pulih/runs").exists()
    assert "/etc/pulih stays" in said and "backup.key" in said
    assert "/var/lib/pulih stays" in said and all(name in said for name in os.listdir(root.path("var/lib/pulih")))
    assert all(path.startswith(("etc/pulih", "var/lib/pulih", "var/backups")) for path in root.added()), root.added()

    root.install()
    assert root(RECORD) == record
    root(RESTORE.format(repository=repository))
