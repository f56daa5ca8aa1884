"""Classes and preprocessing of weights: what a file says of itself, and what the user has said of it. No torch.

Sources differ in their words for the same things; `LABELS`, `MEANS` … list them. Of several places in a file the first
one counts, and everything is checked before it is believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import platformdirs

from resnet_studio import codec
from resnet_studio.atomic import write_file
from resnet_studio.files import MAX_JSON_BYTES, FileRefusedError, json_fault, read_file, read_json_below
from resnet_studio.networks.image_size import ImageSize, as_image_size, height_width
from resnet_studio.plain import plain

if TYPE_CHECKING:
    from resnet_studio.inference.weights.contents import CheckpointContents

HEADER_KEY = "resnet_studio.metadata"
"""The key of a safetensors file's metadata under which this program writes a `WeightsMetadata` as JSON."""
LABELS = (
    "label_names", "class_names", "classes", "CLASSES", "categories", "labels", "id2label", "idx_to_class", "idx2label",
    "class_to_idx", "label2id",
)  # fmt: skip
MEANS, DEVIATIONS = ("mean", "image_mean", "norm_mean"), ("std", "image_std", "norm_std")
SIZES = ("input_size", "crop_size", "img_size", "image_size", "size")
INNER = ("pretrained_cfg", "hyper_parameters", "hparams", "args", "config", "cfg", "meta", "dataset_meta", "model_args")
"""Dictionaries in which sources keep these, in a checkpoint or in the config.json beside it."""
MAX_CLASSES, MAX_CHANNELS, MAX_SIDE = 100_000, 1024, 4096
BYTE_RANGE = 2.0
"""A mean above it is one of values of 0 … 255 instead of 0 … 1."""
Values: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WeightsMetadata:
    """The classes of weights and the preprocessing of their images; what is not known is empty."""

    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    """For values of 0 … 1, per channel."""
    crop: ImageSize = 0
    """Size of the network's input; 0 if it is not known."""
    resize: ImageSize = 0
    """Size that images are resized to before they are cropped."""
    interpolation: str = ""
    """"bilinear", "bicubic" …"""
    source: str = ""
    """Where it is from: "config.json", "the file's hyper_parameters"."""

    @property
    def known(self) -> bool:
        """Whether anything is known."""
        return replace(self, source="") != WeightsMetadata()

    def over(self, other: WeightsMetadata) -> WeightsMetadata:
        """This, and where it knows nothing, the other."""
        if not other.known:
            return self
        normalization = self if self.mean else other
        sizes = self if self.crop else other
        sources = [one.source for one in (self, other) if one.known and one.source]
        return WeightsMetadata(
            self.labels or other.labels, normalization.mean, normalization.std, sizes.crop, sizes.resize,
            self.interpolation or other.interpolation, ", ".join(dict.fromkeys(sources)),
        )  # fmt: skip


def to_header(metadata: WeightsMetadata) -> dict[str, str]:
    """The metadata for the header of a safetensors file, which `find_metadata` reads back."""
    return {HEADER_KEY: json.dumps(_to_json(metadata), ensure_ascii=False)} if metadata.known else {}


def find_metadata(contents: CheckpointContents, path: Path) -> WeightsMetadata:
    """What a file of weights says of its classes and preprocessing, in itself or in the JSON files beside it."""
    found = _own(contents.header)
    places = [*_places("the file", contents.metadata), *_places("config.json", contents.sidecar)]
    if contents.sidecar:
        places += _places("preprocessor_config.json", _beside(path, "preprocessor_config.json"))
    for source, values in places:
        found = found.over(_extracted(values, source))
    return found


def stored_metadata(sha256: str) -> WeightsMetadata:
    """What the user has said of the weights with this hash."""
    with suppress(FileRefusedError, ValueError, OSError):
        return _from_json(read_json_below(_folder(), f"{sha256}.json", MAX_JSON_BYTES), "given by you")
    return WeightsMetadata()


def store_metadata(sha256: str, metadata: WeightsMetadata) -> None:
    """Keep what the user says of the weights with this hash, in place of what was kept; `OSError` if that fails."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / f"{sha256}.json", json.dumps(_to_json(metadata), ensure_ascii=False).encode())


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names from a file: one a line, or a JSON list or object; `ValueError` if it has none."""
    try:
        text = read_file(path, MAX_JSON_BYTES).decode("utf-8-sig")
        if text.lstrip()[:1] in ("[", "{"):
            values = json.loads(text)
            labels = _labels(values) or (_extracted(values, "").labels if isinstance(values, dict) else ())
        else:
            labels = tuple(plain(line.strip()) for line in text.splitlines() if line.strip())
    except FileRefusedError as refusal:
        raise ValueError(f"{path}: {refusal}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a list of class names ({json_fault(error)})") from None
    if not labels:
        raise ValueError(f"{path}: has no class names. Write one a line, or a JSON list")
    return labels


