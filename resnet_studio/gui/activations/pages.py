"""The pages of the Activations workspace: makes each and connects it with its controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtWidgets import QWidget

from resnet_studio.gui.activations.ab.controller import ABController
from resnet_studio.gui.activations.attribution.controller import AttributionController
from resnet_studio.gui.activations.block.controller import BlockController
from resnet_studio.gui.activations.kernels.controller import KernelsController
from resnet_studio.gui.activations.maps.controller import MapsExporter, ReferenceController
from resnet_studio.gui.activations.pins import PinController
from resnet_studio.gui.activations.statistics.controller import StatisticsController
from resnet_studio.gui.activations.view import ActivationsView
from resnet_studio.gui.app_controller import AppController
from resnet_studio.inference.attribution import missing_captum_message
from resnet_studio.inference.values import ForwardResult

if TYPE_CHECKING:
    from resnet_studio.gui.activations.maps.view import MapsView


class ResultView(Protocol):
    """A page that shows results of forward passes."""

    def show_result(self, result: ForwardResult) -> None: ...


class PageFactory:
    """Makes the pages, and holds their controllers from the start, as they follow results before their page is opened.

    Maps is made first: a channel that another page selects is selected there.
    """

    frame: ActivationsView
    """What is around the pages. Set before the first page is made."""
    maps: MapsView

    def __init__(self, app: AppController, pins: PinController) -> None:
        activations, engine = app.activations, app.engine
        self._app, self._pins = app, pins
        self.reference = ReferenceController(activations, engine)
        self.block = BlockController(activations, engine)
        self.statistics = StatisticsController(activations, app.images, engine)
        self.kernels = KernelsController(activations, engine)
        self.ab = ABController(app, engine)
        self.attribution = AttributionController(activations, engine)
        self.export = MapsExporter()
        self.export.message.connect(app.news)
        self.export.failed.connect(lambda sentence: app.errorOccurred.emit(sentence, "", ()))

    def make_maps(self) -> QWidget:
        from resnet_studio.gui.activations.maps.view import MapsView

        self.maps = view = MapsView()
        activations, reference, export = self._app.activations, self.reference, self.export
        activations.selectionChanged.connect(view.show_selection)
        self._app.forwardFailed.connect(view.show_problem)
        view.panel.channelChanged.connect(self._on_channel_changed)
        view.panel.hovered.connect(self.frame.large_channel.show_receptive_field)
        view.panel.pinRequested.connect(lambda channel: self._pins.toggle(view.layer(), channel))
        view.exportRequested.connect(export.write)
        export.savingChanged.connect(view.show_saving)
        view.panel.referenceRequested.connect(reference.set_current)
        view.panel.referenceLayerRequested.connect(reference.request_layer)
        reference.referenceChanged.connect(view.show_reference)
        view.show_selection(self._app.images.selected, activations.layer)
        self._show_results_in(view)
        return view

    def make_block(self) -> QWidget:
        from resnet_studio.gui.activations.block.view import BlockView

        view, controller = BlockView(), self.block
        view.visibilityChanged.connect(controller.set_visible)
        view.blockSelected.connect(controller.select_block)
        view.responses.weightsRequested.connect(controller.set_counterpart_weights)
        controller.blockChanged.connect(view.show_block)
        controller.responsesMeasured.connect(view.responses.show_responses)
        controller.weightsChoicesChanged.connect(view.responses.show_choices)
        self._app.forwardFailed.connect(view.show_problem)
        controller.emit_block()
        self._show_results_in(view)
        return view

    def make_statistics(self) -> QWidget:
        from resnet_studio.gui.activations.statistics.view import StatisticsView

        view, activations, controller = StatisticsView(), self._app.activations, self.statistics
        activations.selectionChanged.connect(view.show_selection)
        self._app.forwardFailed.connect(view.show_problem)
        view.table.channelSelected.connect(self.maps.show_channel)
        self.maps.panel.channelChanged.connect(view.show_channel)
        view.saveRequested.connect(self._app.exports.write)
        view.allImagesRequested.connect(controller.run_all_images)
        view.cancelRequested.connect(self._app.cancel)
        controller.accumulatedChanged.connect(view.show_accumulated)
        controller.layerStatisticsChanged.connect(view.show_layer_statistics)
        controller.runningChanged.connect(view.show_running)
        view.show_selection(self._app.images.selected, activations.layer)
        self._show_results_in(view)
        controller.emit_statistics()
        return view

    def make_kernels(self) -> QWidget:
        from resnet_studio.gui.activations.kernels.view import KernelsView

        view, controller = KernelsView(), self.kernels
        view.visibilityChanged.connect(controller.set_visible)
        view.channelSelected.connect(self.maps.show_channel)
        self.maps.panel.channelChanged.connect(view.show_filter)
        controller.loadingStarted.connect(view.show_loading)
        controller.kernelsChanged.connect(view.show_kernels)
        controller.failed.connect(view.show_problem)
        return view

    def make_ab(self) -> QWidget:
        from resnet_studio.gui.activations.ab.view import ABView

        view, controller = ABView(), self.ab
        view.visibilityChanged.connect(controller.set_visible)
        view.overridesRequested.connect(controller.set_overrides)
        view.chooser.architectureFileSelected.connect(controller.open_architecture)
        view.swapRequested.connect(controller.swap)
        view.useSideBRequested.connect(controller.use_side_b)
        view.panel.channelShown.connect(self._on_side_channel_shown)
        self.maps.panel.channelChanged.connect(view.show_channel)
        view.show_channel(self.maps.channel())
        controller.overridesChanged.connect(view.show_overrides)
        controller.pairChanged.connect(view.show_pair)
        controller.pairPending.connect(view.show_pending)
        controller.failed.connect(view.show_problem)
        view.runsRequested.connect(self._app.weights.refresh_available)
        self._app.weights.runsFound.connect(view.show_runs)
        self._app.images.imagesChanged.connect(view.show_images)
        view.show_images(self._app.images.images())
        controller.emit_overrides()
        return view

    def make_attribution(self) -> QWidget:
        from resnet_studio.gui.activations.attribution.view import AttributionView

        view, controller, activations = AttributionView(), self.attribution, self._app.activations
        view.visibilityChanged.connect(controller.set_visible)
        view.attributionRequested.connect(controller.compute_attribution)
        view.requestChanged.connect(controller.set_request)
        view.followToggled.connect(controller.set_following)
        view.occlusionRequested.connect(controller.compute_occlusion)
        view.occlusion.cancelRequested.connect(controller.cancel_occlusion)
        view.occlusion.occluderRequested.connect(controller.set_occluder)
        controller.attributionComputed.connect(view.show_attribution)
        controller.occlusionUpdated.connect(view.show_occlusion)
        controller.runningChanged.connect(view.show_running)
        activations.specChanged.connect(view.set_spec)
        view.show_missing(missing_captum_message())
        view.set_spec(activations.spec)
        self._show_results_in(view)
        return view

    def _show_results_in(self, view: ResultView) -> None:
        activations = self._app.activations
        activations.forwardFinished.connect(view.show_result)
        if activations.result:
            view.show_result(activations.result)

    def _on_channel_changed(self, number: int, values: Any, pixels: Any) -> None:
        self.frame.large_channel.show_channel(number, values, pixels, self.maps.layer())
        self.frame.pin_bar.show_colormap(self.maps.colormap())

    def _on_side_channel_shown(self, number: int, values: Any, pixels: Any, layer: str) -> None:
        """Select a channel that was selected in A/B on the other pages too, and show it large as A/B draws it."""
        if layer == self.maps.layer() and number != self.maps.channel():
            self.maps.show_channel(number)
        self.frame.large_channel.show_channel(number, values, pixels, layer)
