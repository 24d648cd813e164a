"""Exclude patterns through the command line: as gitignore and restic have them."""
import os

import pytest

FILES = ["a.txt", "a.log", "cache/1", "cache/sub/2", "src/cache/3", "src/a.log", "src/keep.log", "src/deep/er/b.log", "src/deep/cache", "build/x.o",
         "sub/build/y.o", "with space", "[odd]", "UPPER.TXT", "é.txt", "ab.txt"]

CASES = [
    (["*.log"], ["a.log", "src/a.log", "src/keep.log", "src/deep/er/b.log"]),
    (["*.log", "!keep.log"], ["a.log", "src/a.log", "src/deep/er/b.log"]),
    (["!keep.log", "*.log"], ["a.log", "src/a.log", "src/keep.log", "src/deep/er/b.log"]),
    (["cache"], ["cache/1", "cache/sub/2", "src/cache/3", "src/deep/cache"]),
    (["cache/"], ["cache/1", "cache/sub/2", "src/cache/3"]),
    (["cache/", "!cache/1"], ["cache/1", "cache/sub/2", "src/cache/3"]),  # below an excluded folder nothing is taken back
    (["**/cache/3"], ["src/cache/3"]),
    (["**/er"], ["src/deep/er/b.log"]),
    (["src/**/b.log"], None),
    (["?.txt"], ["a.txt", "é.txt"]),
    (["[ab].txt"], ["a.txt"]),
    (["[!a].txt"], ["é.txt"]),
    (["\\[odd\\]"], ["[odd]"]),
    (["# a comment", "with space"], ["with space"]),
    (["upper.txt"], []),
    (["a*"], ["a.txt", "a.log", "src/a.log", "ab.txt"]),
    (["*"], FILES),
]


@pytest.fixture
def tree(source):
    for name in FILES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(name.encode())
    return source


def restored_files(pulih, out, source):
    pulih.restore(out)
    top = pulih.restored(out, source)
    return sorted(os.path.relpath(os.path.join(folder, name), top) for folder, _, names in os.walk(top) for name in names)


@pytest.mark.parametrize("patterns, gone", CASES, ids=[" ".join(c[0]) for c in CASES])
def test_patterns(pulih, tree, out, patterns, gone):
    if gone is None:  # a '/' inside anchors the pattern to the root of what it is asked for
        gone = []
    pulih("backup", tree, *[word for pattern in patterns for word in ("--exclude", pattern)])
    assert restored_files(pulih, out, tree) == sorted(set(FILES) - set(gone))


@pytest.mark.parametrize("pattern, gone", [("{}/src/**/b.log", ["src/deep/er/b.log"]), ("{}/cache", ["cache/1", "cache/sub/2"]),
                                           ("{}/src/*.log", ["src/a.log", "src/keep.log"]), ("{}/*/build", ["sub/build/y.o"])])
def test_anchored(pulih, tree, out, pattern, gone):
    pulih("backup", tree, "--exclude", pattern.format(tree))
    assert restored_files(pulih, out, tree) == sorted(set(FILES) - set(gone))


def test_file_of_patterns(pulih, tree, work, out):
    (work / "patterns").write_text("# what can be made again\n*.o\n\n*.log\n!keep.log\n")
    pulih("backup", tree, "--exclude-file", work / "patterns")
    assert restored_files(pulih, out, tree) == sorted(set(FILES) - {"build/x.o", "sub/build/y.o", "a.log", "src/a.log", "src/deep/er/b.log"})


@pytest.mark.parametrize("pattern", ["[", "a[b"])
def test_wrong_pattern_is_refused(pulih, tree, pattern):
    result = pulih("backup", tree, "--exclude", pattern, code=2)
    assert "PL-1304" in result.everything and pattern in result.everything


def test_file_of_patterns_that_is_not_there(pulih, tree, work):
    pulih("backup", tree, "--exclude-file", work / "nothing", code=(1, 2))
    assert pulih.snapshots() == []


def test_caches(pulih, tree, out):
    (tree / "cache" / "CACHEDIR.TAG").write_bytes(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    (tree / "build" / "CACHEDIR.TAG").write_bytes(b"something else\n")
    pulih("backup", tree, "--exclude-caches")
    assert restored_files(pulih, out, tree) == sorted((set(FILES) | {"cache/CACHEDIR.TAG", "build/CACHEDIR.TAG"}) - {"cache/1", "cache/sub/2"})


def test_if_present(pulih, tree, out):
    (tree / "src" / ".nobackup").write_bytes(b"")
    pulih("backup", tree, "--exclude-if-present", ".nobackup")
    assert restored_files(pulih, out, tree) == sorted({n for n in FILES if not n.startswith("src/")} | {"src/.nobackup"})


def test_argument_is_never_excluded(pulih, tree, out):
    pulih("backup", tree / "cache", "--exclude", "cache")
    assert "1" in restored_files(pulih, out, tree / "cache")


def test_explain(pulih, tree):
    result = pulih("excludes", "explain", tree / "a.log", "--exclude", "*.log", code=None)
    assert "*.log" in result.everything
