"""Choosing the number of CPU threads of a run. Needs neither torch nor Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from resnet_studio.training.runs.events import Began, Event, Stepped, Threads

TRIAL_ROUNDS = 3
"""Timed steps for each count. One step before them is not timed, as torch prepares its kernels in it."""
MAX_TRIAL_SECONDS = 10.0
"""Seconds after which a trial ends, once every count has a timed step."""
SLOWDOWN_THRESHOLD = 1.1
"""Fewer threads are used only if a step with the larger count takes more than this many times as long."""
CHECK_INTERVAL = 0.25
"""Seconds between two checks of the share of cores."""
MAX_THREADS = 512
"""Upper limit for the thread counts that a resumed run reads from its events."""
TAKE_BACK_AFTER = 5.0
"""Seconds that cores have to be free until a run takes them back. It gives them up at once."""


@dataclass(frozen=True, slots=True)
class ThreadRecord:
    """The thread counts of a run's earlier session, from its events.

    Floating point sums depend on how they are split between threads. A resumed run repeats the counts step by step
    as far as that session came, so that its curve equals that of an uninterrupted run.
    """

    counts: Mapping[int, int] = field(default_factory=dict)
    """Maps the first step of each stretch to its number of threads."""
    until: int = 0
    """The first step that was not trained."""
    in_trial: bool = False
    """Whether the session ended during a trial."""

    def count_at(self, step: int) -> int | None:
        """The count for a step; None if the earlier session did not come so far."""
        if step >= self.until:
            return None
        return next((self.counts[first] for first in sorted(self.counts, reverse=True) if first <= step), None)

    @property
    def last(self) -> int:
        return self.counts[max(self.counts)] if self.counts else 0


def read_thread_record(events: Iterable[Event]) -> ThreadRecord:
    """The thread counts in a run's events."""
    counts: dict[int, int] = {}
    until, in_trial = 0, False
    for event in events:
        match event:
            case Began() | Threads():
                counts[event.step] = max(1, min(event.threads, MAX_THREADS))
                in_trial = isinstance(event, Threads) and event.trial
            case Stepped():
                until = max(until, event.first + len(event.losses))
    return ThreadRecord(counts, until, in_trial)


class ThreadChoice:
    """Chooses the thread count for every step: this process's share of the cores, or fewer if that is faster.

    Small networks train faster with few threads, so the first steps of a run try several counts. When another process
    starts to compute, the run keeps to its share of the cores from the next check on.
    """

    def __init__(
        self, share: Callable[[], int], record: ThreadRecord | None = None, *, run_trials: bool = True
    ) -> None:
        """`share` returns how many threads this process may use now, as `CoreShare.threads`.

        Without `run_trials` the whole share is used: the user chose the count, or the CPU isn't the device.
        """
        self._current_share, self._record, self._runs_trials = share, record or ThreadRecord(), run_trials
        self._share = share()
        self._count = self._record.last or self._share
        self._best_counts: dict[int, int] = {}
        """The fastest count for each share that was tried."""
        self._queue: list[int] = []
        self._times: dict[int, list[float]] = {}
        self._checked = self._new_share_since = time.monotonic()
        self._new_share = self._share
        if self._record.last and not self._record.in_trial:
            self._best_counts[self._share] = min(self._count, self._share)
            self._count = self._best_counts[self._share]
        else:
            self._begin_trial()

    @property
    def in_trial(self) -> bool:
        return bool(self._queue)

    def count(self, step: int) -> int:
        """How many threads to use for a step."""
        return self._record.count_at(step) or (self._queue[0] if self._queue else self._count)

    def add_step_time(self, step: int, seconds: float) -> None:
        """Record how long a step took and update the choice for the next one."""
        if self._record.count_at(step) is not None:
            return
        if self._queue:
            self._add_trial_time(self._queue.pop(0), seconds)
        if time.monotonic() - self._checked > CHECK_INTERVAL:
            self._checked = time.monotonic()
            self._follow_share(self._current_share())

    def _begin_trial(self) -> None:
        counts = [self._share]
        while self._runs_trials and counts[-1] > 1:
            counts.append(counts[-1] // 2)
        self._count = self._share
        self._times = {count: [] for count in counts}
        self._queue = counts * (1 + TRIAL_ROUNDS) if len(counts) > 1 else []
        self._untimed = len(counts)

    def _add_trial_time(self, count: int, seconds: float) -> None:
        if self._untimed:
            self._untimed -= 1
        else:
            self._times[count].append(seconds)
        spent = sum(sum(times) for times in self._times.values())
        if not self._queue or (spent > MAX_TRIAL_SECONDS and all(self._times.values())):
            self._queue = []
            quickest = {count: min(times) for count, times in self._times.items()}  # a disturbance only adds
            best = min(quickest.values())
            self._count = max(count for count, seconds in quickest.items() if seconds <= SLOWDOWN_THRESHOLD * best)
            self._best_counts[self._share] = self._count

    def _follow_share(self, share: int) -> None:
        """Follow the share: a smaller one once it is seen twice, a larger one once it has lasted."""
        now = time.monotonic()
        if share != self._new_share:
            self._new_share, self._new_share_since = share, now
        elif share < self._share or (share > self._share and now - self._new_share_since > TAKE_BACK_AFTER):
            self._share = share
            self._queue = []
            if share in self._best_counts or share < self._count:
                self._count = min(self._best_counts.get(share, share), share)
            else:
                self._begin_trial()
