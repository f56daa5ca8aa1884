"""The Activations workspace: the current image in the current network, around the pages that show its maps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.actions import add_action
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.parsing import forward_arguments, style_arguments
from resnet_studio.inference.transforms import IDENTITY

if TYPE_CHECKING:
    from resnet_studio.gui.activations.pages import PageFactory
    from resnet_studio.gui.activations.pins import Pin, PinController
    from resnet_studio.gui.activations.view import ActivationsView
    from resnet_studio.gui.activations.weights.card import WeightsCard
    from resnet_studio.inference.weights.identity import IdentityCard


class ActivationsWorkspace(Workspace):
    """Connects images, layers, transforms, weights and pins; comes forward when images or weights are opened."""

    title = "Activations"
    pages = ("Maps", "Block", "Stats", "Kernels", "A/B", "Attribution")
    page_shortcut = "Ctrl+Alt+"
    view: ActivationsView
    factory: PageFactory | None = None
    _pins: PinController
    _card: WeightsCard | None = None

    def __init__(self, app: AppController, parent: QObject | None = None) -> None:
        super().__init__(app, parent)
        app.image_sources.imagesOpened.connect(self.currentRequested)
        app.weightsOpened.connect(self.currentRequested)

    def make(self) -> QWidget:
        from resnet_studio.gui.activations.pages import PageFactory
        from resnet_studio.gui.activations.pins import PinController
        from resnet_studio.gui.activations.view import ActivationsView

        app, state = self.app, self.app.session.state
        self._pins = PinController(app.session, app.activations)
        factory = self.factory = PageFactory(app, self._pins)
        makers = (
            factory.make_maps, factory.make_block, factory.make_statistics, factory.make_kernels, factory.make_ab,
            factory.make_attribution,
        )  # fmt: skip
        self.tabs = LazyTabWidget(
            tuple(zip(self.pages, makers, strict=True)), "activationPages", self.title, self.page_shortcut, GRID
        )
        self.view = factory.frame = ActivationsView(self.tabs)
        self._connect_images()
        self._connect_network()
        self._connect_transforms()
        self._connect_pins()
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.create_tab(0)  # the channel selected in Maps is shown large on every page
        self.tabs.create_tab(state.activations_page)
        self.tabs.setCurrentIndex(state.activations_page)
        self.tabs.entered.connect(self._on_page_entered)
        return self.view

    def command_line(self) -> tuple[str, ...]:
        """The maps of the selected layer, or the attribution if that page is open; drawn as in Maps."""
        assert self.factory
        assert self.tabs
        spec, layer = self.app.activations.spec, self.app.activations.layer
        drawn = ("--layer", layer, *style_arguments(self.factory.maps.map_style()))
        if self.tabs.currentIndex() == self.pages.index("Attribution"):
            drawn = self.factory.attribution.arguments()
        return ("maps", spec.image, *forward_arguments(spec), *drawn, "--output", "maps.png")

    def set_current(self, current: bool) -> None:
        super().set_current(current)
        self.app.activations.set_visible(current)

    def rerun(self) -> None:
        self.app.activations.invalidate()
        self.app.activations.set_visible(True)

    def start_search(self) -> bool:
        self.view.layers.start_search()
        return True

    def add_actions(self, menu: QMenu) -> None:
        add_action(menu, "Reset image", partial(self.app.activations.set_transforms, IDENTITY), "Ctrl+Alt+0")

    def close(self) -> None:
        """Wait for the file that is being written."""
        if self.factory:
            self.factory.export.stop()

    def _connect_images(self) -> None:
        view, strip, images, sources = self.view, self.view.images, self.app.images, self.app.image_sources
        strip.imageSelected.connect(images.select)
        strip.thumbnailsRequested.connect(images.request_thumbnails)
        images.imagesChanged.connect(strip.show_images)
        images.thumbnailReady.connect(strip.show_thumbnail)
        images.photographOpened.connect(view.show_photograph)
        images.photographFailed.connect(strip.show_thumbnail)
        self._connect_sources()
        self._connect_player()
        strip.show_images(images.images())
        strip.sources.show_recent(sources.recent)

    def _connect_sources(self) -> None:
        strip, button, sources = self.view.images, self.view.images.sources, self.app.image_sources
        self.view.filesDropped.connect(self.app.open_paths)
        button.filesRequested.connect(self.app.open_paths)
        button.recentRequested.connect(sources.open_recent)
        button.dataRequested.connect(sources.open_data)
        button.samplesRequested.connect(sources.open_samples)
        button.pasteRequested.connect(lambda: sources.paste(QGuiApplication.clipboard().mimeData()))
        button.aboutToShow.connect(lambda: button.show_data(sources.data_sets()))
        sources.recentChanged.connect(button.show_recent)
        sources.unlistedChanged.connect(strip.show_unlisted)
        sources.skippedFilesChanged.connect(strip.show_skipped_files)

    def _connect_player(self) -> None:
        bar, player = self.view.images.player, self.app.player
        bar.playToggled.connect(player.toggle)
        bar.rateRequested.connect(player.set_rate)
        player.playingChanged.connect(bar.show_playing)
        player.skippedChanged.connect(self.view.images.show_skipped)
        player.set_rate(bar.rate)

    def _connect_network(self) -> None:
        """Layers and weights, and the results of forward passes."""
        app, view, row = self.app, self.view, self.view.weights
        view.layers.layerSelected.connect(app.activations.set_layer)
        app.planChanged.connect(view.show_layers)
        app.activations.selectionChanged.connect(view.show_selection)
        app.activations.forwardFinished.connect(view.show_result)
        row.weightsRequested.connect(app.weights.request)
        row.architectureRequested.connect(app.session.set_architecture)
        row.digitsRequested.connect(app.open_digits_example)
        row.menuAboutToShow.connect(app.weights.refresh_available)
        app.weights.publishedChanged.connect(row.menu.show_published)
        app.weights.runsFound.connect(row.menu.show_runs)
        row.aboutRequested.connect(app.cards.identify)
        app.cards.cardChanged.connect(self._show_card)
        view.show_layers(app.session.architecture)
        view.show_selection(app.images.selected, app.activations.layer)

    def _connect_transforms(self) -> None:
        activations, view = self.app.activations, self.view
        view.transforms.transformsRequested.connect(activations.set_transforms)
        view.transforms.keepRequested.connect(activations.set_keep_transforms)
        view.input.transformsRequested.connect(activations.set_transforms)
        activations.transformsChanged.connect(view.show_transforms)
        view.show_transforms(activations.spec.transforms)
        view.transforms.show_keep(self.app.session.state.keep_handles)

    def _connect_pins(self) -> None:
        pins, bar, channel = self._pins, self.view.pin_bar, self.view.large_channel
        channel.pinRequested.connect(pins.toggle)
        bar.unpinRequested.connect(pins.unpin)
        bar.moveRequested.connect(pins.move)
        bar.pinSelected.connect(self._show_pin)
        pins.pinsChanged.connect(channel.show_pins)
        pins.failed.connect(bar.show_note)
        channel.show_pins(pins.pins)

    def _show_card(self, card: IdentityCard) -> None:
        """Show what a file of weights is, beside the window's other contents."""
        if self._card is None:
            from resnet_studio.gui.activations.weights.card import WeightsCard

            self._card = WeightsCard(self.view)
            self._card.answerRequested.connect(self.app.cards.answer)
            self._card.networkRequested.connect(self.app.cards.use_network)
            self._card.labelsRequested.connect(self.app.cards.read_labels)
            self.app.planChanged.connect(self._card.show_current)
        self._card.show_card(card, self.app.session.architecture)

    def _show_pin(self, pin: Pin) -> None:
        """Show a pinned channel among the maps of its layer."""
        assert self.factory
        self.open_page(self.pages.index("Maps"))
        self.app.activations.set_layer(pin.layer)
        self.factory.maps.show_channel(pin.channel)

    def _on_page_entered(self, number: int) -> None:
        self.app.session.update(activations_page=number)
