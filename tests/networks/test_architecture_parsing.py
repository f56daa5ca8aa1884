"""Reading an architecture from a file: one whole version of it, or a line that says why not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_written_preset_is_read_back(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name} #1 ü.json"
    file.write_text(json.dumps(to_json(PRESETS[name])))
    assert read_architecture(file) == PRESETS[name]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04\xff\xfe", "not valid JSON: not text"),
        (b"[" * 100_000, "architecture: not valid JSON"),
        (b'{"width": ' + b"9" * 5000 + b"}", "architecture: not valid JSON"),
        (b"[1, 2]", "must be a JSON object"),
        (b'{"kind": "transformer"}', "kind: must be one of residual, baseline"),
        (b'{"widht": 64}', "widht: unknown field"),
        (b'{"width": 64.5}', "width: must be an integer"),
        (b'{"blocks": "3,4"}', "blocks: must be 1 to 6 integers"),
        (b'{"block": ["basic"]}', "block: must be one of"),
    ],
)
def test_a_file_without_an_architecture_is_named_with_the_cause(tmp_path: Path, content: bytes, text: str) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^odd\.json") as refused:
        read_architecture(file)
    assert text in str(refused.value)


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for name, text in (("pipe.json", "is a pipe"), (".", "is a folder"), ("missing.json", "does not exist")):
        with pytest.raises(ValueError, match=text):
            read_architecture(tmp_path / name)
