"""The Activations workspace: makes its tabs and connects its parts."""

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
from resnet_studio.inference.attribution import missing_captum_message

if TYPE_CHECKING:
    from resnet_studio.gui.activations.maps.view import MapsView


class ActivationsWorkspace(QObject):
    """What the main window uses of the workspace: its widget, its tabs and its search."""

    _channelRequested = Signal(int)
    """A channel of the selected layer is to be shown large."""
    _channelShown = Signal(int)
    """A channel is shown large."""
    view: ActivationsView
    tabs: LazyTabWidget

    def __init__(self, app: AppController, engine: EngineClient) -> None:
        super().__init__()
        self._app, self._engine = app, engine
        self._maps: MapsView | None = None
        self._reference = ReferenceController(app.activations, engine)
        self._statistics = StatisticsController(app.activations, app.images, engine)
        self._pins = PinController(app.session, app.activations)
        self._ab = ABController(app, engine)
        self._block = BlockController(app.activations, engine)
        self._kernels = KernelsController(app.activations, engine)
        self.export = MapsExporter(self)
        self.export.failed.connect(lambda sentence: app.errorOccurred.emit(sentence, "", ()))
        self._attribution = AttributionController(app.activations, engine)

    def make(self) -> QWidget:
        """Make the workspace's widget; its tabs are made when they are first opened."""
        makers = (
            self._make_maps, self._make_block, self._make_statistics, self._make_kernels, self._make_ab,
            self._make_attribution,
        )  # fmt: skip
        self.tabs = tabs = LazyTabWidget(
            tuple(zip(ACTIVATION_PAGES, makers, strict=True)), "activationPages", "Activations", "Ctrl+Alt+", GRID
        )
        self.view = ActivationsView(tabs)
        self._connect()
        state = self._app.session.state
        index = min(max(state.activations_page, 0), len(ACTIVATION_PAGES) - 1)
        tabs.tabBar().setDrawBase(False)
        tabs.create_tab(0)  # its channel is shown large in every tab
        tabs.create_tab(index)
        tabs.setCurrentIndex(index)
        tabs.entered.connect(self._save_tab)
        return self.view

    def close(self) -> None:
        """Wait for the file that is being written."""
        self.export.stop()

    def show_tab(self, index: int) -> None:
        """Switch to a tab."""
        self.tabs.setCurrentIndex(index)

    def start_search(self) -> None:
        """Focus the layer search."""
        self.view.start_search()

    def _connect(self) -> None:
        app, engine, view = self._app, self._engine, self.view
        view.imageSelected.connect(app.images.select)
        view.layerSelected.connect(app.activations.set_layer)
        view.filesRequested.connect(app.open_paths)
        view.weightsRequested.connect(app.weights.request)
        view.architectureRequested.connect(app.session.set_architecture)
        view.weights.menuAboutToShow.connect(app.weights.refresh_available)
        app.weights.publishedChanged.connect(view.weights.menu.show_published)
        app.weights.runsFound.connect(view.weights.menu.show_runs)
        view.digitsRequested.connect(app.open_digits_example)
        view.transformsRequested.connect(app.activations.set_transforms)
        view.transforms.keepRequested.connect(app.activations.set_keep_transforms)
        app.architectureChanged.connect(view.show_layers)
        app.images.imagesChanged.connect(view.show_images)
        app.activations.selectionChanged.connect(view.show_selection)
        app.activations.transformsChanged.connect(view.show_transforms)
        app.activations.forwardFinished.connect(view.show_result)
        engine.imageOpened.connect(view.show_photograph)
        self._connect_strip()
        self._connect_pins()
        view.show_layers(app.session.architecture)
        view.show_images(app.images.images())
        view.show_transforms(app.activations.spec.transforms)
        view.transforms.show_keep(app.session.state.keep_handles)
        view.show_selection(app.images.selected, app.activations.layer)

    def _connect_strip(self) -> None:
        app, engine, strip = self._app, self._engine, self.view.images
        sources, player = app.image_sources, app.player
        strip.thumbnailsRequested.connect(app.images.request_thumbnails)
        engine.thumbnailReady.connect(strip.show_thumbnail)
        app.images.failed.connect(strip.show_thumbnail)
        strip.sources.recentRequested.connect(sources.open_recent)
        strip.sources.dataRequested.connect(sources.open_data)
        strip.sources.samplesRequested.connect(sources.open_samples)
        strip.sources.pasteRequested.connect(lambda: sources.paste(QGuiApplication.clipboard().mimeData()))
        strip.sources.aboutToShow.connect(lambda: strip.sources.show_data(sources.data_sets()))
        sources.recentChanged.connect(strip.sources.show_recent)
        sources.unlistedChanged.connect(strip.show_unlisted)
        sources.skippedFilesChanged.connect(strip.show_skipped_files)
        strip.player.playToggled.connect(player.toggle)
        strip.player.rateRequested.connect(player.set_rate)
        player.playingChanged.connect(strip.player.show_playing)
        player.skippedChanged.connect(strip.show_skipped)
        player.set_rate(strip.player.rate)
        strip.sources.show_recent(sources.recent)

    def _connect_pins(self) -> None:
        controller, view = self._pins, self.view
        view.pinRequested.connect(controller.toggle)
        view.pin_bar.unpinRequested.connect(controller.unpin)
        view.pin_bar.moveRequested.connect(controller.move)
        view.pin_bar.pinSelected.connect(self._show_pin)
        controller.pinsChanged.connect(view.show_pins)
        controller.failed.connect(view.pin_bar.show_note)
        view.show_pins(controller.pins)

    def _show_pin(self, pin: Pin) -> None:
        """Show a pinned channel among the maps of its layer."""
        self.show_tab(ACTIVATION_PAGES.index("Maps"))
        self._app.activations.set_layer(pin.layer)
        self._channelRequested.emit(pin.channel)

    def _show_channel(self, maps: MapsView, number: int, values: Any, pixels: Any) -> None:
        self.view.show_channel(number, values, pixels, maps.layer())
        self.view.pin_bar.show_colormap(maps.colormap())

    def _show_side_channel(self, number: int, values: Any, pixels: Any, layer: str) -> None:
        """Select a channel that was selected in A/B in the other tabs too, and show it large as A/B draws it."""
        maps = self._maps
        if maps is not None and layer == maps.layer() and number != maps.channel():
            maps.show_channel(number)
        self.view.show_channel(number, values, pixels, layer)

    def _make_maps(self) -> QWidget:
        from resnet_studio.gui.activations.maps.view import MapsView

        self._maps = view = MapsView()
        activations = self._app.activations
        activations.selectionChanged.connect(view.show_selection)
        activations.forwardFinished.connect(view.show_result)
        self._app.forwardFailed.connect(view.show_problem)
        view.channelChanged.connect(lambda *shown: self._show_channel(view, *shown))
        view.hovered.connect(self.view.show_receptive_field)
        view.pinRequested.connect(lambda channel: self._pins.toggle(view.layer(), channel))
        self._channelRequested.connect(view.show_channel)
        view.channelChanged.connect(lambda number, *_: self._channelShown.emit(number))
        view.exportRequested.connect(self.export.write)
        self.export.savingChanged.connect(view.show_saving)
        view.referenceRequested.connect(self._reference.set_current)
        view.referenceLayerRequested.connect(self._reference.request_layer)
        self._reference.referenceChanged.connect(view.show_reference)
        view.show_selection(self._app.images.selected, activations.layer)
        if activations.result:
            view.show_result(activations.result)
        return view

    def _make_ab(self) -> QWidget:
        from resnet_studio.gui.activations.ab.view import ABView

        view, controller = ABView(), self._ab
        view.visibilityChanged.connect(controller.set_visible)
        view.overridesRequested.connect(controller.set_overrides)
        view.architectureFileSelected.connect(controller.open_architecture)
        view.swapRequested.connect(controller.swap)
        view.useSideBRequested.connect(controller.use_side_b)
        view.channelShown.connect(self._show_side_channel)
        self._channelShown.connect(view.show_channel)
        controller.overridesChanged.connect(view.show_overrides)
        controller.pairChanged.connect(view.show_pair)
        controller.pairPending.connect(view.show_pending)
        controller.failed.connect(view.show_problem)
        if self._maps is not None:
            view.show_channel(self._maps.channel())
        view.runsRequested.connect(self._app.weights.refresh_available)
        self._app.weights.runsFound.connect(view.show_runs)
        self._app.images.imagesChanged.connect(view.show_images)
        view.show_images(self._app.images.images())
        controller.emit_overrides()
        return view

    def _make_block(self) -> QWidget:
        from resnet_studio.gui.activations.block.view import BlockView

        view, controller, activations = BlockView(), self._block, self._app.activations
        view.visibilityChanged.connect(controller.set_visible)
        view.blockSelected.connect(controller.select_block)
        view.counterpartWeightsRequested.connect(controller.set_counterpart_weights)
        controller.blockChanged.connect(view.show_block)
        controller.responsesMeasured.connect(view.responses.show_responses)
        controller.weightsChoicesChanged.connect(view.responses.show_choices)
        activations.forwardFinished.connect(view.show_result)
        self._app.forwardFailed.connect(view.show_problem)
        controller.emit_block()
        if activations.result:
            view.show_result(activations.result)
        return view

    def _make_kernels(self) -> QWidget:
        from resnet_studio.gui.activations.kernels.view import KernelsView

        self.tabs.create_tab(ACTIVATION_PAGES.index("Maps"))  # which shows the selected channel
        view, controller = KernelsView(), self._kernels
        view.visibilityChanged.connect(controller.set_visible)
        view.channelSelected.connect(self._channelRequested)
        self._channelShown.connect(view.show_filter)
        controller.loadingStarted.connect(view.show_loading)
        controller.kernelsChanged.connect(view.show_kernels)
        controller.failed.connect(view.show_problem)
        return view

    def _make_statistics(self) -> QWidget:
        from resnet_studio.gui.activations.statistics.view import StatisticsView

        self.tabs.create_tab(ACTIVATION_PAGES.index("Maps"))  # which shows the selected channel
        view, activations, controller = StatisticsView(), self._app.activations, self._statistics
        activations.selectionChanged.connect(view.show_selection)
        activations.forwardFinished.connect(view.show_result)
        self._app.forwardFailed.connect(view.show_problem)
        view.channelSelected.connect(self._channelRequested)
        self._channelShown.connect(view.show_channel)
        view.allImagesRequested.connect(controller.run_all_images)
        view.cancelRequested.connect(self._app.cancel)
        controller.accumulatedChanged.connect(view.show_accumulated)
        controller.layerStatisticsChanged.connect(view.show_layer_statistics)
        controller.runningChanged.connect(view.show_running)
        view.show_selection(self._app.images.selected, activations.layer)
        if activations.result:
            view.show_result(activations.result)
        controller.emit_statistics()
        return view

    def _make_attribution(self) -> QWidget:
        from resnet_studio.gui.activations.attribution.view import AttributionView

        view, controller, activations = AttributionView(), self._attribution, self._app.activations
        view.visibilityChanged.connect(controller.set_visible)
        view.attributionRequested.connect(controller.compute_attribution)
        view.requestChanged.connect(controller.set_request)
        view.followToggled.connect(controller.set_following)
        view.occlusionRequested.connect(controller.compute_occlusion)
        view.cancelRequested.connect(controller.cancel_occlusion)
        view.occluderRequested.connect(controller.set_occluder)
        controller.attributionComputed.connect(view.show_attribution)
        controller.occlusionUpdated.connect(view.show_occlusion)
        controller.runningChanged.connect(view.show_running)
        activations.specChanged.connect(view.set_spec)
        activations.forwardFinished.connect(view.show_result)
        view.show_missing(missing_captum_message())
        view.set_spec(activations.spec)
        if activations.result:
            view.show_result(activations.result)
        return view

    def _save_tab(self, index: int) -> None:
        self._app.session.state.activations_page = index
