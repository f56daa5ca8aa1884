"""Checks of the installation: versions, devices, Qt's libraries, a display. Imports neither torch nor Qt."""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "resnet-studio", "torch", "torchvision", "fvcore", "torchinfo", "numpy", "pillow", "safetensors", "scikit-learn",
    "PySide6-Essentials", "pyqtgraph", "typer", "rich",
)  # fmt: skip
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libglib-2.0.so.0": "libglib2.0-0",
}
"""The libraries that Qt links to on Linux, and the Debian and Ubuntu package that provides each."""
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libX11-xcb.so.1": "libx11-xcb1",
}
"""Further libraries of Qt's X11 plugin: if one is missing, Qt aborts the process."""
WAYLAND_LIBRARIES = {"libwayland-client.so.0": "libwayland-client0", "libwayland-cursor.so.0": "libwayland-cursor0"}
HEADLESS_PLATFORMS = ("offscreen", "minimal", "minimalegl", "vnc", "linuxfb", "eglfs", "vkkhrdisplay")


def check_display(environment: Mapping[str, str] = os.environ) -> str | None:
    """One line that says why a window can't open and what to do; None if it can.

    Qt itself would abort the process or fail to import: call this before Qt is imported.
    """
    if not sys.platform.startswith("linux"):
        return None
    platform_name = environment.get("QT_QPA_PLATFORM", "").partition(":")[0]
    missing_libraries = missing(QT_LIBRARIES)
    if missing_libraries:
        names = ", ".join(missing_libraries)
        return f"Qt can't be loaded (missing {names}). To install: {install_line(missing_libraries)}"
    if platform_name in HEADLESS_PLATFORMS:
        return None
    for plugin, reachable, libraries in (
        ("wayland", _wayland_is_reachable, WAYLAND_LIBRARIES),
        ("xcb", _x11_is_reachable, X11_LIBRARIES),
    ):
        if (not platform_name or plugin in platform_name) and reachable(environment):
            missing_libraries = missing(libraries)
            if not missing_libraries:
                return None
    if missing_libraries:
        names = ", ".join(missing_libraries)
        return f"Qt can't use this display (missing {names}). To install: {install_line(missing_libraries)}"
    return (
        "no display found. Run it in a desktop session or with `xvfb-run`, "
        "or use the commands that need no window (`resnet-studio --help`)"
    )


def missing(libraries: Mapping[str, str]) -> dict[str, str]:
    """The libraries that can't be loaded, with their packages."""
    return {name: package for name, package in libraries.items() if not _loads(name)}


def install_line(missing_libraries: Mapping[str, str]) -> str:
    """The command that installs missing packages on Debian and Ubuntu; without sudo for root, as in containers."""
    sudo = "sudo " if os.geteuid() else ""
    return f"{sudo}apt-get install -y {' '.join(dict.fromkeys(missing_libraries.values()))}"


def report() -> Iterator[tuple[str, str]]:
    """The output of `resnet-studio doctor`, as pairs of a name and a value."""
    yield "Python", f"{platform.python_version()} ({sys.executable})"
    yield "system", platform.platform()
    for package in PACKAGES:
        yield package, _version(package)
    yield "devices", _devices()
    if sys.platform.startswith("linux"):
        missing_libraries = missing(QT_LIBRARIES | X11_LIBRARIES)
        yield "Qt's libraries", f"missing: {', '.join(missing_libraries)}" if missing_libraries else "all found"
        if missing_libraries:
            yield "to install them", install_line(missing_libraries)
    yield "window", check_display() or "available"


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed. Run `pip install resnet-studio`"


def _devices() -> str:
    try:
        from resnet_studio.inference.compute.devices import devices

        return ", ".join(f"{device.name} ({device.label})" for device in devices())
    except (ImportError, OSError) as error:  # what a broken installation of torch raises
        return f"torch can't be loaded: {error}"


def _x11_is_reachable(environment: Mapping[str, str]) -> bool:
    name = environment.get("DISPLAY")
    if not name:
        return False
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    display = x11.XOpenDisplay(os.fsencode(name))
    if display:
        x11.XCloseDisplay(display)
    return bool(display)


def _wayland_is_reachable(environment: Mapping[str, str]) -> bool:
    name = environment.get("WAYLAND_DISPLAY")
    if not name:
        return False
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.settimeout(2)
        try:
            compositor.connect(str(Path(environment.get("XDG_RUNTIME_DIR", "/"), name)))
        except OSError:
            return False
    return True
