"""How processes share the cores: each sees the others that compute, for as long as they live."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resnet_studio.cores import SPIN, CoreShare, bound_spinning, claims_folder

HOLD = """
import sys
from pathlib import Path
from resnet_studio.cores import CoreShare
share = CoreShare(Path(sys.argv[1]))
share.claim()
print("claimed", flush=True)
for line in sys.stdin:
    share.release() if line == "release\\n" else share.claim()
    print(line, end="", flush=True)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that computes."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        yield process
        process.kill()


def say(process: subprocess.Popen[str], what: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    assert process.stdout.readline() == f"{what}\n"


def test_alone_a_process_has_all_cores(tmp_path: Path) -> None:
    share = CoreShare(tmp_path / "not" / "there")
    assert (share.others(), share.threads(8)) == (0, 8)
    with share.claimed():
        assert (share.others(), share.threads(8)) == (0, 8)
    assert list((tmp_path / "not" / "there").iterdir()) == []


@pytest.mark.parametrize(("most", "part"), [(1, 1), (2, 1), (3, 1), (16, 8)])
def test_two_have_half_each(tmp_path: Path, most: int, part: int) -> None:
    share = CoreShare(tmp_path)
    with holder(tmp_path) as other, share.claimed():
        assert share.threads(most) == part
        say(other, "release")
        assert share.threads(most) == most
        say(other, "claim")
        assert share.threads(most) == part


def test_three_have_a_third_each_and_never_none(tmp_path: Path) -> None:
    with holder(tmp_path), holder(tmp_path), CoreShare(tmp_path).claimed() as share:
        assert [share.threads(most) for most in (1, 2, 3, 8, 12)] == [1, 1, 1, 2, 4]


def test_a_process_that_was_killed_counts_no_more(tmp_path: Path) -> None:
    share = CoreShare(tmp_path)
    with holder(tmp_path) as other:
        assert share.others() == 1
        other.kill()
        other.wait()
        assert len(list(tmp_path.iterdir())) == 1  # what it left
        assert share.others() == 0
        assert list(tmp_path.iterdir()) == []


def test_counting_the_others_releases_no_claim(tmp_path: Path) -> None:
    one, other = CoreShare(tmp_path), CoreShare(tmp_path)
    with one.claimed():
        assert [other.others() for _ in range(3)] == [1, 1, 1]
        with one.released():
            assert other.others() == 0
        assert other.others() == 1


def test_where_no_lock_can_be_held_a_process_counts_as_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with CoreShare(tmp_path / "file").claimed() as share:
        assert share.threads(4) == 4


def test_claims_are_the_users_own() -> None:
    assert claims_folder().is_relative_to(os.environ["XDG_CACHE_HOME"])


def test_the_environments_own_word_on_spinning_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SPIN, "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    bound_spinning()
    assert (os.environ["GOMP_SPINCOUNT"], os.environ["KMP_BLOCKTIME"]) == ("7", SPIN["KMP_BLOCKTIME"])
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    bound_spinning()
    assert "GOMP_SPINCOUNT" not in os.environ
