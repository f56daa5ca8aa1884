"""The architecture in hand: its fields, on the left of the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from resnet_studio.gui.common.form import FormRows
from resnet_studio.gui.common.helpers import named, rule
from resnet_studio.gui.common.inputs import EditCommitter, LineUndo, SegmentedControl
from resnet_studio.gui.common.preset_search import preset_search
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import DEPTHS, Architecture, ArchitectureError, Residual, with_depth, with_text
from resnet_studio.networks.presets import PRESETS, preset, preset_name

CUSTOM = "custom"
CHOICES = {
    "block": ("Block", {"basic": "basic", "bottleneck": "bottleneck"}),
    "stride_on": ("Stride on", {"1x1": "1×1", "3x3": "3×3"}),
    "shortcut": ("Shortcut", {"A": "A", "B": "B", "C": "C", "none": "none"}),
    "stem": ("Stem", {"imagenet": "ImageNet", "cifar": "CIFAR"}),
    "variant": ("Code of", {"paper": "paper", "article": "article"}),
}
LINES = {"blocks": "Blocks", "width": "Width", "channels": "Channels", "image": "Image", "classes": "Classes"}
ORDER = ("block", "stride_on", "shortcut", "blocks", "width", "stem", "channels", "image", "classes", "variant")
TIPS = {
    "block": "basic: two 3×3 convolutions (18, 34 layers)\n"
    "bottleneck: 1×1, 3×3, 1×1 with four times the channels (50, 101, 152)",
    "stride_on": "Which convolution of a bottleneck halves the size:\n"
    "the first 1×1 as in the paper, or the 3×3 as in torchvision (v1.5)",
    "shortcut": "What x goes through on its way to the addition:\n"
    "A zero-padding · B projection where the shape changes · C projection everywhere · none: a plain network",
    "blocks": "How many blocks conv2_x, conv3_x, … hold: 1 to 6 numbers, such as 3, 4, 6, 3",
    "width": "Channels of conv1; from stage to stage they double",
    "stem": "ImageNet: 7×7/2 convolution and 3×3/2 max pool\nCIFAR: one 3×3/1 convolution",
    "channels": "Channels of the image: 3 for colour, 1 for grey",
    "image": "Side of the square input, in pixels",
    "classes": "Outputs of the last layer",
    "variant": "paper: He et al. 2015\narticle: Gamulin's article of 2020, with its slips",
}


class ArchitecturePanel(QWidget):
    """Shows an architecture and emits `wished` with the one that an edit asks for.

    A field is taken when it is whole. What no network can have is said under its field, and the architecture is the
    one from before that field was edited. Undo is the architecture's; only a field that is not taken undoes its text.
    """

    wished = Signal(object, str)
    """The architecture, and a name for the edit where more may come of it; empty where it is whole by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("architectureForm")
        self._architecture: Architecture = Residual()
        self._rows = FormRows(labels=64)
        tip = "Named architectures: type a part of the name, or open the list (Ctrl+P)"
        self._preset = named(preset_search(CUSTOM), "presetSearch", "Search presets", tip)
        self._preset.textActivated.connect(self._wish_preset)
        self._typed_preset().returnPressed.connect(self._wish_unlisted)
        LineUndo(self._preset, lambda: bool(self._rows.problem("preset")))
        self._rows.add("preset", "Preset", self._preset)
        self._rows.addRow(rule())
        tip = "Weighted layers. The paper's depths bring their block and blocks along"
        self._depth = named(QComboBox(), "depth", "Depth", tip)
        self._depth.textActivated.connect(self._wish_depth)
        self._rows.add("depth", "Depth", self._depth)
        self._choices: dict[str, SegmentedControl] = {}
        self._lines: dict[str, QLineEdit] = {}
        self._edits: dict[str, EditCommitter] = {}
        self._before: Architecture = self._architecture
        self._wanted: Architecture = self._architecture
        """What was shown before the edit that is going on, and what was asked for last."""
        self._edit = 0
        for field in ORDER:
            self._add_choice(field) if field in CHOICES else self._add_line(field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        layout.addLayout(self._rows)
        layout.addStretch(1)

    def show_architecture(self, architecture: Architecture) -> None:
        """Show every field's value, and forget what was wrong."""
        if architecture != self._wanted:  # somebody else's doing: an edit that goes on begins anew
            self._begin(architecture)
        self._architecture = architecture
        self._preset.setCurrentIndex(self._preset.findText(preset_name(architecture) or CUSTOM))
        self._show_depth(architecture)
        own = {field.name for field in fields(architecture)}
        for field, choice in self._choices.items():
            choice.setEnabled(field in own)
            choice.show_value(getattr(architecture, field)) if field in own else choice.show_none()
        for field, line in self._lines.items():
            self._edits[field].drop()
            line.setEnabled(field in own)
            text = _text(getattr(architecture, field, ""))
            if line.text().replace(" ", "") != text.replace(" ", ""):  # leave the user's own spaces as typed
                line.setText(text)
        self._disable_what_follows(architecture)
        for field in self._rows.fields():
            self._rows.show_problem(field, "")

    def search(self) -> None:
        """Put the cursor where a preset's name can be typed."""
        self._preset.setFocus()
        self._typed_preset().selectAll()

    def _add_choice(self, field: str) -> None:
        label, values = CHOICES[field]
        choice = SegmentedControl(values, label, dict.fromkeys(values, TIPS[field]))
        choice.setObjectName(field)
        choice.chosen.connect(lambda value: self._wish(field, lambda: with_text(self._architecture, field, value)))
        self._choices[field] = choice
        self._rows.add(field, label, choice)

    def _add_line(self, field: str) -> None:
        line = named(QLineEdit(), field, LINES[field], TIPS[field])
        self._edits[field] = edit = EditCommitter(line)
        edit.began.connect(lambda: self._begin(self._architecture))
        edit.whole.connect(lambda text: self._take_text(field, text))
        LineUndo(line, lambda: bool(self._rows.problem(field)) or edit.pending)
        self._lines[field] = line
        self._rows.add(field, LINES[field], line)

    def _begin(self, architecture: Architecture) -> None:
        self._before = architecture
        self._edit += 1

    def _take_text(self, field: str, text: str) -> None:
        """Take what stands in a line. What can't be taken stays there, and the network is as it was before the edit."""
        typed = f"{field} {self._edit}"
        if self._wish(field, lambda: with_text(self._before, field, text), typed) or self._architecture == self._before:
            return
        problems = {at: problem for at in self._rows.fields() if (problem := self._rows.problem(at))}
        self._ask_for(self._before, typed)
        if self._lines[field].text() != text:
            self._lines[field].selectAll()
            self._lines[field].insert(text)
        for at, problem in problems.items():
            self._rows.show_problem(at, problem)

    def _show_depth(self, architecture: Architecture) -> None:
        known = DEPTHS[architecture.stem] if isinstance(architecture, Residual) else {}
        block = getattr(architecture, "block", ""), getattr(architecture, "blocks", ())
        usual = known.get(architecture.depth) == block
        other = f"{CUSTOM} ({architecture.depth})" if known else str(architecture.depth)
        texts = [*map(str, known), CUSTOM if usual else other]
        if [self._depth.itemText(row) for row in range(self._depth.count())][:-1] != texts[:-1] or not known:
            self._depth.clear()
            self._depth.addItems(texts)
        self._depth.setItemText(len(known), texts[-1])
        self._depth.setCurrentIndex(list(known).index(architecture.depth) if usual else len(known))
        self._depth.setEnabled(bool(known))

    def _disable_what_follows(self, architecture: Architecture) -> None:
        """Fields that have no effect, given the others, can't be edited."""
        if isinstance(architecture, Residual):
            paper = architecture.variant == "paper"
            self._choices["stride_on"].setEnabled(paper and architecture.block == "bottleneck")
            self._choices["shortcut"].setEnabled(paper)

    def _wish_preset(self, name: str) -> None:
        self._wish("preset", lambda: preset(name.strip()))

    def _typed_preset(self) -> QLineEdit:
        return cast("QLineEdit", self._preset.lineEdit())

    def _wish_unlisted(self) -> None:
        """Return after a name that the list doesn't have: the first preset that has it as a part is meant."""
        typed = self._preset.currentText().strip()
        if typed and self._preset.findText(typed) < 0:
            self._wish_preset(next((name for name in PRESETS if typed.lower() in name), typed))

    def _wish_depth(self, text: str) -> None:
        if text.startswith(CUSTOM):
            self._show_depth(self._architecture)
            self._lines["blocks"].setFocus()
            return
        assert isinstance(self._architecture, Residual)  # the depth of a baseline can't be edited
        residual = self._architecture
        self._wish("depth", lambda: with_depth(residual, int(text)))

    def _wish(self, field: str, wished: Callable[[], Architecture], typed: str = "") -> bool:
        """Emit what the edit asks for, or say at its field why there is no such network; whether there is."""
        try:
            architecture = wished()
        except ArchitectureError as error:
            at = error.field if error.field in self._rows.fields() else field
            self._rows.show_problem(at, str(error).removeprefix(f"{error.field}: "))
        except ValueError as error:
            self._rows.show_problem(field, str(error))
        else:
            self._rows.show_problem(field, "")
            self._ask_for(architecture, typed)
            return True
        return False

    def _ask_for(self, architecture: Architecture, typed: str) -> None:
        self._wanted = architecture
        self.wished.emit(architecture, typed)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
