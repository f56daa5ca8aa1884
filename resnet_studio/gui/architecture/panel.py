"""The form of the current architecture, on the left of the window."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.gui.common.form import FormRows
from resnet_studio.gui.common.helpers import separator, set_names
from resnet_studio.gui.common.inputs import ComboBox, EditCommitter, LineUndo, SegmentedControl
from resnet_studio.gui.common.preset_search import preset_search
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import (
    CHOICES,
    DEPTHS,
    Architecture,
    ArchitectureError,
    Residual,
    with_depth,
    with_text,
)
from resnet_studio.networks.families import FAMILIES
from resnet_studio.networks.image_size import image_text, read_image_size
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.presets import matching, preset, preset_name

CUSTOM, DENSE, LISTED = "custom", 20, 27
"""What a depth or preset is called that has no name; characters, with three more for each value, above which a choice
is dense, or a list."""
OWN = {field: words for family in reversed(FAMILIES) for field, words in family.form.items()}
"""Label and tooltip of the fields that belong to a kind of block."""
LABELS = {
    "block": "Block", **{field: label for field, (label, _) in OWN.items()}, "shortcut": "Shortcut",
    "blocks": "Blocks", "width": "Width", "stem": "Stem", "se": "SE", "dilated": "Dilated", "channels": "Channels",
    "image": "Image", "classes": "Classes", "variant": "Variant",
}  # fmt: skip
"""Every field in the order of the form."""
VALUES = {
    "imagenet": "ImageNet", "cifar": "CIFAR", "deep": "deep (ResNet-D)", "deep-tiered": "deep, tiered", "1x1": "1×1",
    "3x3": "3×3",
}  # fmt: skip
"""Values that are shown in another way than they are written."""
TIPS = {
    "block": "\n".join(f"{family.block}: {family.description}" for family in FAMILIES if family.variant == "paper"),
    **{field: tip for field, (_, tip) in OWN.items()},
    "shortcut": "What the shortcut applies to x before the addition:\n"
    "A zero padding · B projection where the shape changes · C projection everywhere · D projection of 2×2 averages · "
    "none: plain network",
    "blocks": "Blocks in conv2_x, conv3_x, …: 1 to 6 integers, such as 3, 4, 6, 3",
    "width": "Channels of conv1; they double with each stage",
    "stem": "ImageNet: 7×7/2 convolution and 3×3/2 max pool\nCIFAR: one 3×3/1 convolution\n"
    "deep: three 3×3 convolutions instead of the 7×7\ntiered: the first of them is narrower (timm's resnet50t)",
    "se": "Squeeze-and-excitation: its reduction, such as 16; 0 for none",
    "dilated": "How many of the last stages dilate their 3×3 convolutions instead of halving the size; 0 for none",
    "channels": "Channels of the image: 3 for color, 1 for grayscale",
    "image": "Side of the square input in pixels, or its height and width, as in 224×320",
    "classes": "Outputs of the last layer",
    "variant": "\n".join(dict.fromkeys(f"{family.variant}: {family.origin}" for family in FAMILIES)),
}


class ArchitecturePanel(QWidget):
    """Shows an architecture and emits `architectureRequested` with the edited one.

    A text is applied as soon as it is complete. An invalid one gets an error under its field, and the architecture is
    the one from before that edit. Ctrl+Z undoes changes of the architecture; only in a field with an invalid or
    incomplete text it undoes the text.
    """

    architectureRequested = Signal(object, str)
    """The architecture, and a name that groups the steps of one edit; empty for an edit of a single step."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("architectureForm")
        self._architecture: Architecture = Residual()
        self._rows = FormRows(label_width=64)
        tip = "Presets: type part of a name, or open the list (Ctrl+P)"
        self._preset = set_names(preset_search(CUSTOM), "presetSearch", "Search presets", tip)
        self._preset.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._preset.textActivated.connect(self._request_preset)
        self._typed_preset().returnPressed.connect(self._request_typed_preset)
        LineUndo(self._preset, lambda: bool(self._rows.error("preset")))
        self._rows.add_field("preset", "Preset", self._preset)
        self._rows.addRow(separator())
        tip = "Weighted layers. The paper's depths also set the block type and the block counts"
        self._depth = set_names(QComboBox(), "depth", "Depth", tip)
        self._depth.textActivated.connect(self._request_depth)
        self._rows.add_field("depth", "Depth", self._depth)
        self._choices: dict[str, SegmentedControl | ComboBox] = {}
        self._lines: dict[str, QLineEdit] = {}
        self._edits: dict[str, EditCommitter] = {}
        self._before_edit: Architecture = self._architecture
        self._requested: Architecture = self._architecture
        """The architecture before the edit in progress, and the one requested last."""
        self._edit = 0
        for field in LABELS:
            self._add_choice(field) if field in CHOICES else self._add_line(field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        layout.addLayout(self._rows)
        layout.addStretch(1)

    def show_architecture(self, architecture: Architecture) -> None:
        """Show every field's value, and clear all errors."""
        if architecture != self._requested:  # changed from outside: an edit in progress starts over
            self._begin_edit(architecture)
        self._architecture = architecture
        self._preset.setCurrentIndex(self._preset.findText(preset_name(architecture) or CUSTOM))
        if isinstance(architecture, OwnModule):
            self._preset.setEditText(architecture.name)
        self._typed_preset().setCursorPosition(0)  # so that a name that is too long shows its beginning
        self._show_depth(architecture)
        values = architecture.values()
        for field, choice in self._choices.items():
            choice.set_value(values[field]) if field in values else choice.clear_selection()
            self._enable_choice(field, architecture)
        for field, line in self._lines.items():
            self._edits[field].discard()
            line.setEnabled(field in values and not isinstance(architecture, OwnModule))
            line.setToolTip(_tip(field, architecture))
            text = _text(field, values.get(field, ""))
            if _meaning(field, line.text()) != _meaning(field, text):  # else it stays as the user has typed it
                line.setText(text)
        for field in self._rows.field_names():
            self._rows.set_error(field, "")
        for field in LABELS:  # no row stands empty for a network that is no ResNet
            self._rows.set_field_visible(field, field in values or isinstance(architecture, Residual))

    def search(self) -> None:
        """Focus the search for presets."""
        self._preset.setFocus()
        self._typed_preset().selectAll()

    def _add_choice(self, field: str) -> None:
        values = {value: VALUES.get(value, value) for value in CHOICES[field]}
        length = sum(len(text) + 3 for text in values.values())
        choice: SegmentedControl | ComboBox
        if length > LISTED:
            choice = ComboBox(values, field, LABELS[field], TIPS[field])
        else:
            choice = SegmentedControl(values, field, LABELS[field])
            if length > DENSE:
                choice.set_dense()
        choice.valueSelected.connect(
            lambda value: self._request(field, lambda: with_text(self._architecture, field, value))
        )
        self._choices[field] = choice
        self._rows.add_field(field, LABELS[field], choice)

    def _add_line(self, field: str) -> None:
        line = set_names(QLineEdit(), field, LABELS[field], TIPS[field])
        self._edits[field] = edit = EditCommitter(line)
        edit.editingStarted.connect(lambda: self._begin_edit(self._architecture))
        edit.committed.connect(lambda text: self._apply_text(field, text))
        LineUndo(line, lambda: bool(self._rows.error(field)) or edit.pending)
        self._lines[field] = line
        self._rows.add_field(field, LABELS[field], line)

    def _begin_edit(self, architecture: Architecture) -> None:
        self._before_edit = architecture
        self._edit += 1

    def _apply_text(self, field: str, text: str) -> None:
        """Apply a line's text. An invalid text stays there, and the architecture is the one before the edit."""
        typed = f"{field} {self._edit}"
        if (
            self._request(field, lambda: with_text(self._before_edit, field, text), typed)
            or self._architecture == self._before_edit
        ):
            return
        problems = {at: problem for at in self._rows.field_names() if (problem := self._rows.error(at))}
        self._requested = self._before_edit
        self.architectureRequested.emit(self._before_edit, typed)
        if self._lines[field].text() != text:
            self._lines[field].selectAll()
            self._lines[field].insert(text)
        for at, problem in problems.items():
            self._rows.set_error(at, problem)

    def _show_depth(self, architecture: Architecture) -> None:
        known = DEPTHS[architecture.stem] if isinstance(architecture, Residual) else {}
        values = architecture.values()
        block = values.get("block"), values.get("blocks")
        usual = known.get(architecture.depth) == block
        other = f"{CUSTOM} ({architecture.depth})" if known else str(architecture.depth)
        texts = [*map(str, known), CUSTOM if usual else other]
        if [self._depth.itemText(row) for row in range(self._depth.count())][:-1] != texts[:-1] or not known:
            self._depth.clear()
            self._depth.addItems(texts)
        self._depth.setItemText(len(known), texts[-1])
        self._depth.setCurrentIndex(list(known).index(architecture.depth) if usual else len(known))
        self._depth.setEnabled(bool(known))

    def _enable_choice(self, field: str, architecture: Architecture) -> None:
        """Disable a choice that has no effect, given the others, and say why in its tooltip."""
        excluded = architecture.block.excluded if isinstance(architecture, Residual) else {}
        self._choices[field].setEnabled(field in architecture.values() and field not in excluded)
        self._choices[field].set_tip(_tip(field, architecture))

    def _request_preset(self, name: str) -> None:
        self._request("preset", lambda: preset(name.strip()))

    def _typed_preset(self) -> QLineEdit:
        return cast("QLineEdit", self._preset.lineEdit())

    def _request_typed_preset(self) -> None:
        """On Return after a name that isn't in the list, select the first preset whose name contains it."""
        typed = self._preset.currentText().strip()
        if typed and self._preset.findText(typed) < 0:
            self._request_preset(next(iter(matching(typed)), typed))

    def _request_depth(self, text: str) -> None:
        if text.startswith(CUSTOM):
            self._show_depth(self._architecture)
            self._lines["blocks"].setFocus()
            return
        assert isinstance(self._architecture, Residual)  # the depth of a baseline can't be edited
        residual = self._architecture
        self._request("depth", lambda: with_depth(residual, int(text)))

    def _request(self, field: str, edit: Callable[[], Architecture], typed: str = "") -> bool:
        """Emit the edited architecture and return True, or show at its field why it is invalid and return False."""
        try:
            architecture = edit()
        except ArchitectureError as error:
            at = error.field if error.field in self._rows.field_names() else field
            self._rows.set_error(at, error.reason)
        except ValueError as error:
            self._rows.set_error(field, str(error))
        else:
            self._rows.set_error(field, "")
            self._requested = architecture
            self.architectureRequested.emit(architecture, typed)
            return True
        return False


def _tip(field: str, architecture: Architecture) -> str:
    """What a field is, or why the blocks exclude it."""
    if isinstance(architecture, OwnModule):
        return f"{TIPS[field]}; chosen when {architecture.name} was opened"
    excluded = architecture.block.excluded if isinstance(architecture, Residual) else {}
    return excluded.get(field, TIPS[field])


def _text(field: str, value: Any) -> str:
    if field == "image" and value:
        return image_text(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _meaning(field: str, text: str) -> object:
    """A field's text but for what makes no difference: spaces, and "64x64" for "64"."""
    if field == "image":
        with suppress(ValueError):
            return read_image_size(text)
    return text.replace(" ", "")
