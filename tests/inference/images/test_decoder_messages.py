"""libtiff's lines are captured; other lines that are printed meanwhile reach stderr."""

from __future__ import annotations

import os
import threading

import pytest

from resnet_studio.inference.images.decoder_messages import captured_messages


def test_lines_of_libtiff_are_captured_and_others_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with captured_messages() as messages:
        os.write(2, b"Fax4Decode: Bad code word at line 29 of strip 0 (x 0).\nreading images, 3 of 40\n")
        os.write(2, b"tempfile.tif: Using code not yet in table.\n")
        assert messages == []
    assert messages == [
        "Fax4Decode: Bad code word at line 29 of strip 0 (x 0).", "tempfile.tif: Using code not yet in table.",
    ]  # fmt: skip
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "reading images, 3 of 40\nafterwards\n"


def test_one_thread_captures_at_a_time(capfd: pytest.CaptureFixture[str]) -> None:
    captured: dict[int, list[str]] = {}

    def capture(number: int) -> None:
        with captured_messages() as messages:
            os.write(2, b"Fax4Decode: %d\n" % number)
        captured[number] = messages

    threads = [threading.Thread(target=capture, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert captured == {number: [f"Fax4Decode: {number}"] for number in range(20)}
    assert capfd.readouterr().err == ""
