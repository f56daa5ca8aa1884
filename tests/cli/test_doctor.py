import json
import platform
import socket
from importlib.metadata import version
from pathlib import Path

import pytest

from resnet_studio.cli.doctor import PACKAGES, QT_LIBRARIES, check_display, install_line, missing
from resnet_studio.cli.main import main


def test_the_installation_as_json(capsys):
    assert main(["doctor", "--json"]) == 0
    out, err = capsys.readouterr()
    values = json.loads(out)
    assert err == ""
    assert {package: values[package] for package in PACKAGES} == {package: version(package) for package in PACKAGES}
    assert values["Python"].startswith(platform.python_version())
    assert "cpu (CPU)" in values["devices"]
    assert {"system", "Qt's libraries", "window"} < values.keys()
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(values)
    assert all(line.endswith(found) for line, found in zip(lines, values.values(), strict=True))


def test_missing_libraries_are_named_with_their_packages(monkeypatch):
    libraries = {"libc.so.6": "libc6", "libnobody.so.9": "libnobody9", "libnowhere.so.1": "libnobody9"}
    missing_libraries = missing(libraries)
    assert missing_libraries == {"libnobody.so.9": "libnobody9", "libnowhere.so.1": "libnobody9"}
    for user, line in ((1000, "sudo apt-get install -y libnobody9"), (0, "apt-get install -y libnobody9")):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        assert install_line(missing_libraries) == line


def test_a_headless_platform_needs_no_display():
    assert check_display({"QT_QPA_PLATFORM": "offscreen"}) is None
    assert check_display({"QT_QPA_PLATFORM": "vnc:size=800x600"}) is None


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"DISPLAY": ":4711"},
        {"DISPLAY": "nonsense"},
        {"WAYLAND_DISPLAY": "wayland-0"},
        {"WAYLAND_DISPLAY": "x" * 300, "XDG_RUNTIME_DIR": "/tmp"},
        {"DISPLAY": ":4711", "QT_QPA_PLATFORM": "xcb"},
    ],
)
def test_an_unreachable_display_counts_as_none(environment):
    problem = check_display(environment)
    assert problem is not None
    assert problem.startswith("no display")
    assert "\n" not in problem


def test_a_reachable_compositor_counts_as_a_display(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind("wayland-7")
        compositor.listen()
        environment = {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": "."}
        problem = check_display(environment)
    assert problem is None or "libwayland" in problem
    assert check_display(environment) is not None


def test_the_libraries_are_those_that_qt_links_to():
    import PySide6

    gui = (Path(PySide6.__file__).parent / "Qt" / "lib" / "libQt6Gui.so.6").read_bytes()
    core_and_dbus = {"libglib-2.0.so.0", "libdbus-1.so.3"}
    for name in QT_LIBRARIES.keys() - core_and_dbus:
        assert name.encode() in gui
