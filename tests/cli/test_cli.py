"""The command line as a process and as a function: numbers, formats, exit codes, stdout and stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from resnet_studio.cli.parsing import resolve_architecture, with_settings
from resnet_studio.networks.architecture import DEPTHS, Residual, to_json
from resnet_studio.networks.presets import PRESETS, preset

RESNET_STUDIO = [sys.executable, "-m", "resnet_studio"]
HEAVY = {"torch", "torchvision", "fvcore", "torchinfo", "sklearn", "numpy", "PySide6", "pyqtgraph", "rich.table"}
IMAGENET_TABLE = {
    # conv + fc, fvcore's total (both in units of 10⁹, as printed), parameters
    "resnet18": ("1.814", "1.819", 11_689_512),
    "resnet34": ("3.664", "3.671", 21_797_672),
    "resnet50": ("3.858", "3.879", 25_557_032),
    "resnet101": ("7.570", "7.602", 44_549_160),
    "resnet152": ("11.282", "11.327", 60_192_808),
    "resnet50-v1.5": ("4.089", "4.112", 25_557_032),
    "resnet101-v1.5": ("7.801", "7.834", 44_549_160),
    "resnet152-v1.5": ("11.514", "11.559", 60_192_808),
    "vgg19": ("19.632", "19.632", 143_667_240),
    "article18": ("1.005", None, 6_658_088),
    "article34": ("2.032", None, 12_847_464),
    "article50": ("4.089", None, 25_583_592),
    "article101": ("7.801", None, 44_601_832),
    "article152": ("11.514", None, 60_268_520),
}
TABLE_6 = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7, 1202: 19.4}


@pytest.fixture
def read(run):
    """Run a command that must succeed, and parse its JSON."""

    def call(*arguments: str):
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        return json.loads(out)

    return call


@pytest.mark.parametrize(("name", "expected"), IMAGENET_TABLE.items())
def test_the_table_of_every_imagenet_network(read, name, expected):
    totals = read("table", name, "--format", "json")["totals"]
    conv_and_fc, whole, parameters = expected
    assert f"{totals['macs'] / 1e9:.3f}" == conv_and_fc
    assert whole in (None, f"{totals['macs_all'] / 1e9:.3f}")
    assert totals["parameters"] == parameters


def test_plain_34_is_resnet_34_without_its_three_projections(read):
    plain, residual = (read("table", name, "--format", "json")["totals"] for name in ("plain34", "resnet34"))
    assert residual["macs"] - plain["macs"] == 28**2 * 64 * 128 + 14**2 * 128 * 256 + 7**2 * 256 * 512
    assert residual["parameters"] - plain["parameters"] == sum(w * w // 2 + 2 * w for w in (128, 256, 512))
    assert f"{plain['macs'] / 1e9:.3f}" == "3.644"


@pytest.mark.parametrize(("depth", "millions"), TABLE_6.items())
def test_the_cifar_networks_have_the_parameters_of_table_6(read, depth, millions):
    n = (depth - 2) // 6
    basic = sum((2 * n - 1) * 9 * w * w + 9 * w * max(w // 2, 16) + 4 * n * w for w in (16, 32, 64))
    parameters = read("table", f"resnet{depth}-cifar", "--format", "json")["totals"]["parameters"]
    assert parameters == 3 * 9 * 16 + 2 * 16 + basic + 64 * 10 + 10
    assert parameters / 1e6 == pytest.approx(millions, rel=0.03)


def test_json_has_what_was_counted_and_what_was_not(read):
    table = read("table", "resnet50", "--format", "json")
    assert table["architecture"] == to_json(preset("resnet50"))
    assert table["input"] == [1, 3, 224, 224]
    assert [stage["name"] for stage in table["stages"]] == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]
    assert [stage["output"] for stage in table["stages"]][:2] == [[64, 112, 112], [256, 56, 56]]
    assert table["uncounted"] == {"aten::add": 16, "aten::max_pool2d": 1}
    for cost in ("parameters", "macs"):
        for part in ("rows", "stages"):
            assert sum(row[cost] for row in table[part]) == table["totals"][cost]
    conv1 = table["rows"][0]
    assert (conv1["name"], conv1["stage"], conv1["kind"], conv1["output"]) == ("conv1", "conv1", "conv", [64, 112, 112])
    assert (conv1["macs"], conv1["parameters"]) == (112 * 112 * 64 * 3 * 7 * 7, 64 * 3 * 7 * 7)


def test_fields_and_image_size_are_set(read):
    settings = ("--set", "blocks=2,2", "--set", "shortcut=C", "--image-size", "64")
    table = read("table", "resnet50", *settings, "--format", "json")
    assert table["architecture"] == to_json(Residual(blocks=(2, 2), shortcut="C", image=64))
    assert table["stages"][-2]["output"] == [512, 8, 8]


def test_json_is_in_multiply_adds_whatever_the_unit(read):
    plain, doubled = (read("table", "resnet18", "--format", "json", *unit) for unit in ((), ("--unit", "operations")))
    assert plain == doubled


def test_csv_in_operations(run):
    _, out, err = run("table", "resnet18", "--format", "csv", "--unit", "operations")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert sum(int(row["operations"]) for row in rows) == 2 * 1_814_073_344
    assert err == ""


def test_text_ends_with_the_total_and_the_notes_of_the_counters(run):
    _, out, _ = run("table", "resnet50")
    assert "3.86 G" in out
    assert "not counted: add ×16, max_pool2d ×1" in out
    assert "counts agree" in out
    assert "layer1.1.conv2" not in out
    assert "layer1.1.conv2" in run("table", "resnet50", "--layers")[1]
    assert run("table", "resnet50", "--format", "markdown")[1].startswith("| stage |")


def test_the_summary_is_that_of_torchinfo(run):
    code, out, err = run("table", "resnet18", "--summary")
    assert (code, err) == (0, "")
    assert "Total params: 11,689,512" in out


def test_verify_holds_for_the_paper_and_not_for_the_article(read):
    rows = read("verify", "--json")
    of_paper = {f"resnet{depth}" for depth in DEPTHS["imagenet"]} | {"plain34", "vgg19"}
    for row in rows:
        assert set(row) == {"subject", "quantity", "published", "source", "measured", "verdict", "reason"}
        assert isinstance(row["published"], int)
        assert isinstance(row["measured"], int)
        if row["subject"] in of_paper:
            assert row["verdict"] == "holds"
        if row["subject"].startswith("article"):
            assert row["verdict"] == "differs"
            assert "G from" in row["reason"]
    assert next(row for row in rows if row["subject"] == "resnet18")["published"] == 1.8e9


def test_verify_lists_the_errors_of_the_article_after_its_rows(run):
    code, out, err = run("verify")
    assert (code, err) == (0, "")
    after = out.partition("article152")[2]
    assert "Other statements in Gamulin 2020" in after
    assert "⌊(224 + 2·3 − 7) / 2⌋ + 1 = 112" in after
    assert after.rstrip().endswith("All values from the paper match for the paper's own networks.")


def test_compare_aligns_and_takes_the_difference(read, run):
    totals = read("compare", "resnet50", "plain34", "--json")["totals"]
    assert [cell["parameters"] for cell in totals] == [25_557_032, 21_623_848]
    assert totals[1]["delta"]["macs"]["absolute"] == totals[1]["macs"] - totals[0]["macs"]
    _, out, _ = run("compare", "resnet50", "plain34", "--unit", "operations")
    assert "7.72 G" in out


def test_presets_lists_every_name(read, run):
    _, out, _ = run("presets")
    assert [line.split()[0] for line in out.splitlines()[2:]] == list(PRESETS)
    listed = read("presets", "--json")
    assert {name: entry["architecture"] for name, entry in listed.items()} == {
        name: to_json(value) for name, value in PRESETS.items()
    }


def test_presets_compares_their_costs_with_published_figures(read, run):
    resnext = read("presets", "--json")["resnext50_32x4d"]
    assert resnext["parameters"] == 25_028_904
    assert {"holds"} == {figure["verdict"] for figure in resnext["published"]}
    assert {(figure["quantity"], figure["published"]) for figure in resnext["published"]} >= {
        ("parameters", 25_028_904), ("parameters", 25_000_000), ("macs", 4.2e9), ("macs", 4.23e9),
        ("activations", 14.4e6),
    }  # fmt: skip
    _, out, _ = run("presets")
    lines = {line.split()[0]: " ".join(line.split()) for line in out.splitlines()}
    count = len(resnext["published"])
    assert lines["resnext50_32x4d"].endswith(f"25,028,904 4.23 G 4.2 G (Xie et al. 2017) ✓ {count} of {count}")
    assert "✗ 0 of 1" in lines["article50"]


def test_a_preset_is_found_in_whatever_way_its_name_is_written(read):
    assert read("table", "ResNet-18", "--format", "json") == read("table", "resnet18", "--format", "json")


def test_an_architecture_comes_from_a_json_file(read, tmp_path):
    file = tmp_path / "my netwörk #1.json"
    file.write_text(json.dumps(to_json(preset("plain34"))), encoding="utf-8")
    assert read("table", str(file), "--format", "json") == read("table", "plain34", "--format", "json")


def test_a_file_in_the_current_folder_needs_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text('{"width": 32}')
    assert resolve_architecture("mine") == Residual(width=32)
    Path("resnet50").write_text('{"width": 32}')
    assert resolve_architecture("resnet50") == preset("resnet50")
    assert resolve_architecture("./resnet50") == Residual(width=32)


def test_fields_that_require_each_other_may_come_in_any_order():
    wanted = ("stride_on=1x1", "shortcut=C", "variant=paper")
    assert with_settings(preset("article50"), wanted) == Residual(shortcut="C")
    assert with_settings(preset("article50"), wanted[::-1]) == Residual(shortcut="C")


@pytest.mark.parametrize("other", ["shortcut=A", "stride_on=1x1"])
def test_the_article_variant_overwrites_no_setting(other):
    for settings in ((other, "variant=article"), ("variant=article", other)):
        with pytest.raises(ValueError, match=other.partition("=")[0]):
            with_settings(preset("resnet50"), settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table", "resnet5"], "did you mean resnet50"),
        (["table", "RESNET51"], "did you mean resnet50"),
        (["table", "qqqq"], "run `resnet-studio presets` to list them"),
        (["table", "resnet50", "--set", "width=0"], "width: must be from 1 to 2,048, got 0"),
        (["table", "resnet50", "--set", "width=many"], "width: must be an integer"),
        (["table", "resnet50", "--set", "wdth=3"], "wdth: unknown field; must be one of block, blocks"),
        (["table", "resnet50", "--set", "width"], "--set width: must be FIELD=VALUE"),
        (["table", "resnet50", "--set", "blocks=0,1"], "blocks: must be from 1"),
        (["table", "resnet50", "--set", f"classes={10**12}"], "classes: must be from 1"),
        (["table", "vgg19", "--image-size", "8"], "image: vgg19 needs at least 32"),
        (["table", "resnet50", "--image-size", "big"], "image: must be an integer"),
        (["table", "resnet50", "--unit", "flop"], "--unit"),
        (["table", "resnet50", "--format", "xml"], "--format"),
        (["table"], "ARCH"),
        (["table", "no/such/file.json"], "file.json does not exist"),
        (["compare", "resnet50"], "at least two architectures"),
        (["tabel", "resnet50"], "table"),
        (["--theme", "pink"], "--theme"),
        (["verify", "--jsn"], "--jsn"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("resnet-studio: ")
    assert message in err


def test_what_is_not_a_file_is_rejected_at_once(run, tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path, tmp_path / "pipe.json", Path("/dev/zero"), tmp_path / ("x" * 300 + ".json")):
        code, out, err = run("table", str(path))
        assert (code, out, err.count("\n")) == (2, "", 1)


def modules_of(arguments: list[str], folder: Path) -> set[str]:
    """The modules that a new process has imported after a command."""
    code = (
        f"import sys; from resnet_studio.cli.main import main; main({arguments!r}); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["presets"], ["table", "--help"], ["maps", "--help"], ["table", "resnet5"]]
)
def test_commands_that_need_no_torch_do_not_import_it(arguments, tmp_path):
    assert not HEAVY & modules_of(arguments, tmp_path)


def test_counting_does_not_import_qt(tmp_path):
    assert not {"PySide6", "pyqtgraph"} & modules_of(["table", "resnet18"], tmp_path)


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [*RESNET_STUDIO, *arguments], capture_output=True, encoding="utf-8", env=kept | environment, check=False
    )


def test_a_pipe_gets_complete_plain_lines_and_stderr_nothing():
    done = process("compare", "resnet152", "resnet18", COLUMNS="40", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "36 × [1×1, 256; 3×3, 256; 1×1, 1024], stride on the 1×1, 1 projection" in done.stdout


def test_a_terminal_gets_a_rich_table():
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen([*RESNET_STUDIO, "presets"], stdout=theirs, stderr=subprocess.PIPE) as running:
        os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as terminal, suppress(OSError):  # the end of a terminal
            while part := terminal.read(65536):
                shown += part
        assert (running.wait(), running.stderr.read()) == (0, b"")
    assert "━" in shown.decode() or "─" in shown.decode()


def test_what_cannot_be_imported_or_written_is_one_line_and_code_2(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12 is not there')\n")
    done = process("table", "resnet18", PYTHONPATH=str(tmp_path), PYTHONSAFEPATH="")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "libcudart.so.12 is not there" in done.stderr
    assert "`resnet-studio doctor`" in done.stderr
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*RESNET_STUDIO, "presets"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("resnet-studio: the disk is full. Free some space")


def test_a_closed_pipe_ends_the_command_silently():
    command = [*RESNET_STUDIO, "table", "resnet1202-cifar", "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline().startswith(b"name,stage")
        running.stdout.close()
        assert running.stderr.read() == b""


def test_a_missing_display_is_reported_in_one_line():
    for arguments in ((), ("open", "picture.jpg"), ("--theme", "dark"), ("open", "a.jpg", "--theme", "dark")):
        done = process(*arguments, QT_QPA_PLATFORM="")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert "no display" in done.stderr


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    done = process("--version")
    assert done.stdout == f"resnet-studio {version('resnet-studio')}\n"


def test_main_py_is_the_command():
    main_py = Path(__file__).parent.parent / "main.py"
    done = subprocess.run([sys.executable, main_py, "table", "resnet5"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_doctor_names_versions_devices_and_the_display(run):
    _, out, err = run("doctor")
    found = {name: value for name, _, value in (line.partition(":") for line in out.splitlines())}
    assert found["Python"].split()[0] == sys.version.split()[0]
    assert found["torch"].strip()[0].isdigit()
    assert "cpu" in found["devices"]
    assert "window" in found
    assert err == ""
