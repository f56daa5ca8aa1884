"""The Activations workspace: its pages, and the only place where they are connected."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from resnet_studio.gui.reference_desk import ReferenceDesk
from resnet_studio.gui.studio import Studio
from resnet_studio.gui.views.activations import ActivationsView
from resnet_studio.gui.work import Work
from resnet_studio.gui.workspaces import Workspaces

PAGES = ("Maps",)


class ActivationsRoom(QObject):
    """What the window needs to know of the workspace: its widget, its pages, and where a search begins."""

    view: ActivationsView
    pages: Workspaces

    def __init__(self, studio: Studio, work: Work) -> None:
        super().__init__()
        self._studio, self._work = studio, work
        self._reference = ReferenceDesk(studio.subject, work)

    def make(self) -> QWidget:
        """The workspace; its pages are made when they are opened."""
        makers = (self._make_maps,)
        self.pages = pages = Workspaces(
            tuple(zip(PAGES, makers, strict=True)), "activationPages", "Activations", "Ctrl+Alt+"
        )
        self.view = ActivationsView(pages)
        self._connect()
        kept = self._studio.session.kept
        page = min(max(kept.activations_page, 0), len(PAGES) - 1)
        pages.make(page)
        pages.setCurrentIndex(page)
        pages.entered.connect(self._keep_page)
        return self.view

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
        view.weights_wished.connect(studio.weights.choose)
        view.digits_wished.connect(studio.look_at_digits)
        view.handles_wished.connect(studio.subject.turn)
        studio.architecture_changed.connect(view.show_layers)
        studio.images.images_changed.connect(view.show_images)
        studio.subject.chosen_changed.connect(view.show_chosen)
        studio.subject.handles_changed.connect(view.show_handles)
        studio.subject.looked.connect(view.show_look)
        studio.look_refused.connect(view.show_problem)
        work.photograph_opened.connect(view.show_photograph)
        work.thumbnail_made.connect(view.show_thumbnail)
        view.show_layers(studio.session.architecture)
        view.show_images(studio.images.images())
        view.show_handles(studio.subject.subject.handles)
        view.show_chosen(studio.images.chosen, studio.subject.layer)

    def _make_maps(self) -> QWidget:
        from resnet_studio.gui.views.maps import MapsView

        view, subject = MapsView(), self._studio.subject
        subject.chosen_changed.connect(view.show_chosen)
        subject.looked.connect(view.show_look)
        self._studio.look_refused.connect(view.show_problem)
        view.channel_shown.connect(self.view.show_channel)
        view.reference_wished.connect(self._reference.keep)
        view.reference_layer_wished.connect(self._reference.need)
        self._reference.reference_changed.connect(view.show_reference)
        view.show_chosen(self._studio.images.chosen, subject.layer)
        if subject.look:
            view.show_look(subject.look)
        return view

    def _keep_page(self, page: int) -> None:
        self._studio.session.kept.activations_page = page
