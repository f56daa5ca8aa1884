"""What a self-test of a device finds: for each check a verdict, a figure and what to do. Needs no torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from resnet_studio.analysis.grids import Grid
from resnet_studio.formatting import DASH, significant

Verdict = Literal["passed", "failed", "skipped", "noted"]
Relation = Literal["", "≤", "≥"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    name: str
    verdict: Verdict
    """"noted" is a figure without a bound; "skipped" says in `detail` why nothing was checked."""
    value: float | None = None
    unit: str = ""
    relation: Relation = ""
    """How `value` has to compare with `bound`; empty without a bound."""
    bound: float | None = None
    detail: str = ""
    """What the figure means, or what went wrong."""
    advice: str = ""
    """What to do if it fails."""
    group: str = ""
    """What is checked: "device", "forward", "speed", "memory" or "training"."""

    @property
    def measured(self) -> str:
        """The figure with its unit: "1.2e−6", "812 images/s"; a dash if there is none."""
        return DASH if self.value is None else f"{significant(self.value)} {self.unit}".rstrip()

    @property
    def limit(self) -> str:
        """The bound: "≤ 1e−4"; empty if there is none."""
        return "" if self.bound is None else f"{self.relation} {significant(self.bound)}"

    @property
    def remark(self) -> str:
        """The detail, followed by the advice if the check failed."""
        return "; ".join(filter(None, [self.detail, self.advice if self.verdict == "failed" else ""]))


def at_most(name: str, value: float, bound: float, unit: str = "", *, detail: str = "", advice: str = "") -> Check:
    """A check that a figure is at most `bound`. NaN fails."""
    return Check(name, "passed" if value <= bound else "failed", value, unit, "≤", bound, detail, advice)


def at_least(name: str, value: float, bound: float, unit: str = "", *, detail: str = "", advice: str = "") -> Check:
    """A check that a figure is at least `bound`. NaN fails."""
    return Check(name, "passed" if value >= bound else "failed", value, unit, "≥", bound, detail, advice)


def holds(name: str, condition: bool, *, detail: str = "", advice: str = "") -> Check:
    """A check without a figure."""
    return Check(name, "passed" if condition else "failed", detail=detail, advice=advice)


def noted(name: str, value: float | None = None, unit: str = "", *, detail: str = "") -> Check:
    """A figure without a bound."""
    return Check(name, "noted", value, unit, detail=detail)


def skipped(name: str, reason: str) -> Check:
    """A check that was not made."""
    return Check(name, "skipped", detail=reason)


def failed(name: str, reason: str, advice: str = "") -> Check:
    """A check that could not be finished."""
    return Check(name, "failed", detail=reason, advice=advice)


@dataclass(frozen=True, slots=True)
class Report:
    """A whole self-test of a device."""

    device: str
    """torch's name: "cuda:0"."""
    label: str
    """The product's name: "NVIDIA A100-SXM4-80GB"."""
    quick: bool
    versions: dict[str, str]
    """Of Python, the libraries and the driver."""
    checks: tuple[Check, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.verdict != "failed" for check in self.checks)

    @property
    def summary(self) -> str:
        """ "cpu (CPU): 31 passed, 0 failed, 4 skipped, 12 noted in 48 s"."""
        counts = Counter(check.verdict for check in self.checks)
        verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict))
        return f"{self.device} ({self.label}): {verdicts} in {self.seconds:.0f} s"

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values; a figure that is not finite is null, with the reason in the detail."""
        return asdict(replace(self, checks=tuple(map(_finite, self.checks)))) | {"passed": self.passed}


def grid(checks: tuple[Check, ...]) -> Grid:
    """The table of a self-test: a line for each check, with a rule below each group."""
    rows = tuple((c.group, c.name, c.verdict, c.measured, c.limit, c.remark) for c in checks)
    ends = (index for index, check in enumerate(checks[:-1]) if check.group != checks[index + 1].group)
    return Grid(("group", "check", "verdict", "measured", "bound", "remark"), rows, frozenset({3, 4}), frozenset(ends))


def _finite(check: Check) -> Check:
    if check.value is None or abs(check.value) < float("inf"):
        return check
    return replace(check, value=None, detail=f"{check.measured}; {check.detail}".rstrip("; "))
