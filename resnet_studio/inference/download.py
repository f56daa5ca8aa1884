"""Fetching a file from the network, in a thread that can be let go of. Needs no torch."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

PIECE, SILENCE = 1 << 16, 10.0
"""Bytes read at a time; seconds until a silent server is given up."""


class Download:
    """Fetches a file in a thread of its own, as neither a silent server nor a name's look-up can be ended."""

    def __init__(self, url: str, to: Path) -> None:
        self.ended, self.stopped = Event(), Event()
        self.size, self.announced = 0, 0
        self.problem = ""
        self.digest = hashlib.sha256()
        Thread(target=self._run, args=(url, to), daemon=True, name="download").start()

    def _run(self, url: str, to: Path) -> None:
        try:
            self._fetch(url, to)
        except (OSError, HTTPException, ValueError) as error:
            self.problem = _reason(error)
            if isinstance(error, HTTPError):
                error.close()
        finally:
            if self.stopped.is_set():  # maybe before the file was made
                with suppress(OSError):
                    to.unlink()
            self.ended.set()

    def _fetch(self, url: str, to: Path) -> None:
        request = Request(url, headers={"User-Agent": "resnet-studio"})
        with build_opener().open(request, timeout=SILENCE) as answer, to.open("xb") as file:
            self.announced = int(answer.headers.get("Content-Length") or 0)
            while not self.stopped.is_set() and (piece := answer.read1(PIECE)):
                file.write(piece)
                self.digest.update(piece)
                self.size += len(piece)
            file.flush()
            os.fsync(file.fileno())


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).partition("\n")[0]
