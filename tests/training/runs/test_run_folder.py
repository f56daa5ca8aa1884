"""The folder of a run: naming, creation, reading, listing and requests, with concurrent processes and failures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import Manifest, RunError

MANIFEST = Manifest(
    name="first try", architecture=preset("resnet20-cifar"), recipe=RECIPES["digits-quick"], created=1_700_000_000.5,
    command=("resnet-studio", "train", "--data", "digits"), versions={"torch": "2.10.0"}, host="lab-3", threads=2,
    workers=4,
)  # fmt: skip
RACER = """
import sys
from pathlib import Path
from resnet_studio.training.runs import run_folder as runs

print("ready", flush=True)
sys.stdin.readline()
folder = Path(sys.argv[1])
manifest = runs.from_json(__import__("json").loads(sys.argv[2]))
for number in range(30):
    try:
        runs.create(folder / str(number), manifest)
        print(number)
    except runs.RunError as error:
        assert "a run with this name already" in str(error), error
"""


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    manifests = [
        *(replace(MANIFEST, name=name, architecture=architecture) for name, architecture in PRESETS.items()),
        *(replace(MANIFEST, name=name, recipe=recipe) for name, recipe in RECIPES.items()),
        Manifest("bare", preset("vgg19"), RECIPES["paper-imagenet"], 0.0),
    ]
    for manifest in manifests:
        run_folder.create(tmp_path / manifest.name, manifest)
        assert run_folder.read_manifest(tmp_path / manifest.name) == manifest


@pytest.mark.parametrize("name", ["Été #1 100 %", "猫" * 80, "\udcff not text", "a\nb"])
def test_names_and_data_may_have_any_letters(tmp_path: Path, name: str) -> None:
    manifest = replace(MANIFEST, name=name, recipe=replace(MANIFEST.recipe, data=f"/home/{name}"), command=(name,))
    run_folder.create(tmp_path / name, manifest)
    assert run_folder.read_manifest(tmp_path / name) == manifest
    assert run_folder.find_runs(tmp_path) == [tmp_path / name]


def test_a_new_run_has_an_empty_events_file_and_the_subfolders(tmp_path: Path) -> None:
    run_folder.create(tmp_path / "a" / "b" / "run", MANIFEST)
    folder = tmp_path / "a" / "b" / "run"
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "events.jsonl", "probes", "run.json"]
    assert (folder / run_folder.EVENTS).read_bytes() == b""


def test_a_run_is_not_created_over_another(tmp_path: Path) -> None:
    run_folder.create(tmp_path / "run", MANIFEST)
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"^run: a run with this name already exists in "):
        run_folder.create(tmp_path / "run", replace(MANIFEST, name="second"))
    assert content(tmp_path) == before


def test_a_run_is_not_created_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match=r"^run: .*run contains other files. Choose another name$"):
        run_folder.create(tmp_path / "run", MANIFEST)
    assert content(tmp_path) == {"run": None, "run/thesis.tex": b"mine"}


def test_exactly_one_of_two_processes_creates_the_same_run(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACER, str(tmp_path), json.dumps(run_folder.to_json(MANIFEST))]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate() for racer in racers]
    assert [error for _, error in outputs] == ["", ""]
    made = [int(number) for out, _ in outputs for number in out.split()]
    assert sorted(made) == list(range(30))
    assert [run_folder.read_manifest(tmp_path / str(number)) for number in range(30)] == [MANIFEST] * 30


def test_a_run_can_not_be_created_in_a_file(tmp_path: Path) -> None:
    for name in ("run", "runs"):
        (tmp_path / name).write_text("a file")
    for folder in (tmp_path / "run", tmp_path / "runs" / "run"):
        with pytest.raises(
            RunError,
            match=r"can't save a run here: (a file or directory|part of the path)",
        ):
            run_folder.create(folder, MANIFEST)
    assert content(tmp_path) == {"run": b"a file", "runs": b"a file"}


def test_a_run_can_not_be_created_in_a_read_only_place() -> None:
    folder = Path("/proc/resnet-studio")  # refuses even root
    with pytest.raises(RunError, match=r"^/proc/resnet-studio: can't save a run here: ."):
        run_folder.create(folder, MANIFEST)


@pytest.mark.parametrize("in_the_way", [run_folder.CHECKPOINTS, run_folder.PROBES])
def test_the_name_stays_free_if_creation_fails(tmp_path: Path, in_the_way: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / in_the_way).write_text("a file")
    with pytest.raises(RunError):
        run_folder.create(folder, MANIFEST)
    assert run_folder.find_runs(tmp_path) == []
    (folder / in_the_way).unlink()
    run_folder.create(folder, MANIFEST)
    assert run_folder.read_manifest(folder) == MANIFEST


def test_a_full_disk_is_reported_and_leaves_no_partial_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="can't save a run here: the disk is full"):
        run_folder.create(tmp_path / "run", MANIFEST)
    assert not (tmp_path / "run" / run_folder.MANIFEST).exists()
    assert run_folder.find_runs(tmp_path) == []
    monkeypatch.undo()
    run_folder.create(tmp_path / "run", MANIFEST)
    assert run_folder.find_runs(tmp_path) == [tmp_path / "run"]


def test_a_run_of_a_newer_version_is_rejected_and_unchanged(tmp_path: Path) -> None:
    run_folder.create(tmp_path / "run", MANIFEST)
    path = tmp_path / "run" / run_folder.MANIFEST
    path.write_text(json.dumps({"version": run_folder.VERSION + 1, "network": "of a later kind"}))
    before = content(tmp_path)
    with pytest.raises(RunError, match=r"^run was written by a newer version of this program and was not changed$"):
        run_folder.read_manifest(tmp_path / "run")
    with pytest.raises(RunError, match="a run with this name already"):
        run_folder.create(tmp_path / "run", MANIFEST)
    assert content(tmp_path) == before


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in run_folder.to_json(MANIFEST).items() if key != name}


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "null", "3", "[" * 100_000, '{"version": ' + "9" * 5000 + "}", "\x00" * 200,
        *(json.dumps(without(name)) for name in run_folder.to_json(MANIFEST)),
        *(
            json.dumps(run_folder.to_json(MANIFEST) | wrong)
            for wrong in (
                {"version": "1"}, {"version": None}, {"name": None}, {"name": 3}, {"host": ["a"]}, {"created": "now"},
                {"created": 10**400}, {"command": 3}, {"command": [3]}, {"versions": [1]}, {"versions": {"torch": 2}},
                {"threads": "two"}, {"workers": None}, {"recipe": None}, {"recipe": {"lr": -1}},
                {"recipe": {"later": 1}}, {"architecture": {"kind": "residual", "width": 0}}, {"architecture": 3},
            )
        ),
    ],
    ids=lambda text: text[:30].replace("\0", "0") + str(len(text)),
)  # fmt: skip
def test_a_damaged_manifest_is_named_and_unchanged(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / run_folder.MANIFEST).write_text(text)
    with pytest.raises(RunError, match=r"^run: run.json is damaged \(.+\)$"):
        run_folder.read_manifest(folder)
    assert content(tmp_path) == {"run": None, "run/run.json": text.encode()}


@given(st.data())
def test_a_manifest_with_some_bytes_changed_is_read_or_rejected(tmp_path_factory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "changed"
    folder.mkdir(exist_ok=True)
    text = bytearray(json.dumps(run_folder.to_json(MANIFEST)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    (folder / run_folder.MANIFEST).write_bytes(text)
    try:
        assert isinstance(run_folder.read_manifest(folder), Manifest)
    except RunError:
        return


def test_a_folder_that_is_not_a_run_is_rejected(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(
            RunError, match=rf"^{folder.name} is not a run: it has no run\.json\. `resnet-studio runs` lists"
        ):
            run_folder.read_manifest(folder)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is a pipe"),
        (Path.touch, "is empty"),
        (lambda path: path.symlink_to("/dev/zero"), "is a link"),
        (lambda path: path.write_bytes(b" " * 1_000_001), "the limit is 1,000,000"),
    ],
)
def test_reading_a_manifest_does_not_block_on_what_is_not_a_file(tmp_path: Path, make: Any, why: str) -> None:
    (tmp_path / "run").mkdir()
    make(tmp_path / "run" / run_folder.MANIFEST)
    with pytest.raises(RunError, match=f"^run: run.json .*{why}"):
        run_folder.read_manifest(tmp_path / "run")


def test_runs_are_found_with_those_of_experiments(tmp_path: Path) -> None:
    made = [tmp_path / name for name in ("b", "a", "degradation-1/plain-20", "degradation-1/plain-56", "é 1")]
    for folder in made:
        run_folder.create(folder, MANIFEST)
    run_folder.create(tmp_path / "one" / "level" / "too deep", MANIFEST)
    (tmp_path / "no run").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "a file").touch()
    assert [path for path in run_folder.find_runs(tmp_path) if "loop" not in path.parts] == sorted(made)
    assert run_folder.find_runs(tmp_path / "gone") == run_folder.find_runs(tmp_path / "a file") == []


def test_a_link_in_a_circle_hides_no_run(tmp_path: Path) -> None:
    run_folder.create(tmp_path / "run", MANIFEST)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert run_folder.find_runs(tmp_path) == [tmp_path / "run"]


def test_runs_inside_a_run_are_not_listed(tmp_path: Path) -> None:
    run_folder.create(tmp_path / "a", MANIFEST)
    run_folder.create(tmp_path / "a" / "b", MANIFEST)
    assert run_folder.find_runs(tmp_path) == [tmp_path / "a"]


MAKER = """
import os, signal, sys
from pathlib import Path
from resnet_studio.training.runs import run_folder as runs

