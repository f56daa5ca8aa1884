"""Every figure of one network, beside the plot: of the one under the mouse, else of the current one."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from resnet_studio.analysis.network_quantities import QUANTITIES, NetworkFigures, quantities
from resnet_studio.analysis.network_sets import family_of
from resnet_studio.analysis.published_errors import errors_of
from resnet_studio.analysis.units import DASH, FlopUnit
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import ElidedLabel, as_plain_text
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.presets import title

WIDTH = 30 * GRID


class NetworkDetails(QWidget):
    """A network's title and its figures in rows that stay where they are."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "scatterDetails", "Figures of the network")
        self.setFixedWidth(WIDTH)
        self._title = set_names(ElidedLabel(), "scatterNetwork", "Network")
        self._title.setProperty("heading", True)
        self._role = set_names(QLabel(), "scatterRole", "Family")
        self._role.setProperty("quiet", True)
        self._names = {key: QLabel() for key in QUANTITIES}
        self._values = {key: set_names(QLabel(), f"scatter_{key}", "Value") for key in QUANTITIES}
        self._source = set_names(QLabel(wordWrap=True), "scatterSources", "Where the published errors come from")
        self._source.setProperty("quiet", True)
        self._lay_out()

    def show_figures(self, figures: NetworkFigures, unit: FlopUnit, *, current: bool) -> None:
        """Show a network's figures; `current` says that it is the current one."""
        self._title.set_text(title(figures.architecture))
        family = family_of(figures.architecture)
        self._role.setText(f"{family}, current network" if current else family)
        for key, quantity in quantities(unit).items():
            value = quantity.of(figures)
            self._names[key].setText(quantity.title)
            self._names[key].setToolTip(quantity.meaning)
            self._values[key].setText(DASH if value is None else quantity.show(value))
            self._values[key].setAccessibleName(quantity.title)
        errors = errors_of(figures.architecture)
        self._source.setText("\n".join(f"{one.error}: {one.conditions} ({one.short_source})" for one in errors))
        self._source.setToolTip("\n".join(one.text for one in errors))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._title)
        column.addWidget(self._role)
        column.addSpacing(GRID)
        for name, value in zip(self._names.values(), self._values.values(), strict=True):
            as_plain_text(name).setProperty("quiet", True)
            row = QHBoxLayout()
            row.addWidget(name)
            row.addStretch(1)
            row.addWidget(value)
            column.addLayout(row)
        column.addSpacing(GRID)
        column.addWidget(self._source)
        column.addStretch(1)
        for label in (*self._names.values(), *self._values.values(), self._source):
            label.setFont(theme.text_font(9))
