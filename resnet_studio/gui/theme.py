"""The two palettes, the stages' colours and the fonts: everything that decides how the window looks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from resnet_studio.resources import resource

ThemeName = Literal["light", "dark", "system"]
GRID = 8
"""Distances in the window are multiples of this many pixels."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by what they are for."""

    window: str
    panel: str
    field: str
    text: str
    muted: str
    rule: str
    hover: str
    selected: str
    accent: str
    on_accent: str
    good: str
    bad: str
    warning: str
    warning_back: str
    bad_back: str


LIGHT = Theme(
    window="#ffffff", panel="#f6f7f9", field="#ffffff", text="#1b1f24", muted="#5d6570", rule="#dfe3e8",
    hover="#eef1f5", selected="#dce8f6", accent="#1f66b0", on_accent="#ffffff", good="#1a7a4c", bad="#b3261e",
    warning="#8a5a00", warning_back="#fdf3dc", bad_back="#fdeceb",
)  # fmt: skip
DARK = Theme(
    window="#16181c", panel="#1c1f24", field="#23272d", text="#e6e9ed", muted="#98a1ac", rule="#31363e",
    hover="#262b32", selected="#27405c", accent="#6aa9ea", on_accent="#0d1320", good="#5cc08c", bad="#f08b84",
    warning="#e5b65c", warning_back="#382f1a", bad_back="#3d2322",
)  # fmt: skip

STAGE_COLOURS = {
    "conv1": "#8792a6",
    "conv2_x": "#4a7fc1",
    "conv3_x": "#2f9f9a",
    "conv4_x": "#6aa64b",
    "conv5_x": "#d79f38",
    "conv6_x": "#cf7845",
    "conv7_x": "#b85f70",
    "fc": "#9670b4",
}
"""A stage has one colour in the whole program; each reads on the light and on the dark window."""


class _Chosen:
    theme = LIGHT


def current() -> Theme:
    """The palette in use."""
    return _Chosen.theme


def stage_colour(stage: str) -> QColor:
    return QColor(STAGE_COLOURS.get(stage, STAGE_COLOURS["conv1"]))


def apply(app: QApplication, name: ThemeName) -> None:
    """Dress the application. Widgets that paint themselves follow through their `PaletteChange`."""
    system_is_dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    dark = name == "dark" or (name == "system" and system_is_dark)
    _Chosen.theme = DARK if dark else LIGHT
    app.setStyle("Fusion")
    app.setFont(text_font())
    app.setPalette(_palette(_Chosen.theme))
    app.setStyleSheet(
        Template(resource("style.qss").read_text()).substitute(
            asdict(_Chosen.theme), chevron=_icon("chevron"), check=_icon("check")
        )
    )


def text_font(size: float = 10.0, *, bold: bool = False) -> QFont:
    """The desktop's sans-serif with tabular figures, so that digits of a column stand below one another."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setFamilies(["Inter", "Segoe UI", ".AppleSystemUIFont", "Noto Sans", "Cantarell", font.family()])
    font.setPointSizeF(size)
    font.setBold(bold)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    colours = {
        role.Window: theme.window, role.Base: theme.window, role.AlternateBase: theme.panel,
        role.WindowText: theme.text, role.Text: theme.text, role.ButtonText: theme.text, role.Button: theme.panel,
        role.Highlight: theme.selected, role.HighlightedText: theme.text, role.PlaceholderText: theme.muted,
        role.ToolTipBase: theme.panel, role.ToolTipText: theme.text, role.Link: theme.accent,
        role.Mid: theme.rule, role.Midlight: theme.rule, role.Dark: theme.rule, role.Light: theme.panel,
    }  # fmt: skip
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.muted))
    return palette


def _icon(name: str) -> str:
    """Path of an icon in the tone that reads on the current palette, as a style sheet wants it."""
    tone = "dark" if _Chosen.theme is DARK else "light"
    return resource(f"icons/{name}-{tone}.svg").as_posix()


def mono_font(size: float = 9.5) -> QFont:
    """The desktop's fixed-width font."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(size)
    return font