stops, calls = int(sys.argv[3]), 0

def killed_at(event, arguments):
    global calls
    if event in ("open", "os.mkdir", "os.link", "os.rename", "os.remove", "os.listdir", "os.scandir"):
        if any(sys.argv[1] in str(argument) for argument in arguments):
            calls += 1
            if calls == stops:
                os.kill(os.getpid(), signal.SIGKILL)

manifest = runs.from_json(__import__("json").loads(sys.argv[2]))
sys.addaudithook(killed_at)
runs.create(Path(sys.argv[1]), manifest)
print(calls)
"""


def test_after_a_kill_during_creation_the_run_exists_or_its_name_is_free(tmp_path: Path) -> None:
    """faults.md row 33, during creation: killed before each of the system calls that it makes."""
    for moment in range(1, 50):
        folder = tmp_path / str(moment)
        command = [sys.executable, "-c", MAKER, str(folder), json.dumps(run_folder.to_json(MANIFEST)), str(moment)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        if folder not in run_folder.find_runs(tmp_path):
            run_folder.create(folder, MANIFEST)
        assert run_folder.read_manifest(folder) == MANIFEST
    assert moment > 5
    assert len(run_folder.find_runs(tmp_path)) == moment


def test_free_names_count_on(tmp_path: Path) -> None:
    resnet20 = preset("resnet20-cifar")
    for number in (1, 2):
        name = run_folder.free_name(tmp_path, resnet20, "digits")
        assert name == f"resnet20-cifar-digits-{number}"
        run_folder.create(tmp_path / name, MANIFEST)
    assert run_folder.free_name(tmp_path, resnet20, "cifar10") == "resnet20-cifar-cifar10-1"
    assert run_folder.free_name(tmp_path / "gone", resnet20, "digits") == "resnet20-cifar-digits-1"


@pytest.mark.parametrize("data", ["/home/cats & dogs", "猫" * 200, "a" * 300, "..", "/", "\udcff", "été", "C:\\data"])
def test_any_data_give_a_valid_folder_name(tmp_path: Path, data: str) -> None:
    for architecture in (preset("resnet50"), replace(preset("resnet50"), width=17, blocks=(1, 2, 3))):
        name = run_folder.free_name(tmp_path, architecture, data)
        assert not set(name) & set("/\\ &,")
        (tmp_path / name).mkdir()
        assert (tmp_path / name).parent == tmp_path
        assert len(name.encode()) < 120


@pytest.mark.parametrize("what", [run_folder.STOP, run_folder.PAUSE])
def test_a_request_is_a_file_until_it_is_withdrawn(tmp_path: Path, what: str) -> None:
    for _ in range(2):
        run_folder.make_request(tmp_path, what)
    assert [path.name for path in tmp_path.iterdir()] == [what]
    for _ in range(2):
        run_folder.withdraw_request(tmp_path, what)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        run_folder.make_request(tmp_path / "gone", what)


def test_the_library_versions_include_what_a_result_depends_on() -> None:
    import numpy

    versions = run_folder.library_versions()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["numpy"] == numpy.__version__
    assert versions.keys() >= {"resnet-studio", "torch", "torchvision"}


def test_a_run_is_made_for_this_machine(tmp_path: Path) -> None:
    folder, recipe = tmp_path / "runs" / "mine", RECIPES["digits-quick"]
    before = time.time()
    run_folder.make_run(folder, preset("resnet18"), recipe, command=("train", "x"), threads=2, workers=3)
    made = run_folder.read_manifest(folder)
    assert before <= made.created <= time.time()
    assert made == Manifest(
        "mine", preset("resnet18"), recipe, made.created, ("train", "x"), run_folder.library_versions(),
        socket.gethostname(), 2, 3,
    )  # fmt: skip
    assert run_folder.is_run(folder)
    assert not run_folder.has_begun(folder)
    with pytest.raises(RunError, match="mine: a run with this name already exists"):
        run_folder.make_run(folder, preset("resnet18"), recipe)


def test_default_folders_are_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert run_folder.runs_folder() == tmp_path / "resnet-studio" / "runs"
    assert run_folder.data_folder() == tmp_path / "resnet-studio" / "data"


def content(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: the bytes of files, None for folders."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/x", "a/b", "a/", "./a", "a/..", "a\0b", "//"])
def test_a_name_never_leads_out_of_the_folder_of_runs(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match=r"is not a valid run name: it must be a folder name in "):
        run_folder.new_folder(tmp_path, name)


@pytest.mark.parametrize("name", ["a", "Été #1", ".hidden", "..a", "a\nb", "猫", "-x", "a b"])
def test_any_other_name_is_a_folder_in_it(tmp_path: Path, name: str) -> None:
    assert run_folder.new_folder(tmp_path, name).parent == tmp_path
