"""The memory that tensors take at a time, those apart that an allocator serves from its heap. Needs no torch."""

from __future__ import annotations

from typing import NamedTuple

MAPPED = 32 * 2**20
"""Bytes from which on glibc always gives a block of its own to the system when it is freed (`malloc`'s
`DEFAULT_MMAP_THRESHOLD_MAX`); it keeps smaller ones."""


class Peak(NamedTuple):
    """The most bytes in use during a pass."""

    tensors: int
    """Of all tensors at the worst moment, weights included."""
    mapped: int
    """Of weights and the tensors of `MAPPED` bytes and more, at their own worst moment."""
    small: int
    """Of the smaller tensors, at theirs."""
    made: int
    """Of all smaller tensors of the forward pass, those among them that were free before its end."""


class Heap:
    """Tensors for a batch, with those who hold them, and the most bytes that they were together."""

    def __init__(self, batch: int, fixed: int) -> None:
        self.batch, self.fixed = batch, fixed
        """Bytes of what does not grow with the batch."""
        self.mapped = self.small = self.made = 0
        self._sizes: list[int] = []
        self._holders: list[int] = []
        self._peak = Peak(0, 0, 0, 0)

    def make(self, size: int) -> int:
        """A new tensor of so many bytes an image, held once."""
        self._sizes.append(size * self.batch)
        self._holders.append(1)
        self._add(size * self.batch, 1)
        return len(self._sizes) - 1

    def hold(self, tensor: int) -> None:
        self._holders[tensor] += 1

    def release(self, tensor: int) -> None:
        self._holders[tensor] -= 1
        if not self._holders[tensor]:
            self._add(self._sizes[tensor], -1)

    def is_shared(self, tensor: int) -> bool:
        return self._holders[tensor] > 1

    def note(self) -> None:
        """Take the present bytes for the peak if they are more."""
        mapped, small = self.fixed + self.mapped, self.small
        before = self._peak
        most = max(before.tensors, mapped + small), max(before.mapped, mapped), max(before.small, small)
        self._peak = Peak(*most, max(before.made, self.made))

    @property
    def peak(self) -> Peak:
        return self._peak

    @property
    def sizes(self) -> frozenset[int]:
        """Bytes of every tensor that was made."""
        return frozenset(self._sizes)

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Bytes in use now: what is fixed, large tensors, small ones; and of all small ones so far."""
        return self.fixed, self.mapped, self.small, self.made

    def repeat(self, before: tuple[int, int, int, int], times: int) -> None:
        """Let what has changed since a state change so many times again."""
        changes = [times * (now - then) for now, then in zip(self.state, before, strict=True)]
        self.fixed, self.mapped, self.small, self.made = (
            now + change for now, change in zip(self.state, changes, strict=True)
        )  # fmt: skip

    def _add(self, size: int, sign: int) -> None:
        if size >= MAPPED:
            self.mapped += sign * size
        else:
            self.small += sign * size
            self.made += max(0, sign) * size
