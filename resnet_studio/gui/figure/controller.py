"""What the figure shows: which networks, in which form and colors, and the layer that is selected."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.table import LayerTable
from resnet_studio.export.formats import networks_stem
from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.figures.coloring import Coloring, ColorKey, coloring, times
from resnet_studio.figures.drawing import Arc, Box
from resnet_studio.figures.figure import figure_steps
from resnet_studio.figures.legend import JOINTS
from resnet_studio.figures.options import FigureOptions
from resnet_studio.gui.app_controller import AppController, is_deep
from resnet_studio.gui.figure.block_choices import BlockChoice, block_choices, chosen_block, has_block
from resnet_studio.gui.figure.drawing_index import DrawingIndex, index_steps
from resnet_studio.gui.figure.layer_facts import LayerFacts, NetworkFacts, facts_steps
from resnet_studio.gui.figure.network_tabs import NetworkTab
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.gui.session import IN_THE_ARTICLE, MOST_FIGURE_NETWORKS
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.arguments import network_arguments
from resnet_studio.networks.plan import channels_by_name, plan_steps
from resnet_studio.networks.presets import title
from resnet_studio.networks.receptive_field import field_steps
from resnet_studio.progress import finish

Repeated = Literal["auto", "folded", "all"]
Part: TypeAlias = Box | Arc
"""What can be pointed at: a layer, or a skip connection."""
FOLDS: dict[Repeated, bool | None] = {"auto": None, "folded": True, "all": False}
FULL = f"A figure has up to {MOST_FIGURE_NETWORKS} networks: remove one first"


@dataclass(frozen=True, slots=True, eq=False)
class ShownFigure:
    """A drawing and what it is of."""

    index: DrawingIndex
    architectures: tuple[Architecture, ...]
    color: ColorKey
    fresh: bool
    """Whether it is of other networks or in another form than the one before, and not only follows an edit."""


class FigureController(QObject):
    """Draws again whenever a network, the form, or the colors change; only while active."""

    figureChanged = Signal(object)
    """A `ShownFigure`."""
    refused = Signal(str)
    """Why there is no drawing, as a sentence; the one before is not shown any more."""
    networksChanged = Signal(list, int)
    """`NetworkTab`s, and which of them is selected."""
    selectionChanged = Signal(list)
    """The boxes of the selected layer, by their numbers in the drawing."""
    noteChanged = Signal(str, str)
    """A remark about the figure and the label of the action that `accept_note` runs; both empty for none."""

    currentMissed = Signal(str)
    """The current network was edited, and the figure does not show it: a remark. `accept_note` adds it."""

    def __init__(self, app: AppController) -> None:
        super().__init__()
        self._app, self._session = app, app.session
        self._active = False
        networks = app.session.state.figure_networks
        self._network = networks.index(None) if None in networks else len(networks) - 1
        """The selected one of the figure's networks."""
        self._pointed: tuple[int, str] | None = None
        """Column and layer that were clicked in a network that is not the current one."""
        self._block = _block_of(app.activations.layer)
        """The block that was chosen, or in which a layer was selected."""
        self._followed = app.session.architecture
        self._drawn: tuple[object, ...] = ()
        """What the drawing depends on."""
        self._frame: tuple[object, ...] = ()
        self._offered: Callable[[], object] = self._measure
        self._note = "", ""
        self._facts: dict[Architecture, NetworkFacts] = {}
        self.shown: ShownFigure | None = None
        self._scheduler = IdleScheduler(self)
        app.followers.append(self._follow_steps)
        app.activations.layerSelected.connect(self._on_layer_selected)
        app.measurements.measured.connect(lambda _: self._on_measurements_changed())
        app.measurements.changed.connect(self._on_measurements_changed)
        app.measurements.measuringChanged.connect(lambda _: self._show_note())
        app.session.flopUnitChanged.connect(lambda _: self.refresh())

    # What is chosen.

    @property
    def networks(self) -> list[Architecture | None]:
        """The figure's networks; None stands for the current architecture."""
        return self._session.state.figure_networks

    def architectures(self) -> tuple[Architecture, ...]:
        """The figure's networks as they are now."""
        return tuple(network or self._session.architecture for network in self.networks)

    def tabs(self) -> list[NetworkTab]:
        """The networks as tabs show them."""
        return [
            NetworkTab(f"{title(one)} (current)" if network is None else title(one), network is None)
            for network, one in zip(self.networks, self.architectures(), strict=True)
        ]

    def show_networks(self, networks: Sequence[Architecture | None], selected: int = 0) -> None:
        """Draw these networks."""
        self._session.update(figure_networks=list(networks))
        self._network, self._pointed = min(selected, len(networks) - 1), None
        self.refresh()

    def show_article(self) -> None:
        """Draw the three networks of the article's figure, as it has them."""
        self._session.update(figure_form="columns", figure_repeated="all", figure_color="stage")
        self.show_networks(IN_THE_ARTICLE, len(IN_THE_ARTICLE) - 1)

    def add(self, network: Architecture | None) -> str:
        """Add a network, or select it if it is there; returns why that can't be done, or nothing."""
        if network in self.networks:
            self.select_network(self.networks.index(network))
        elif len(self.networks) >= MOST_FIGURE_NETWORKS:
            return FULL
        else:
            self.show_networks((*self.networks, network), len(self.networks))
        return ""

    def remove(self, number: int) -> None:
        """Remove a network, unless it is the last one."""
        if len(self.networks) > 1:
            left = [network for at, network in enumerate(self.networks) if at != number]
            self.show_networks(left, self._network - (number < self._network))

    def reorder(self, order: Sequence[int], selected: int) -> None:
        """Draw the networks in another order, and select one of them by its new number."""
        self.show_networks([self.networks[number] for number in order], selected)

    def select_network(self, number: int) -> None:
        """Select one of the networks: forms that show a single one show it."""
        self._network = number
        self.refresh()

    def use(self, number: int) -> None:
        """Make one of the networks the current architecture."""
        self._session.set_architecture(self.architectures()[number])

    def choose_block(self, name: str) -> None:
        """Draw another block from inside."""
        self._block = name
        self.refresh()

    def choose(self, **changes: str) -> None:
        """Change `figure_form`, `figure_repeated`, `figure_color` or `figure_palette` of the session."""
        self._session.update(**changes)
        self.refresh()

    # Drawing.

    def set_active(self, active: bool) -> None:
        """Set whether the figure is visible."""
        self._active, self._followed = active, self._session.architecture
        if active:
            self.refresh()

    def refresh(self) -> None:
        """Draw again if anything has changed, in time slices if one of the networks is deep."""
        if not self._active:
            return
        self.networksChanged.emit(self.tabs(), self._network)
        steps = self._draw_steps()
        if any(map(is_deep, self.architectures())):
            self._scheduler.start(self, steps)
        else:
            self._scheduler.stop()
            finish(steps)

    def stop(self) -> None:
        """Draw no more, as the window closes."""
        self._scheduler.stop()

    def _follow_steps(self, table: LayerTable) -> Iterator[None]:
        """Follow an edit of the current architecture."""
        if not self._active:
            return
        edited, self._followed = self._followed != table.architecture, table.architecture
        self.networksChanged.emit(self.tabs(), self._network)
        yield from self._draw_steps()
        if edited and table.architecture not in self.architectures():
            self._offered = partial(self.add, None)
            self.currentMissed.emit(f"{title(table.architecture)}, the current network, is not in the figure")

    def _draw_steps(self) -> Generator[None, None, None]:
        options, color = self._options(), self.effective_color()
        architectures = self._drawn_architectures(options)
        measured = self._measurements(architectures) if color == "time" else ()
        wanted = (architectures, options, color, tuple(map(id, measured)))
        self._show_note()
        if wanted == self._drawn:
            yield from self._facts_steps(architectures if self.shown else ())
            self._show_selection()
            return
        try:
            colors = yield from self._coloring_steps(color, architectures, measured)
            drawing = yield from figure_steps(architectures, options, colors)
            index = yield from index_steps(drawing)
        except ValueError as error:
            self._drawn, self._frame, self.shown = wanted, (), None
            self.refused.emit(str(error))
            return
        frame = tuple(self.networks), options.form, options.block
        self.shown = ShownFigure(index, architectures, color, frame != self._frame)
        self._drawn, self._frame = wanted, frame
        self.figureChanged.emit(self.shown)
        yield
        yield from self._facts_steps(architectures)
        self._show_selection()

    def _facts_steps(self, architectures: Sequence[Architecture]) -> Generator[None, None, None]:
        """Prepare what hovering shows."""
        self._facts = {one: facts for one, facts in self._facts.items() if one in architectures}
        for architecture in architectures:
            yield from plan_steps(architecture)
            table = self._app.table_of(architecture)
            if architecture not in self._facts or self._facts[architecture].table is not table:
                self._facts[architecture] = yield from facts_steps(table)

    def _options(self) -> FigureOptions:
        state = self._session.state
        block = self.block() if state.figure_form == "block" else ""
        return FigureOptions(state.figure_form, FOLDS[state.figure_repeated], block, state.flop_unit)

    def _drawn_architectures(self, options: FigureOptions) -> tuple[Architecture, ...]:
        """The networks that the form can show: of a block those that have it."""
        architectures = self.architectures()
        if options.form != "block":
            return architectures
        selected = architectures[self._network]
        having = tuple(one for one in architectures if has_block(one, options.block))
        return having if selected in having else (selected,)

    def block(self) -> str:
        """The block of the selected network that is drawn from inside; empty if it has none."""
        return chosen_block(self.architectures()[self._network], self._block)

    def blocks(self) -> list[BlockChoice]:
        """The blocks of the selected network to choose from."""
        return block_choices(self.architectures()[self._network])

    def _coloring_steps(
        self, color: ColorKey, architectures: tuple[Architecture, ...], measured: Sequence[Measurement]
    ) -> Generator[None, None, Coloring | None]:
        if color == "time":
            return times([one.layers for one in measured])
        if color != "stage":
            for architecture in architectures:
                yield from field_steps(architecture) if color == "receptive-field" else plan_steps(architecture)
        return coloring(color, architectures, self._session.state.flop_unit)

    # Measured times.

    def effective_color(self) -> ColorKey:
        """What the figure is colored by: by stage as long as the times that are wanted are not measured."""
        color: ColorKey = self._session.state.figure_color
        return "stage" if color == "time" and self._unmeasured() else color

    def accept_note(self) -> None:
        """Do what the remark offers."""
        self._offered()

    def _measure(self) -> None:
        measurements = self._app.measurements
        measurements.request_all([measurements.spec(architecture) for architecture in self._unmeasured()])

    def _measurements(self, architectures: Sequence[Architecture]) -> tuple[Measurement, ...]:
        found = (self._app.measurements.find(architecture) for architecture in architectures)
        return tuple(one for one in found if one is not None)

    def _unmeasured(self) -> list[Architecture]:
        return [one for one in dict.fromkeys(self.architectures()) if self._app.measurements.find(one) is None]

    def _on_measurements_changed(self) -> None:
        if self._session.state.figure_color == "time":
            self.refresh()

    def _show_note(self) -> None:
        """Say which networks have to be measured before their times can color them."""
        missing = self._unmeasured() if self._session.state.figure_color == "time" else []
        note = "", ""
        if missing and self._app.measurements.measuring:
            note = "Measuring…", ""
        elif missing:
            self._offered = self._measure
            note = f"Not measured on this device yet: {', '.join(map(title, missing))}", "Measure"
        if note != self._note:
            self._note = note
            self.noteChanged.emit(*note)

    # The selected layer.

    def select(self, part: Part) -> None:
        """Select the layer of a box, or that of a skip connection or its block: in every workspace if the network is
        the current one."""
        if self.shown is None:
            return
        architecture, names = self.shown.architectures[part.column], _names(part)
        known = channels_by_name(architecture)
        name = next((name for name in names if name in known), "")
        if architecture == self._session.architecture and name:
            self._app.activations.set_layer(name)
        else:
            self._pointed = part.column, names[0]
            self._show_selection()

    def activate(self, part: Part) -> None:
        """Make the network of a box or a skip connection the current architecture, and select its layer."""
        if self.shown is not None:
            self._session.set_architecture(self.shown.architectures[part.column])
            self.select(part)

    def selected_boxes(self) -> Sequence[int]:
        """The boxes of the selected layer."""
        if self.shown is None:
            return ()
        current = self._session.architecture
        if self._pointed:
            return self.shown.index.boxes_of(*self._pointed)
        if current not in self.shown.architectures:
            return ()
        return self.shown.index.boxes_of(self.shown.architectures.index(current), self._app.activations.layer)

    def facts(self, part: Part) -> LayerFacts | None:
        """What the layer table says about a box or a skip connection; None for a moment in a deep network that was just
        drawn."""
        if self.shown is None or not 0 <= part.column < len(self.shown.architectures):
            return None
        architecture = self.shown.architectures[part.column]
        facts = self._facts.get(architecture)
        if facts is None:
            return None
        names, folded = _names(part), self.shown.index.drawing.folded
        shown = set(_with_modules(names[0]))
        repeats = 1 + sum(one in shown for one in folded[part.column].values()) if part.column < len(folded) else 1
        detail = ", ".join(part.lines) if isinstance(part, Box) else f"{JOINTS[part.joint]} shortcut"
        return facts.of(names, detail, self._app.measurements.find(architecture), repeats)

    def command_line(self) -> tuple[str, ...]:
        """The arguments of `resnet-studio` that draw the same. `ValueError` if there is no drawing, or a network has no
        name on the command line."""
        if self.shown is None:
            raise ValueError("There is no figure to draw.")
        options, color, architectures = self._options(), self.effective_color(), self.shown.architectures
        fold = {None: (), True: ("--fold",), False: ("--no-fold",)}[options.fold]
        return (
            "figure",
            *(argument for one in architectures for argument in network_arguments(one)),
            *(() if options.form == "columns" else ("--form", options.form)),
            *(() if options.form == "block" else fold),
            *(("--block", options.block) if options.block else ()),
            *(() if color == "stage" or options.form == "block" else ("--color-by", color)),
            *(() if options.unit == "flops" else ("--unit", options.unit)),
            *("--output", f"{networks_stem(architectures, 'figure')}.svg"),
        )

    def provenance(self) -> NetworkProvenance:
        """The stamp of exported files."""
        return NetworkProvenance(self.shown.architectures if self.shown else ())

    def _on_layer_selected(self, name: str) -> None:
        self._pointed = None
        self._block = _block_of(name) or self._block
        if not self._active:
            return
        if self._session.state.figure_form == "block":
            self.refresh()
        else:
            self._show_selection()

    def _show_selection(self) -> None:
        self.selectionChanged.emit(list(self.selected_boxes()))


def _names(part: Part) -> tuple[str, ...]:
    """The layers that a part of the drawing stands for: of an identity its block."""
    return part.names if isinstance(part, Box) else part.names or (part.block,)


def _block_of(layer: str) -> str:
    """The block that a layer of a residual network is in, or is."""
    return ".".join(layer.split(".")[:2]) if layer.startswith("layer") else ""


def _with_modules(name: str) -> Iterator[str]:
    """A layer's name, and those of the modules that it is in."""
    while name:
        yield name
        name = name.rpartition(".")[0]
