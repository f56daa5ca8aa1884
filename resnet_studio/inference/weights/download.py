"""Fetching a file from the network, in a thread that can be let go of. Needs no torch."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from threading import Event, Thread
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

PIECE, SILENCE = 1 << 16, 10.0
"""Bytes read at a time; seconds until a silent server is given up."""
DIGITS = 20
"""Of a length that a server announces; a longer one is none."""


class Download:
    """Fetches a file in a thread of its own, as neither a silent server nor a name's look-up can be ended.

    A server that announces or sends more than `most` bytes is given up: no more than that is written.
    """

    def __init__(self, url: str, to: Path, most: int) -> None:
        self.ended, self.stopped = Event(), Event()
        self.size, self.announced = 0, 0
        self.problem = ""
        self.digest = hashlib.sha256()
        self._most = most
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
        with build_opener(_SafeRedirects).open(request, timeout=SILENCE) as answer, to.open("xb") as file:
            length = answer.headers.get("Content-Length") or ""
            self.announced = int(length) if length.isdecimal() and len(length) < DIGITS else 0
            self._check_size(self.announced)
            while not self.stopped.is_set() and (piece := answer.read1(PIECE)):
                self._check_size(self.size + len(piece))
                file.write(piece)
                self.digest.update(piece)
                self.size += len(piece)
            file.flush()
            os.fsync(file.fileno())

    def _check_size(self, size: int) -> None:
        if size > self._most:
            raise OSError(f"the server sends more than the {self._most / 1e6:,.0f} MB that the file has at most")


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a server to another place, but never from an encrypted connection to one that is not."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        allowed = ("https",) if urlsplit(req.full_url).scheme == "https" else ("https", "http")
        if urlsplit(newurl).scheme not in allowed:
            raise OSError("the server leads to an address that is not encrypted (https), which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).partition("\n")[0]
