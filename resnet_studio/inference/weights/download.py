"""Downloading a file in a thread that can be abandoned. Needs no torch."""

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

CHUNK_SIZE, TIMEOUT = 1 << 16, 10.0
"""Bytes read at a time; seconds to wait for a silent server."""
MAX_LENGTH_DIGITS = 20
"""Of a Content-Length header; a longer one is ignored."""


class Download:
    """Downloads a file in a thread of its own, as waiting for a silent server or a DNS lookup can't be interrupted.

    Fails if the server announces or sends more than `max_bytes`; no more than that is written.
    """

    def __init__(self, url: str, path: Path, max_bytes: int) -> None:
        self.finished, self.stopped = Event(), Event()
        self.size, self.announced = 0, 0
        self.error = ""
        self.digest = hashlib.sha256()
        self._max_bytes = max_bytes
        Thread(target=self._run, args=(url, path), daemon=True, name="download").start()

    def _run(self, url: str, path: Path) -> None:
        try:
            self._fetch(url, path)
        except (OSError, HTTPException, ValueError) as error:
            self.error = _reason(error)
            if isinstance(error, HTTPError):
                error.close()
        finally:
            if self.stopped.is_set():  # possibly before the file was created
                with suppress(OSError):
                    path.unlink()
            self.finished.set()

    def _fetch(self, url: str, path: Path) -> None:
        request = Request(url, headers={"User-Agent": "resnet-studio"})
        with build_opener(_SafeRedirects).open(request, timeout=TIMEOUT) as response, path.open("xb") as file:
            length = response.headers.get("Content-Length") or ""
            self.announced = int(length) if length.isdecimal() and len(length) < MAX_LENGTH_DIGITS else 0
            self._check_size(self.announced)
            while not self.stopped.is_set() and (chunk := response.read1(CHUNK_SIZE)):
                self._check_size(self.size + len(chunk))
                file.write(chunk)
                self.digest.update(chunk)
                self.size += len(chunk)
            file.flush()
            os.fsync(file.fileno())

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise OSError(f"the server sent more than the expected maximum of {self._max_bytes / 1e6:,.0f} MB")


class _SafeRedirects(HTTPRedirectHandler):
    """Follows redirects, but never from an encrypted connection to an unencrypted one."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        allowed = ("https",) if urlsplit(req.full_url).scheme == "https" else ("https", "http")
        if urlsplit(newurl).scheme not in allowed:
            raise OSError("the server redirected to an insecure address (not https)")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server responded with {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    return (getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).partition("\n")[0]
