import socket
from pathlib import Path

import pytest

from resnet_studio.cli.doctor import QT_LIBRARIES, check_display, install_line, missing


def test_what_cannot_be_loaded_is_named_with_its_package(monkeypatch):
    libraries = {"libc.so.6": "libc6", "libnobody.so.9": "libnobody9", "libnowhere.so.1": "libnobody9"}
    lacking = missing(libraries)
    assert lacking == {"libnobody.so.9": "libnobody9", "libnowhere.so.1": "libnobody9"}
    for user, line in ((1000, "sudo apt-get install -y libnobody9"), (0, "apt-get install -y libnobody9")):
        monkeypatch.setattr("os.geteuid", lambda user=user: user)
        assert install_line(lacking) == line


def test_a_platform_without_a_screen_needs_none():
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
def test_a_display_that_nobody_answers_for_is_none(environment):
    said = check_display(environment)
    assert said is not None
    assert said.startswith("no display")
    assert "\n" not in said


def test_a_compositor_that_answers_is_a_display(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind("wayland-7")
        compositor.listen()
        environment = {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": "."}
        said = check_display(environment)
    assert said is None or "libwayland" in said
    assert check_display(environment) is not None


def test_the_libraries_are_those_that_qts_own_files_are_linked_with():
    import PySide6

    gui = (Path(PySide6.__file__).parent / "Qt" / "lib" / "libQt6Gui.so.6").read_bytes()
    core_and_dbus = {"libglib-2.0.so.0", "libdbus-1.so.3"}
    for name in QT_LIBRARIES.keys() - core_and_dbus:
        assert name.encode() in gui