def _folder() -> Path:
    return Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "weights"


def _beside(path: Path, name: str) -> Values:
    """The JSON object in a file next to the weights; empty if there is none."""
    with suppress(FileRefusedError, ValueError, RecursionError):
        values = json.loads(read_file(path.with_name(name), MAX_JSON_BYTES))
        return values if isinstance(values, dict) else {}
    return {}


def _own(header: Mapping[str, str]) -> WeightsMetadata:
    with suppress(ValueError, RecursionError):
        return _from_json(json.loads(header.get(HEADER_KEY, "null")), "the file")
    return WeightsMetadata()


def _to_json(metadata: WeightsMetadata) -> dict[str, Any]:
    values = codec.to_json(replace(metadata, crop=0, resize=0), omit_defaults=True)
    sizes = {name: list(height_width(size)) for name in ("crop", "resize") if (size := getattr(metadata, name))}
    return values | sizes


def _from_json(values: Any, source: str) -> WeightsMetadata:
    if not isinstance(values, Mapping):
        return WeightsMetadata()
    found = _extracted({**values, "input_size": values.get("crop")}, values.get("source") or source)
    return replace(found, resize=_size(values.get("resize")), labels=_labels(values.get("labels")))


def _places(name: str, values: Values) -> Iterator[tuple[str, Values]]:
    """The dictionaries of a file that may have classes or preprocessing, the inner ones first."""
    for key in INNER:
        inner = values.get(key)
        if isinstance(inner, Mapping):
            yield from _places(f"{name}'s {key}" if name == "the file" else name, inner)
    yield name, values


def _extracted(values: Values, source: str) -> WeightsMetadata:
    """The classes and the preprocessing in a dictionary, under whichever keys they are."""
    mean, std = _numbers(_first(values, MEANS)), _numbers(_first(values, DEVIATIONS))
    if not mean or len(mean) != len(std) or min(std) <= 0:
        mean = std = ()
    elif max(map(abs, mean)) > BYTE_RANGE:
        mean, std = tuple(value / 255 for value in mean), tuple(value / 255 for value in std)
    crop: ImageSize = next((size for name in SIZES if (size := _size(values.get(name)))), 0)
    labels = next(filter(None, (_labels(values.get(name)) for name in LABELS)), ())
    interpolation = values.get("interpolation")
    found = WeightsMetadata(
        labels, mean, std, crop, _resize(values, crop), plain(interpolation) if isinstance(interpolation, str) else ""
    )
    return replace(found, source=source) if found.known else found


def _first(values: Values, names: Iterable[str]) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _numbers(value: Any) -> tuple[float, ...]:
    """A short list of finite numbers, or nothing."""
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MAX_CHANNELS:
        return ()
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in value):
        return ()
    return tuple(map(float, value))


def _size(value: Any) -> ImageSize:
    """The size of an image as sources write it: 224, [3, 224, 224], {"shortest_edge": 224}; 0 if it is none."""
    if isinstance(value, Mapping):
        edges = [value.get(name) for name in ("height", "width")]
        value = edges if all(edges) else value.get("shortest_edge")
    sides = list(value[-2:]) if isinstance(value, list | tuple) and len(value) in (2, 3) else [value, value]
    if not all(isinstance(side, int) and not isinstance(side, bool) and 0 < side <= MAX_SIDE for side in sides):
        return 0
    return as_image_size(sides)


def _resize(values: Values, crop: ImageSize) -> ImageSize:
    """What images are resized to before the crop: given, or the crop divided by timm's crop_pct."""
    share = values.get("crop_pct")
    if not crop or isinstance(share, bool) or not isinstance(share, int | float) or not 0.1 <= share <= 1:
        return 0
    return as_image_size(math.floor(side / share) for side in height_width(crop))


def _labels(value: Any) -> tuple[str, ...]:
    """Class names in the order of the classes, from a list, a dictionary by number, or one of numbers by name."""
    if isinstance(value, Mapping):
        numbered = {_number(key): name for key, name in value.items()}
        if None in numbered:
            numbered = {_number(number): name for name, number in value.items()}
        value = [numbered.get(number) for number in range(len(value))]
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MAX_CLASSES:
        return ()
    return tuple(map(plain, value)) if all(isinstance(name, str) for name in value) else ()


def _number(value: Any) -> int | None:
    """A class's number, which JSON has as text where it is a key."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isdecimal() and len(text) < 7 else None
