"""The two palettes, the colors of the stages and the fonts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from resnet_studio.resources import resource
from resnet_studio.stage_colors import STAGE_COLORS as STAGE_COLORS
from resnet_studio.stage_colors import color_of_stage

ThemeName = Literal["light", "dark", "system"]
GRID = 8
"""Distances in the window are multiples of this many pixels."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colors by purpose."""

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
    more: str
    less: str
    """Texts of what is more and less than in another network, and, thinned, what is behind them: orange and blue, which
    the color-blind tell apart."""


LIGHT = Theme(
    window="#ffffff", panel="#f6f7f9", field="#ffffff", text="#1b1f24", muted="#5d6570", rule="#dfe3e8",
    hover="#eef1f5", selected="#dce8f6", accent="#1f66b0", on_accent="#ffffff", good="#1a7a4c", bad="#b3261e",
    warning="#8a5a00", warning_back="#fdf3dc", bad_back="#fdeceb", more="#8a3d00", less="#005088",
)  # fmt: skip
DARK = Theme(
    window="#16181c", panel="#1c1f24", field="#23272d", text="#e6e9ed", muted="#98a1ac", rule="#31363e",
    hover="#262b32", selected="#27405c", accent="#6aa9ea", on_accent="#0d1320", good="#5cc08c", bad="#f08b84",
    warning="#e5b65c", warning_back="#382f1a", bad_back="#3d2322", more="#f0a860", less="#72bdf2",
)  # fmt: skip


class _Current:
    theme = LIGHT


def current() -> Theme:
    """The palette in use."""
    return _Current.theme


def stage_color(stage: str) -> QColor:
    """The color of a stage; of a part of a baseline that of the stage with its number, or the classifier's."""
    return QColor(color_of_stage(stage))


def apply(app: QApplication, name: ThemeName) -> None:
    """Apply a theme to the application. Widgets that paint themselves follow on `PaletteChange`."""
    system_is_dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    dark = name == "dark" or (name == "system" and system_is_dark)
    _Current.theme = DARK if dark else LIGHT
    app.setStyle("Fusion")
    app.setFont(text_font())
    app.setPalette(_palette(_Current.theme))
    app.setStyleSheet(
        Template(resource("style.qss").read_text()).substitute(
            asdict(_Current.theme), chevron=_icon("chevron"), check=_icon("check")
        )
    )


def text_font(size: float = 10.0, *, bold: bool = False) -> QFont:
    """The desktop's sans-serif with tabular figures, so that the digits of a column line up."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setFamilies(["Inter", "Segoe UI", ".AppleSystemUIFont", "Noto Sans", "Cantarell", font.family()])
    font.setPointSizeF(size)
    font.setBold(bold)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    colors = {
        role.Window: theme.window, role.Base: theme.window, role.AlternateBase: theme.panel,
        role.WindowText: theme.text, role.Text: theme.text, role.ButtonText: theme.text, role.Button: theme.panel,
        role.Highlight: theme.selected, role.HighlightedText: theme.text, role.PlaceholderText: theme.muted,
        role.ToolTipBase: theme.panel, role.ToolTipText: theme.text, role.Link: theme.accent,
        role.Mid: theme.rule, role.Midlight: theme.rule, role.Dark: theme.rule, role.Light: theme.panel,
    }  # fmt: skip
    for color_role, color in colors.items():
        palette.setColor(color_role, QColor(color))
    for color_role in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, color_role, QColor(theme.muted))
    return palette


def _icon(name: str) -> str:
    """Path of the icon variant for the current palette, as style sheets need it."""
    tone = "dark" if _Current.theme is DARK else "light"
    return resource(f"icons/{name}-{tone}.svg").as_posix()


def mono_font(size: float = 9.5) -> QFont:
    """The desktop's fixed-width font."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(size)
    return font
