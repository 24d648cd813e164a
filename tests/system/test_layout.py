"""The layers, the file sizes, the messages: what docs/ARCHITECTURE.md promises about the source."""
import re
import subprocess
import sys

import pytest

from pulih import BINARY, TOP, messages_of_source

# Who may include whom, besides itself.
LAYERS = {
    "core": set(),
    "targets": {"core"},
    "conf": {"core"},
    "restore": {"core"},
    "scheduler": {"core", "restore", "conf", "targets"},
    "cli": {"core", "restore", "conf", "targets", "scheduler"},
}
SECTIONS = {10: "system", 11: "keys", 12: "repository", 13: "sources", 14: "backup", 15: "restore", 16: "verify", 17: "configuration", 18: "command line",
            19: "records", 20: "schedule and notifications", 21: "other machines"}


def sources(*patterns):
    return sorted(path for folder in LAYERS for pattern in patterns for path in (TOP / folder).rglob(pattern))


def code_of(path):
    """The text without comments and strings."""
    text = path.read_text()
    text = re.sub(r'"(?:[^"\\\n]|\\.)*"', lambda m: m.group() if "#include" in text[text.rfind("\n", 0, m.start()) + 1:m.start()] else '""', text)
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def test_no_folder_includes_what_lies_above_it():
    found = []
    for path in sources("*.c", "*.h"):
        layer = path.relative_to(TOP).parts[0]
        for included in re.findall(r'#\s*include\s*"([^"]+)"', path.read_text()):
            other = included.split("/")[0]
            if other not in LAYERS:
                found.append(f"{path.relative_to(TOP)}: \"{included}\" is no path from the top of the tree")
            elif other != layer and other not in LAYERS[layer]:
                found.append(f"{path.relative_to(TOP)} includes {included}")
    assert not found, "\n".join(found)


def test_files_are_short():
    long = [f"{path.relative_to(TOP)}: {count} lines" for path in sources("*.c") if (count := len(path.read_text().splitlines())) > 500]
    assert not long, "split by verb:\n" + "\n".join(long)


def test_raw_allocation_only_in_base():
    """mem.h poisons the calls; a file that does not include it escapes that."""
    raw = re.compile(r"\b(malloc|calloc|realloc|strdup|strndup|sprintf|vsprintf|strcpy|strcat|asprintf|vasprintf)\s*\(")
    found = [f"{path.relative_to(TOP)}: {m.group()}" for path in sources("*.c", "*.h") if not path.is_relative_to(TOP / "core/base")
             for m in raw.finditer(code_of(path))]
    assert not found, "\n".join(found)


def test_nothing_unfinished():
    words = re.compile(r"\b(TODO|FIXME|XXX)\b|not (yet )?implemented", re.I)
    found = [f"{path.relative_to(TOP)}: {m.group()}" for path in sources("*.c", "*.h") for m in words.finditer(path.read_text())]
    assert not found, "\n".join(found)


