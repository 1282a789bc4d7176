"""The scorecard: every claim of `results/claims.yaml`, what we measured, and the verdict.

The claims and their pass bands were committed before the runs that decide them; the rules by which a verdict
follows are spelled out at the head of that file and implemented here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import yaml

from .. import studies
from ..errors import UserError
from ..files import project_folder
from ..studies import collecting
from ..studies.collecting import Collected
from .comparing import IMAGES, Measured, choose, complete, difference, measured
from .formats import in_figures, number
from .report import signed
from .style import GREY, NEGATIVE, POSITIVE, WIDTH
from .uncertainty import Estimate, over_seeds, range_of_two

KINDS = ("level", "at_least", "at_most", "difference", "choice")


@dataclass(frozen=True)
class Claim:
    """One claim. `published` is the source's number, if it gives one; `rule` the other fields of its entry."""

    id: str
    source: str
    statement: str
    kind: str
    published: float | None
    measure: dict
    rule: dict
    second_hand: bool = False


@dataclass(frozen=True)
class Verdict:
    """`word`: reproduced, partly, not reproduced, undecided or not run; `measured` and `runs` are its evidence."""

    word: str
    measured: str = ""
    runs: tuple[str, ...] = ()
    one_seed: bool = False


NOT_RUN = Verdict("not run")


def load_claims(path: Path | None = None) -> list[Claim]:
    """Read the claims. Raises `UserError` where the file is not what it should be."""
    path = path or project_folder() / "results" / "claims.yaml"  # Part of the book, whatever FF_RESULTS says.
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        defaults = content["defaults"]
        claims = []
        for entry in content["claims"]:
            fields = {name: entry.pop(name) for name in ("id", "source", "statement", "kind", "published")}
            if fields["kind"] not in KINDS:
                raise ValueError(f"{fields['id']}: no kind {fields['kind']!r}")
            measure = {"metric": defaults["metric"], **entry.pop("measure")}
            second_hand = entry.pop("second_hand", False)
            rule = {"negligible": defaults["negligible"], **entry}
            claims.append(Claim(**fields, measure=measure, rule=rule, second_hand=second_hand))
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"cannot read the claims in {path}: {error}") from None
    return claims


def judge(claim: Claim) -> Verdict:
    """The verdict on `claim` from the stored runs at paper scale."""
    measure = claim.measure
    if measure["study"] not in studies.STUDIES:
        return NOT_RUN
    if claim.kind == "choice":
        return _judge_choice(claim, _collected(measure))
    found = _measured(_collected(measure), measure)
    if found is None:
        return NOT_RUN
    estimate, runs = found
    judged = {"level": _level_word, "difference": _difference_word}.get(claim.kind, _bound_word)(estimate, claim)
    bound = claim.rule.get("bound")
    # An end of the interval that two digits would put onto the bound stands on one side of it.
    close = any(round(end, 2) == bound != end for end in (estimate.low, estimate.high))
    text = estimate.text(digits=3 if close else 2, signed=_is_difference(measure))
    return Verdict(judged, text, runs, estimate.one_seed)


def _collected(measure: dict) -> Collected:
    return collecting.collect(studies.get(measure["study"], "paper"), "never")


def draw_levels(claims: Iterable[Claim]) -> None:
    """Claims of kind `level`, a row each: the published error with its band, and ours with its 95 % interval."""
    claims = list(claims)
    _, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.48 * len(claims)))
    for row, claim in enumerate(claims):
        low, high = claim.rule["band"]
        axes.barh(row, high - low, 0.62, low, color=GREY, alpha=0.25, label="counts as reproduced")
        axes.plot(claim.published, row, "D", color=NEGATIVE, mfc="white", mew=1.6, label="published")
        if found := _measured(_collected(claim.measure), claim.measure):
            estimate = found[0].of_an_error()
            ends = [[estimate.mean - estimate.low], [estimate.high - estimate.mean]]
            axes.errorbar(estimate.mean, row, xerr=ends, fmt="o", color=POSITIVE, capsize=4, label="ours, 95 %")
        else:
            axes.annotate("ours: not run yet", (high, row), (8, 0), textcoords="offset points", va="center", fontsize=8)
    names = [f"{claim.source[0]}: {claim.statement.split(' (')[0]}".replace(" × ", "\u00a0×\u00a0") for claim in claims]
    axes.set_yticks(range(len(claims)), [textwrap.fill(name, 34) for name in names])
    axes.invert_yaxis()
    axes.set(xlabel="test error (%)", xlim=(0, None))
    drawn = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))  # Each once.
    axes.figure.legend(drawn.values(), drawn, loc="outside upper right", ncols=3)


