"""What the study `ladder` says: how much of the gap each factor makes, alone and in company.

Three readings of one factor. *Alone*: taken into source A's recipe with nothing else. *Added*: taken with all
factors before it. *In company*: the whole of B's code against B's code without it. They agree where factors
don't interact.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from ..studies.collecting import Collected
from ..studies.gap import FACTORS, SCALES
from .comparing import TEST, VALIDATION, change, estimates
from .report import signed
from .style import GREY, MARK, POSITIVE, WIDTH, error_ticks, say_open
from .uncertainty import Estimate

A, B = "ends: A", "ends: B"


def _factors(collected: Collected) -> list[str]:
    return [key.removeprefix("alone: ") for key in collected.study.keys if key.startswith("alone: ")]


def contributions(collected: Collected) -> dict[str, dict[str, Estimate | None]]:
    """For each factor what taking it changes in the validation error: `alone`, `added` and `in company`, in points."""

    def step(before: str, after: str) -> Estimate | None:
        return change(collected, {"change": before}, {"change": after})

    found, before = {}, A
    for factor in _factors(collected):
        found[factor] = {
            "alone": step(A, f"alone: {factor}"),
            "added": step(before, f"added: {factor}"),
            "in company": step(f"removed: {factor}", B),
        }
        before = f"added: {factor}"
    return found


def parts(collected: Collected) -> dict[str, dict[str, Estimate | None]]:
    """The same with the scales as one factor: what each part changes, `added` to those before it and `in company`.

    What is added sums up to the whole.
    """
    together = {
        "added": change(collected, {"change": A}, {"change": f"added: {SCALES[-1]}"}),
        "in company": change(collected, {"change": "removed: scales"}, {"change": B}),
    }
    others = {factor: found for factor, found in contributions(collected).items() if factor not in SCALES}
    return {"scales": together} | others


def answer(collected: Collected) -> pd.DataFrame:
    """What explains the gap: the parts in words, below each other."""
    words = {"scales": "the five of scale together: " + ", ".join(SCALES)} | FACTORS
    rows = {
        part: {"what changes": words[part]} | {way: signed(ways[way]) for way in ("added", "in company")}
        for part, ways in parts(collected).items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(columns="part")


def table(collected: Collected) -> pd.DataFrame:
    """The contributions in words, below each other in the order of the ladder."""
    rows = {
        factor: {"what changes": FACTORS[factor]} | {way: signed(found) for way, found in ways.items()}
        for factor, ways in contributions(collected).items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(columns="factor")


def ends(collected: Collected) -> dict[str, Estimate | None]:
    """Validation and test error of both recipes."""
    errors = {name: estimates(collected, metric) for name, metric in (("validation", VALIDATION), ("test", TEST))}
    return {f"{end}_{name}": found.get(f"ends: {end}") for end in "AB" for name, found in errors.items()}


def strongest(collected: Collected, way: str) -> list[str]:
    """The factors that lower the error in one reading, the most first."""
    found = {f: ways[way].mean for f, ways in contributions(collected).items() if ways[way] is not None}
    return sorted((factor for factor in found if found[factor] < 0), key=found.get)


def draw(collected: Collected) -> None:
    """Left: the error down the ladder, factor by factor. Right: each factor alone, and in company."""
    factors = _factors(collected)
    _, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 4.2), sharey=True, width_ratios=(1, 1.25))
    if collected.table.empty:
        say_open(left)
        right.set_axis_off()
        return
    errors = estimates(collected, VALIDATION)
    steps = [A, *(f"added: {factor}" for factor in factors)]
    rows = [i for i, key in enumerate(steps) if key in errors]
    means = [errors[steps[i]].mean for i in rows]
    left.plot(means, rows, "o-", color=POSITIVE)
    for row, mean, above in zip(rows, means, [means[0], *means], strict=False):
        # On the side of the point that the line from above does not come from.
        place = {"xytext": (-7, 0), "ha": "right"} if above > 1.5 * mean else {"xytext": (7, 4)}
        left.annotate(f"{mean:.2f}", (mean, row), textcoords="offset points", fontsize=8, **place)
    left.set(xscale="log", xlabel="validation error (%)", title="factors added one by one")
    left.set_yticks(range(len(steps)), ["A's recipe", *(f"+ {factor}" for factor in factors)])
    error_ticks(left.xaxis)
    left.margins(x=0.18)
    left.invert_yaxis()

    found = contributions(collected)
    for way, colour, marker, shift in (("alone", GREY, "s", -0.14), ("in company", MARK, "o", 0.14)):
        known = [(i + 1, found[factor][way]) for i, factor in enumerate(factors) if found[factor][way]]
        means = [e.mean for _, e in known]
        bars = [[e.mean - e.low for _, e in known], [e.high - e.mean for _, e in known]]
        right.errorbar(means, [i + shift for i, _ in known], xerr=bars, fmt=marker, color=colour, label=way, ms=5)
    right.axvline(0, color=GREY, linewidth=0.8)
    right.set_xscale("symlog", linthresh=1)
    right.set_xlim(-200, 200)  # No change of an error is greater than 100 points.
    right.xaxis.set_major_formatter("{x:g}")
    right.set(xlabel="change of the error (points)", title="each factor, alone and in company")
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.06), ncols=2, fontsize=8)
