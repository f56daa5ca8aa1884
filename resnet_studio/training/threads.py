"""How many threads a run computes with. Needs neither torch nor Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from resnet_studio.training.runs.events import Began, Event, Stepped, Threads

ROUNDS = 3
"""Timed steps of each count. One before them is not timed: torch prepares its kernels in it."""
LONGEST_TRIAL = 10.0
"""Seconds after which a trial ends once every count has a timed step."""
CLEARLY = 1.1
"""Fewer threads than the share are taken where the share's takes so many times as long, not by chance alone."""
CHECK_EVERY = 0.25
"""Seconds between two looks at who else computes on this machine."""
MOST = 512
"""Threads that a resumed run takes at most, whatever its events say."""
SETTLED_AFTER = 5.0
"""Seconds that cores have to be free until a run takes them back; it gives them up at once."""


@dataclass(frozen=True, slots=True)
class ThreadRecord:
    """The counts that an earlier session of a run computed with, from its events.

    Sums depend on how they are split between threads, so a resumed run repeats them step by step, up to where that
    session came; then its curve is the unbroken run's.
    """

    counts: Mapping[int, int] = field(default_factory=dict)
    """From which step on it computed with how many threads."""
    until: int = 0
    """The first step that it did not train."""
    in_trial: bool = False
    """Whether it was still trying counts."""

    def at(self, step: int) -> int | None:
        """The count of a step; None where the earlier session did not come so far."""
        if step >= self.until:
            return None
        return next((self.counts[first] for first in sorted(self.counts, reverse=True) if first <= step), None)

    @property
    def last(self) -> int:
        return self.counts[max(self.counts)] if self.counts else 0


def recorded(events: Iterable[Event]) -> ThreadRecord:
    """What a run's events say of its threads."""
    counts: dict[int, int] = {}
    until, in_trial = 0, False
    for event in events:
        match event:
            case Began() | Threads():
                counts[event.step] = max(1, min(event.threads, MOST))
                in_trial = isinstance(event, Threads) and event.trial
            case Stepped():
                until = max(until, event.first + len(event.losses))
    return ThreadRecord(counts, until, in_trial)


class ThreadChoice:
    """Chooses the count for every step: equal parts for all that compute here, or fewer where those are quicker.

    Small networks are quicker with few threads than with many, so the first steps of a run try both. When another
    process begins to compute, the run keeps to its part of the cores from the next step on.
    """

    def __init__(self, share: Callable[[], int], record: ThreadRecord | None = None, *, tries: bool = True) -> None:
        """`share` says how many threads this process may compute with now, as `CoreShare.threads`.

        Without `tries` the share is taken as it is: the user chose it, or the CPU is not what computes.
        """
        self._share_now, self._record, self._tries = share, record or ThreadRecord(), tries
        self._share = share()
        self._count = self._record.last or self._share
        self._settled: dict[int, int] = {}
        """The count that was found quickest for a share."""
        self._queue: list[int] = []
        self._times: dict[int, list[float]] = {}
        self._checked = self._wanted_since = time.monotonic()
        self._wanted = self._share
        if self._record.last and not self._record.in_trial:
            self._settled[self._share] = min(self._count, self._share)
            self._count = self._settled[self._share]
        else:
            self._begin_trial()

    @property
    def in_trial(self) -> bool:
        return bool(self._queue)

    def count(self, step: int) -> int:
        """How many threads to compute this step with."""
        return self._record.at(step) or (self._queue[0] if self._queue else self._count)

    def note(self, step: int, seconds: float) -> None:
        """A step took so long; what is chosen for the next follows from it and from who else computes."""
        if self._record.at(step) is not None:
            return
        if self._queue:
            self._note_trial(self._queue.pop(0), seconds)
        if time.monotonic() - self._checked > CHECK_EVERY:
            self._checked = time.monotonic()
            self._keep_to(self._share_now())

    def _begin_trial(self) -> None:
        counts = [self._share]
        while self._tries and counts[-1] > 1:
            counts.append(counts[-1] // 2)
        self._count = self._share
        self._times = {count: [] for count in counts}
        self._queue = counts * (1 + ROUNDS) if len(counts) > 1 else []
        self._untimed = len(counts)

    def _note_trial(self, count: int, seconds: float) -> None:
        if self._untimed:
            self._untimed -= 1
        else:
            self._times[count].append(seconds)
        spent = sum(sum(times) for times in self._times.values())
        if not self._queue or (spent > LONGEST_TRIAL and all(self._times.values())):
            self._queue = []
            medians = {count: median(times) for count, times in self._times.items()}
            best = min(medians.values())
            self._count = max(count for count, seconds in medians.items() if seconds <= CLEARLY * best)
            self._settled[self._share] = self._count

    def _keep_to(self, share: int) -> None:
        """Follow the share: a smaller one that is seen twice, a larger one that stays."""
        now = time.monotonic()
        if share != self._wanted:
            self._wanted, self._wanted_since = share, now
        elif share < self._share or (share > self._share and now - self._wanted_since > SETTLED_AFTER):
            self._share = share
            self._queue = []
            if share in self._settled or share < self._count:
                self._count = min(self._settled.get(share, share), share)
            else:
                self._begin_trial()