Found = tuple[Estimate, tuple[str, ...]] | None


def _measured(collected: Collected, measure: dict) -> Found:
    """What the runs say of a measure, and their names; None where they are missing."""
    return {
        "level": _level,
        "difference": _difference,
        "range_of_two_seeds": _range_of_two_seeds,
        "best_nonzero_minus_zero": _best_nonzero_minus_zero,
    }[_kind_of_value(measure)](collected, measure)


def _kind_of_value(measure: dict) -> str:
    return measure.get("quantity", "difference" if "from" in measure else "level")


def _is_difference(measure: dict) -> bool:
    return _kind_of_value(measure) in ("difference", "best_nonzero_minus_zero")


def _level(collected: Collected, measure: dict) -> Found:
    found = measured(collected, measure["cell"], measure["metric"], measure["epoch"]).values()
    images = IMAGES[collected.study.base.dataset]
    return (over_seeds([one.value for one in found], images), _names(found)) if found else None


def _range_of_two_seeds(collected: Collected, measure: dict) -> Found:
    """How far seeds alone spread; a single seed says nothing about that."""
    found = measured(collected, measure["cell"], measure["metric"], measure["epoch"]).values()
    return (range_of_two([one.value for one in found]), _names(found)) if len(found) > 1 else None


def _best_nonzero_minus_zero(collected: Collected, measure: dict) -> Found:
    """What the best value other than 0 costs; choosing it among several makes it look better than it is."""
    field = measure["field"]
    return _difference(collected, {"from": {field: 0}, "to": {field: "chosen"}, "metric": measure["metric"]})


def _difference(collected: Collected, measure: dict) -> Found:
    """`to` minus `from`, each a cell with its own epoch and metric where it names them."""
    ends = []
    for side in ("from", "to"):
        cell = {**measure.get("cell", {}), **measure[side]}
        epoch, metric = cell.pop("epoch", measure.get("epoch")), cell.pop("metric", measure["metric"])
        ends.append(measured(collected, cell, metric, epoch))
    found = difference(*ends)
    return found and (found, _names(end[seed] for seed in ends[0].keys() & ends[1].keys() for end in ends))


def _names(found: Iterable[Measured]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.run.id for one in found))


def _level_word(estimate: Estimate, claim: Claim) -> str:
    for word, band in (("reproduced", claim.rule["band"]), ("partly", claim.rule["partly"])):
        if band[0] <= estimate.mean <= band[1]:
            return word
    return "not reproduced"


def _bound_word(estimate: Estimate, claim: Claim) -> str:
    bound, sign = claim.rule["bound"], 1 if claim.kind == "at_most" else -1
    if max(sign * estimate.low, sign * estimate.high) <= sign * bound:
        return "reproduced"
    return "not reproduced" if min(sign * estimate.low, sign * estimate.high) > sign * bound else "undecided"


def _difference_word(estimate: Estimate, claim: Claim) -> str:
    band, negligible = claim.rule["band"], claim.rule["negligible"]
    claimed = -1 if band[1] < 0 else 1
    if min(claimed * estimate.low, claimed * estimate.high) > 0:
        return "reproduced" if band[0] <= estimate.mean <= band[1] else "partly"
    opposite = max(claimed * estimate.low, claimed * estimate.high) < 0
    inside = max(abs(estimate.low), abs(estimate.high)) <= negligible
    if opposite or inside:
        return "not reproduced"
    # Of 0 such an interval says nothing, but of the size that was claimed it may.
    elsewhere = claim.published is not None and not estimate.low <= claim.published <= estimate.high
    return "undecided, not the size claimed" if elsewhere else "undecided"


def _judge_choice(claim: Claim, collected: Collected) -> Verdict:
    metric = claim.measure["metric"]
    best, tied = choose(collected, metric)
    if best is None:
        return NOT_RUN
    low, high = claim.rule["partly"]
    inside = all(low <= value <= high for value in tied)
    word = "reproduced" if claim.published in tied else "partly" if inside else "not reproduced"
    estimate = complete(collected, metric)[best]
    others = ", ".join(number(value) for value in tied if value != best)
    text = f"best {number(best)}" + (f"; within one standard error {others}" if others else ", alone")
    return Verdict(word, text, tuple(collected.by_name), estimate.one_seed)