def test_exported_names_belong_to_their_file():
    """What foo.c exports is called foo_*, or is declared in a header."""
    declared = "\n".join(path.read_text() for path in sources("*.h"))
    declared = set(re.findall(r"\b([a-z_][a-z0-9_]*)\s*[\(\[;=]", declared))
    objects = sorted((TOP / "build").glob("*/**/*.o"))
    objects = [path for path in objects if path.relative_to(TOP / "build").parts[0] in LAYERS]
    if not objects:
        pytest.skip("nothing was built in build/")
    lines = subprocess.run(["nm", "-g", "--defined-only", "-A", *objects], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    stray = [line for line in lines if (name := line.split()[-1]) not in declared and name != "main" and not name.startswith("__")]
    # option tables of commands are declared where they are listed
    stray = [line for line in stray if not line.endswith("_command")]
    assert not stray, "exported, declared nowhere:\n" + "\n".join(stray)


def test_messages_ascend_and_are_unique():
    rows = messages_of_source()
    text = (TOP / "core/base/messages.def").read_text()
    assert len(rows) == len(re.findall(r"^MESSAGE\(", text, re.M)), "a line of messages.def does not parse"
    numbers = [row[0] for row in rows]
    assert numbers == sorted(set(numbers))
    assert len({row[1] for row in rows}) == len(rows)
    for number, name, _, cause, remedy in rows:
        assert number // 100 in SECTIONS
        assert cause.endswith((".", "?")) and remedy.endswith((".", "?")), f"PL-{number} {name}: cause and remedy are sentences"


def test_every_message_is_used():
    text = "\n".join(path.read_text() for path in sources("*.c", "*.h"))
    unused = [f"PL-{number} {name}" for number, name, *_ in messages_of_source() if not re.search(rf"\bPL_{name}\b", text)]
    assert not unused, ", ".join(unused)


def commands_of_program():
    listed = subprocess.run([BINARY, "help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    commands = set(re.findall(r"^  ([a-z][a-z -]*?)  +\S", listed, re.M))
    assert {"backup", "key list"} <= commands
    return commands


def test_messages_name_commands_that_exist():
    commands = commands_of_program()
    for number, _, _, cause, remedy in messages_of_source():
        for words in re.findall(r"\bpulih ([a-z-]+(?: [a-z-]+)?)", f"{cause} {remedy}"):
            assert words in commands or words.split()[0] in commands, f"PL-{number} names pulih {words}: there is no such command"


@pytest.mark.parametrize("page", ["docs/manual/en.md", "docs/manual/id.md", "README.md"])
def test_documents_name_commands_that_exist(page):
    """Commands in blocks and in backquotes, with every option that they show."""
    commands = commands_of_program()
    text = (TOP / page).read_text()
    lines = [line for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)
    shown = [line.split("#")[0] for line in lines if re.match(r"(?:[A-Z_]+=\S+ )*pulih [a-z]", line)]
    assert shown
    for line in shown:
        words = line[line.index("pulih ") + len("pulih "):].split()
        command = next((name for name in (" ".join(words[:2]), words[0]) if name in commands), None)
        assert command, f"{page}: {line}: there is no such command"
        known = subprocess.run([BINARY, "help", *command.split()], stdout=subprocess.PIPE, check=True).stdout.decode()
        known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", known))
        for option in (word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)):
            assert option in known, f"{page}: {line}: {command} has no {option}"


def test_manuals_are_twins():
    """The two languages show the same steps: the same commands in the same order, names of files and labels aside."""
    def shape(name):
        text = (TOP / "docs/manual" / name).read_text()
        text = text.replace("second", "kedua").replace("sheet.pdf", "lembar.pdf").replace("report.pdf", "laporan.pdf").replace("recap.pdf", "rekap.pdf").replace("/root/test", "/root/uji")
        text = text.replace("/root/back", "/root/kembali").replace("/root/restored", "/root/pulihan").replace("'web server'", "'server web'")
        text = text.replace("schedule.pdf", "jadwal.pdf").replace("situation.pdf", "situasi.pdf")
        return re.findall(r"^#+|^```.*?^```", text, re.M | re.S)

    assert shape("en.md") == shape("id.md")


def test_page_of_messages_is_in_step():
    """docs/messages.md has every message of messages.def, and is what `make messages` makes."""
    text = (TOP / "docs/messages.md").read_text()
    rows = {int(number): rest for number, rest in re.findall(r"^\| PL-(\d+) \| (.*) \|$", text, re.M)}
    assert list(rows) == [number for number, *_ in messages_of_source()]
    for number, _, _, cause, remedy in messages_of_source():
        assert rows[number].startswith(f"{cause} | {remedy} | "), f"PL-{number}: run make messages"
    listed = subprocess.run([BINARY, "help", "messages", "--json"], stdout=subprocess.PIPE, check=True).stdout
    made = subprocess.run([sys.executable, TOP / "docs/messages.py"], input=listed, stdout=subprocess.PIPE, check=True).stdout
    assert made.decode() == text, "run make messages"


@pytest.mark.parametrize("page", ["docs/ARCHITECTURE.md", "docs/format.md", "docs/threat-model.md", "docs/messages.md", "docs/manual/en.md", "docs/manual/id.md",
                                  "README.md"])
def test_paths_in_documents_exist(page):
    text = (TOP / page).read_text()
    named = set(re.findall(r"`((?:core|targets|restore|scheduler|conf|cli|tests|docs)/[\w./*-]*)`", text))
    named |= set(re.findall(r"\]\((?!https?:)([^)#]+)", text))
    base = (TOP / page).parent
    missing = [name for name in sorted(named) if not list(TOP.glob(name.rstrip("/"))) and not (base / name).exists()]
    assert not missing, f"{page} names what does not exist: {missing}"


def test_architecture_names_every_folder():
    text = (TOP / "docs/ARCHITECTURE.md").read_text()
    folders = {str(path.parent.relative_to(TOP)) for path in sources("*.c", "*.h")}
    missing = [folder for folder in sorted(folders) if f"`{folder}/`" not in text]
    assert not missing, f"docs/ARCHITECTURE.md says nothing of {missing}"
