"""The Activations workspace: its pages, and the only place where they are connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from resnet_studio.gui.activations.ab.controller import ABController
from resnet_studio.gui.activations.attribution.controller import AttributionController
from resnet_studio.gui.activations.block.controller import BlockController
from resnet_studio.gui.activations.kernels.controller import KernelsController
from resnet_studio.gui.activations.maps.controller import MapsExporter, ReferenceController
from resnet_studio.gui.activations.pins import Pin, PinController
from resnet_studio.gui.activations.statistics.controller import StatisticsController
from resnet_studio.gui.activations.view import ActivationsView
from resnet_studio.gui.app_controller import ACTIVATION_PAGES, AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.attribution import missing

if TYPE_CHECKING:
    from resnet_studio.gui.activations.maps.view import MapsView


class ActivationsWorkspace(QObject):
    """What the window needs to know of the workspace: its widget, its pages, and where a search begins."""

    _channel_wished = Signal(int)
    """A channel of the chosen layer is to be shown large."""
    _channel_told = Signal(int)
    """A channel is shown large."""
    view: ActivationsView
    pages: LazyTabWidget

    def __init__(self, studio: AppController, work: EngineClient) -> None:
        super().__init__()
        self._studio, self._work = studio, work
        self._maps: MapsView | None = None
        self._reference = ReferenceController(studio.subject, work)
        self._statistics = StatisticsController(studio.subject, studio.images, work)
        self._tray = PinController(studio.session, studio.subject)
        self._beside = ABController(studio, work)
        self._block = BlockController(studio.subject, work)
        self._kernels = KernelsController(studio.subject, work)
        self.export = MapsExporter(self)
        self.export.refused.connect(lambda sentence: studio.problem.emit(sentence, "", ()))
        self._why = AttributionController(studio.subject, work)

    def make(self) -> QWidget:
        """The workspace; its pages are made when they are opened."""
        makers = (
            self._make_maps, self._make_block, self._make_statistics, self._make_kernels, self._make_side_by_side,
            self._make_why,
        )  # fmt: skip
        self.pages = pages = LazyTabWidget(
            tuple(zip(ACTIVATION_PAGES, makers, strict=True)), "activationPages", "Activations", "Ctrl+Alt+", GRID
        )
        self.view = ActivationsView(pages)
        self._connect()
        kept = self._studio.session.kept
        page = min(max(kept.activations_page, 0), len(ACTIVATION_PAGES) - 1)
        pages.tabBar().setDrawBase(False)
        pages.make(0)  # its channel is shown large on every page
        pages.make(page)
        pages.setCurrentIndex(page)
        pages.entered.connect(self._keep_page)
        return self.view

    def close(self) -> None:
        """Wait for what is being written; the window is closing."""
        self.export.stop()

    def show_page(self, page: int) -> None:
        """Bring a page to the front."""
        self.pages.setCurrentIndex(page)

    def start_search(self) -> None:
        """Put the cursor where a layer's name can be typed."""
        self.view.start_search()

    def _connect(self) -> None:
        studio, work, view = self._studio, self._work, self.view
        view.image_chosen.connect(studio.images.choose)
        view.layer_chosen.connect(studio.subject.choose_layer)
        view.files_wished.connect(studio.open_paths)
        view.weights_wished.connect(studio.weights.wish)
        view.architecture_requested.connect(studio.session.take)
        view.weights.opens.connect(studio.weights.look_around)
        studio.weights.published_told.connect(view.weights.menu.show_published)
        studio.weights.runs_found.connect(view.weights.menu.show_runs)
        view.digits_wished.connect(studio.look_at_digits)
        view.handles_wished.connect(studio.subject.turn)
        view.handles.keep_wished.connect(studio.subject.keep_handles)
        studio.architecture_changed.connect(view.show_layers)
        studio.images.images_changed.connect(view.show_images)
        studio.subject.chosen_changed.connect(view.show_chosen)
        studio.subject.handles_changed.connect(view.show_handles)
        studio.subject.looked.connect(view.show_look)
        work.photograph_opened.connect(view.show_photograph)
        self._connect_strip()
        self._connect_tray()
        view.show_layers(studio.session.architecture)
        view.show_images(studio.images.images())
        view.show_handles(studio.subject.subject.handles)
        view.handles.show_kept(studio.session.kept.keep_handles)
        view.show_chosen(studio.images.chosen, studio.subject.layer)

    def _connect_strip(self) -> None:
        studio, work, strip = self._studio, self._work, self.view.images
        sources, player = studio.sources, studio.player
        strip.thumbnails_wished.connect(studio.images.wish_thumbnails)
        work.thumbnail_made.connect(strip.show_thumbnail)
        studio.images.refused.connect(strip.show_thumbnail)
        strip.sources.recent_wished.connect(sources.open_recent)
        strip.sources.data_wished.connect(sources.open_data)
        strip.sources.samples_wished.connect(sources.open_samples)
        strip.sources.paste_wished.connect(lambda: sources.paste(QGuiApplication.clipboard().mimeData()))
        strip.sources.opens.connect(lambda: strip.sources.show_data(sources.data_sets()))
        sources.recent_changed.connect(strip.sources.show_recent)
        sources.more_changed.connect(strip.show_more)
        sources.others_changed.connect(strip.show_others)
        strip.player.toggled.connect(player.toggle)
        strip.player.rate_wished.connect(player.take_rate)
        player.playing_changed.connect(strip.player.show_playing)
        player.passed_over.connect(strip.show_passed_over)
        player.take_rate(strip.player.rate)
        strip.sources.show_recent(sources.recent)

    def _connect_tray(self) -> None:
        desk, view = self._tray, self.view
        view.pin_wished.connect(desk.toggle)
        view.tray.unpin_wished.connect(desk.unpin)
        view.tray.move_wished.connect(desk.move)
        view.tray.pin_chosen.connect(self._go_to)
        desk.pins_changed.connect(view.show_pins)
        desk.refused.connect(view.tray.show_note)
        view.show_pins(desk.pins)

    def _go_to(self, pin: Pin) -> None:
        """Show a pinned channel among the maps of its layer."""
        self.show_page(ACTIVATION_PAGES.index("Maps"))
        self._studio.subject.choose_layer(pin.layer)
        self._channel_wished.emit(pin.channel)

    def _show_channel(self, maps: MapsView, number: int, values: Any, pixels: Any) -> None:
        self.view.show_channel(number, values, pixels, maps.layer())
        self.view.tray.show_colours(maps.colours())

    def _show_side_channel(self, number: int, values: Any, pixels: Any, layer: str) -> None:
        """A channel was framed in A/B: it is framed on the other pages too, and large as A/B draws it."""
        maps = self._maps
        if maps is not None and layer == maps.layer() and number != maps.channel():
            maps.show_channel(number)
        self.view.show_channel(number, values, pixels, layer)

    def _make_maps(self) -> QWidget:
        from resnet_studio.gui.activations.maps.view import MapsView

        self._maps = view = MapsView()
        subject = self._studio.subject
        subject.chosen_changed.connect(view.show_chosen)
        subject.looked.connect(view.show_look)
        self._studio.look_refused.connect(view.show_problem)
        view.channel_shown.connect(lambda *shown: self._show_channel(view, *shown))
        view.hovered.connect(self.view.show_place)
        view.pin_wished.connect(lambda channel: self._tray.toggle(view.layer(), channel))
        self._channel_wished.connect(view.show_channel)
        view.channel_shown.connect(lambda number, *_: self._channel_told.emit(number))
        view.export_wished.connect(self.export.write)
        self.export.saving_changed.connect(view.show_saving)
        view.reference_wished.connect(self._reference.keep)
        view.reference_layer_wished.connect(self._reference.need)
        self._reference.reference_changed.connect(view.show_reference)
        view.show_chosen(self._studio.images.chosen, subject.layer)
        if subject.look:
            view.show_look(subject.look)
        return view

    def _make_side_by_side(self) -> QWidget:
        from resnet_studio.gui.activations.ab.view import ABView

        view, desk = ABView(), self._beside
        view.entered.connect(desk.enter)
        view.beside_wished.connect(desk.choose)
        view.architecture_wished.connect(desk.open_architecture)
        view.swap_wished.connect(desk.swap)
        view.second_wished.connect(desk.take_in_hand)
        view.channel_shown.connect(self._show_side_channel)
        self._channel_told.connect(view.show_channel)
        desk.beside_changed.connect(view.show_beside)
        desk.paired.connect(view.show_pair)
        desk.awaited.connect(view.show_awaited)
        desk.refused.connect(view.show_problem)
        if self._maps is not None:
            view.show_channel(self._maps.channel())
        view.runs_wished.connect(self._studio.weights.look_around)
        self._studio.weights.runs_found.connect(view.show_runs)
        self._studio.images.images_changed.connect(view.show_images)
        view.show_images(self._studio.images.images())
        desk.tell()
        return view

    def _make_block(self) -> QWidget:
        from resnet_studio.gui.activations.block.view import BlockView

        view, desk, subject = BlockView(), self._block, self._studio.subject
        view.entered.connect(desk.enter)
        view.block_chosen.connect(desk.choose)
        view.twin_weights_wished.connect(desk.choose_weights)
        desk.block_changed.connect(view.show_block)
        desk.measured.connect(view.responses.show_responses)
        desk.choices_changed.connect(view.responses.show_choices)
        subject.looked.connect(view.show_look)
        self._studio.look_refused.connect(view.show_problem)
        desk.tell()
        if subject.look:
            view.show_look(subject.look)
        return view

    def _make_kernels(self) -> QWidget:
        from resnet_studio.gui.activations.kernels.view import KernelsView

        self.pages.make(ACTIVATION_PAGES.index("Maps"))  # which shows the chosen channel
        view, desk = KernelsView(), self._kernels
        view.entered.connect(desk.enter)
        view.channel_chosen.connect(self._channel_wished)
        self._channel_told.connect(view.show_filter)
        desk.wished.connect(view.show_wish)
        desk.kernels_changed.connect(view.show_kernels)
        desk.refused.connect(view.show_problem)
        return view

    def _make_statistics(self) -> QWidget:
        from resnet_studio.gui.activations.statistics.view import StatisticsView

        self.pages.make(ACTIVATION_PAGES.index("Maps"))  # which shows the chosen channel
        view, subject, desk = StatisticsView(), self._studio.subject, self._statistics
        subject.chosen_changed.connect(view.show_chosen)
        subject.looked.connect(view.show_look)
        self._studio.look_refused.connect(view.show_problem)
        view.channel_chosen.connect(self._channel_wished)
        self._channel_told.connect(view.show_channel)
        view.survey_wished.connect(desk.look_at_all)
        view.cancel_wished.connect(self._studio.cancel)
        desk.seen_changed.connect(view.show_seen)
        desk.surveyed.connect(view.show_survey)
        desk.running_changed.connect(view.show_running)
        view.show_chosen(self._studio.images.chosen, subject.layer)
        if subject.look:
            view.show_look(subject.look)
        desk.tell()
        return view

    def _make_why(self) -> QWidget:
        from resnet_studio.gui.activations.attribution.view import AttributionView

        view, desk, subject = AttributionView(), self._why, self._studio.subject
        view.entered.connect(desk.enter)
        view.explain_wished.connect(desk.explain)
        view.question_changed.connect(desk.choose)
        view.follow_wished.connect(desk.follow)
        view.sweep_wished.connect(desk.sweep)
        view.cancel_wished.connect(desk.cancel)
        view.occluder_wished.connect(desk.cover)
        desk.explained.connect(view.show_attribution)
        desk.swept.connect(view.show_sweep)
        desk.running_changed.connect(view.show_running)
        subject.subject_changed.connect(view.show_subject)
        subject.looked.connect(view.show_look)
        view.show_missing(missing())
        view.show_subject(subject.subject)
        if subject.look:
            view.show_look(subject.look)
        return view

    def _keep_page(self, page: int) -> None:
        self._studio.session.kept.activations_page = page
