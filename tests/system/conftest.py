import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import trees  # noqa: E402
from pulih import BINARY, Pulih  # noqa: E402

needs_root = pytest.mark.skipif(not trees.IS_ROOT, reason="needs root")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes; runs with SLOW=1")


def pytest_collection_modifyitems(config, items):
    if not os.environ.get("PULIH_SLOW"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: make SLOW=1 system"))


@pytest.fixture(scope="session", autouse=True)
def binary():
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"there is no program to test at {BINARY}: run make", returncode=1)


@pytest.fixture
def work():
    """A folder of this test's own that other users may enter, taken away whatever is in it."""
    folder = Path(tempfile.mkdtemp(prefix="pulih-test-")).resolve()
    folder.chmod(0o755)
    yield folder
    trees.release(folder)


@pytest.fixture
def source(work):
    folder = work / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def out(work):
    """Where restores go; not there yet."""
    return work / "restored"


@pytest.fixture
def bare(work):
    """The program with a repository path at which nothing is yet."""
    return Pulih(work / "pulih")


@pytest.fixture
def pulih(bare):
    return bare.init()


@pytest.fixture(scope="session")
def _everything():
    folder = Path(tempfile.mkdtemp(prefix="pulih-everything-")).resolve()
    yield trees.make_everything(folder / "tree")
    trees.release(folder)


@pytest.fixture
def everything(_everything):
    """The tree with all that file systems can hold. Read only: it is made once."""
    return os.fsdecode(_everything)


@pytest.fixture
def small(source):
    """A few files, folders and a link, 3 MB in all."""
    tree = trees.RandomTree(source / "small", 42)
    for _ in range(4):
        tree.make_folder()
    for _ in range(25):
        tree.make_file()
    tree.make_link()
    tree.make_hard_link()
    (source / "small" / "big").write_bytes(tree.rng.randbytes(3 << 20))
    return source / "small"


@pytest.fixture(scope="session", autouse=True)
def leave_nothing():
    yield
    shutil.rmtree(Path(__file__).parent / "__pycache__", ignore_errors=True)
