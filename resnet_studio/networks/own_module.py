"""A network of the user's own as a value: what a function of a Python file returned when the user had it run.

Nothing here runs code, and no JSON makes such a value: `networks/modules/own_module.py` runs the file, which is only
asked where the user has chosen the file. JSON tells about the network, so that results say what they are of.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.causes import FieldError
from resnet_studio.files import FileRefusedError, display_name, read_file
from resnet_studio.formatting import join_names
from resnet_studio.networks.image_size import ImageSize, as_image_size
from resnet_studio.networks.layers import Layer, Shape

SUFFIX = ".py"
MAX_FILE_BYTES = 4_000_000
WARNING = "Opening {} runs its code with your permissions. Open only files that you trust."
"""What is said before a file is run."""
Text = Annotated[str, Meta(max_length=4096, pattern=r"\A[^\0\ud800-\udc7f\udd00-\udfff]*\Z")]
Side = Annotated[int, Meta(ge=1, le=4096)]


class ModuleError(ValueError):
    """A file that gives no network which the program can take; the sentence names the file, and the line if known."""


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """Which function of which file makes a network, and for which images. `FieldError` names an invalid field."""

    path: Text = ""
    """Absolute, as the engine works in another folder."""
    function: Text = ""
    """A function or class that is called without arguments, or a variable that holds a network."""
    height: Side = 224
    width: Side = 224
    channels: Annotated[int, Meta(ge=1, le=1024)] = 3

    def __post_init__(self) -> None:
        codec.check(self)

    @property
    def name(self) -> str:
        """ "net.py:make" """
        return f"{display_name(Path(self.path))}:{self.function}"

    @property
    def image(self) -> ImageSize:
        return as_image_size((self.height, self.width))


@dataclass(frozen=True, slots=True)
class OwnModule:
    """A network that a function of the user's returned. Equal values have the same source, code and plan."""

    source: ModuleSource
    classes: int
    digest: str
    """SHA-256 of the code: of the file and what it imports from its folder; and of the plan."""
    layers: tuple[Layer, ...] = field(compare=False, repr=False)
    """The plan, as one pass was seen to go."""
    fixed_weights: bool = field(default=False, compare=False)
    """Whether every call returns the same weights, as of a network that loads them. Else they are random."""

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def image(self) -> ImageSize:
        return self.source.image

    @property
    def channels(self) -> int:
        return self.source.channels

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the input, in pixels."""
        return self.source.height, self.source.width

    @property
    def input_shape(self) -> Shape:
        return self.channels, *self.image_size

    @property
    def depth(self) -> int:
        """Layers with weights: convolutions and linear layers that are called; attention has two."""
        weights = {"conv": 1, "linear": 1, "attention": 2}
        return sum(weights.get(layer.kind, 0) for layer in self.layers if layer.called)

    def values(self) -> dict[str, Any]:
        """What it is, by the names of fields; none of them can be set."""
        return {"module": self.name, "channels": self.channels, "image": self.image, "classes": self.classes}

    def with_values(self, values: Mapping[str, Any]) -> OwnModule:
        """The network itself if these are its values; else a `FieldError`, as only its code can change it."""
        for name, value in values.items():
            if self.values().get(name) != value:
                raise FieldError(name, f"can't be set: {self.name} is a network of your own. Open its file again")
        return self

    def to_json(self) -> dict[str, Any]:
        """What it is, for results; it can't be read back."""
        image = list(self.image) if isinstance(self.image, tuple) else self.image
        file, _, function = self.name.rpartition(":")
        return {
            "kind": "module", "file": file, "function": function, "channels": self.channels, "image": image,
            "classes": self.classes, "sha256": self.digest,
        }  # fmt: skip


def named_function(text: str) -> tuple[Path, str]:
    """The file and the function of "FILE.py:FUNCTION"; without a function the only one that the file has.

    `ModuleError` if there is none, or more than one.
    """
    file, _, function = text.rpartition(":")
    if function.isidentifier() and file:
        return Path(file).absolute(), function
    path = Path(text).absolute()
    found = makers(path)
    if len(found) == 1:
        return path, found[0]
    several = f"has {join_names(found)}" if found else "has none that takes no arguments"
    raise ModuleError(f"{display_name(path)}: say which function makes the network, as FILE.py:FUNCTION. It {several}")


def makers(path: Path) -> tuple[str, ...]:
    """The names in a file that may make a network, as its text says: functions and classes without required arguments,
    then variables that something is called for. Of classes the last comes first, as it uses the others.

    Nothing is run. `ModuleError` if the file can't be read, or is no Python.
    """
    try:
        tree = ast.parse(read_file(path, MAX_FILE_BYTES))
    except FileRefusedError as error:
        raise ModuleError(f"{display_name(path)} {error}") from None
    except SyntaxError as error:
        raise ModuleError(f"{display_name(path)}, line {error.lineno or 1}: not valid Python ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError):
        raise ModuleError(f"{display_name(path)}: not valid Python") from None
    public = [one for one in tree.body if not getattr(one, "name", "").startswith("_")]
    functions = [one.name for one in public if isinstance(one, ast.FunctionDef) and not _required(one.args)]
    classes = [one.name for one in public if isinstance(one, ast.ClassDef) and _is_made_alone(one)]
    return tuple(dict.fromkeys([*functions, *reversed(classes), *_variables(tree)]))


def _required(arguments: ast.arguments, given: int = 0) -> bool:
    """Whether there are arguments without a default, besides those that are given."""
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional > given or None in arguments.kw_defaults


def _is_made_alone(defined: ast.ClassDef) -> bool:
    """Whether a class has a base, and no required arguments that can be seen."""
    made = (one for one in defined.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    return bool(defined.bases) and not any(_required(one.args, given=1) for one in made)


def _variables(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            yield from (one.id for one in statement.targets if isinstance(one, ast.Name) and one.id[0] != "_")