def condition(claim: Claim) -> str:
    """What the measured value has to be for `reproduced`, in words."""
    if claim.kind == "choice":
        return f"{number(claim.published)} among the best"
    if claim.kind in ("at_least", "at_most"):
        return f"{'≥' if claim.kind == 'at_least' else '≤'} {in_figures(claim.rule['bound'])}"
    band = claim.rule["band"]
    low, high = map(in_figures, band)
    if claim.kind == "level":
        return f"{low} to {high}"
    # A band of a difference that ends at ±100 points is open on that side.
    return (f"≤ {high}" if band[0] == -100 else f"≥ {low}" if band[1] == 100 else f"{low} to {high}") + ", not 0"


# What a claim compares, where the name in its study would say little.
WORDS = {
    "chosen": "the best λ",
    0: "none",
    "one_pass_sampled": "drawn from the head",
    "forward_forward": "Forward-Forward",
    "paper": "the study's loss",
    "paper-with-hinton-loss": "Hinton's loss",
    "test_label_search_error": "label search",
    "test_one_pass_error": "one pass",
    "test_softmax_error": "softmax",
}


def compared(measure: dict) -> str:
    """Which of two cells less which a difference is, in words; empty where a claim compares none."""
    if not {"from", "to"} <= measure.keys():
        return ""

    def words(name: str, key: object) -> str:
        if name in ("epoch", "jitter"):
            return f"{name} {key}"
        return WORDS.get(key, str(key).replace("_", " "))

    # Of two methods that are read out in different ways the methods' names say enough.
    named = [
        {name: key for name, key in measure[end].items() if len(measure[end]) == 1 or name != "metric"}
        for end in ("to", "from")
    ]
    return " less ".join(", ".join(words(name, key) for name, key in end.items()) for end in named)


def spelled_out(claim: Claim) -> str:
    """The claim with what it compares, and whether it is known second-hand."""
    chosen = "chosen" in claim.measure.get("cell", {}).values()
    notes = [compared(claim.measure), "ours with the best λ on validation" * chosen, "second-hand" * claim.second_hand]
    notes = [note for note in notes if note]
    statement = claim.statement.strip()
    if notes and statement.endswith(")"):  # One pair of brackets is enough.
        return f"{statement[:-1]}; {'; '.join(notes)})"
    return statement + (f" ({'; '.join(notes)})" if notes else "")


def _published(claim: Claim) -> str:
    """The source's number: of errors to as many decimals as it gives, C one and the others two."""
    if claim.published is None:
        return ""
    if claim.kind == "choice":
        return number(claim.published)
    return in_figures(claim.published, 1 if claim.source.startswith("C,") else 2, signed=_is_difference(claim.measure))


def table(claims: list[Claim]) -> pd.DataFrame:
    """The scorecard as a table, in the order of the claims; `study` has the runs that decide a claim."""
    rows = []
    for claim in claims:
        verdict, study = judge(claim), claim.measure["study"]
        rows.append(
            {
                "claim": spelled_out(claim),
                "source": claim.source.split(",")[0],
                "published": _published(claim),
                "reproduced if": condition(claim),
                "measured": verdict.measured.replace("\u00a0[", " ["),  # On two lines: the claim needs the room.
                "verdict": verdict.word + (", one seed" if verdict.one_seed else ""),
                "runs": len(verdict.runs) or "",
                "study": study if study in studies.STUDIES else "not built",
            }
        )
    return pd.DataFrame(rows, index=[claim.id for claim in claims])


def small_nets(claims: list[Claim]) -> pd.DataFrame:
    """Claims of kind `difference`, as the nets of the `quick` profile see them.

    Their epochs are those that stand for the published ones, their errors those of validation, which is measured at
    all of them. This is no verdict: the claims are about other nets.
    """
    profile = studies.profile_named("quick")

    def scaled(side: dict) -> dict:
        return side | {"epoch": profile.milestones[side["epoch"]]} if "epoch" in side else side

    rows = {}
    for claim in claims:
        measure = {name: scaled(part) if isinstance(part, dict) else part for name, part in claim.measure.items()}
        collected = collecting.collect(studies.get(measure["study"], profile.name), "never")
        measure["metric"] = measure["metric"].replace("test_", "val_")
        found = _difference(collected, scaled(measure))
        rows[spelled_out(claim)] = {
            "small nets": signed(found and found[0]),
            "seeds": str(found[0].seeds) if found else "",
            "direction": _direction(found, claim),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(columns="claim")


def _direction(found: Found, claim: Claim) -> str:
    if found is None:
        return "open"
    claimed = -1 if claim.rule["band"][1] < 0 else 1
    low, high = sorted((claimed * found[0].low, claimed * found[0].high))
    return "as claimed" if low > 0 else "the opposite" if high < 0 else "undecided"
