"""The scorecard: every claim of `results/claims.yaml`, what we measured, and the verdict.

The claims and their pass bands were committed before the runs that decide them; the rules by which a verdict
follows are spelled out at the head of that file and implemented here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from . import collecting, studies
from .collecting import Collected
from .errors import UserError
from .report import choose
from .results import Run, project_folder
from .uncertainty import Estimate, binomial_sd, over_seeds, paired_difference

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
    if measure["study"] not in studies.STUDIES or "quantity" in measure:
        return NOT_RUN
    collected = collecting.collect(studies.get(measure["study"], "paper"), "never")
    if claim.kind == "choice":
        return _judge_choice(claim, collected)
    if "from" in measure:
        found = _difference(collected, measure)
    else:
        found = _level(collected, measure)
    if found is None:
        return NOT_RUN
    estimate, runs = found
    judged = {"level": _level_word, "difference": _difference_word}.get(claim.kind, _bound_word)(estimate, claim)
    return Verdict(judged, str(estimate), runs, estimate.one_seed)


def _runs(collected: Collected, cell: dict) -> dict[int, Run]:
    """The runs whose cell has these settings, by seed."""
    return {
        row["seed"]: collected.by_name[row["run"]]
        for row in collected.table.to_dict("records")
        if all(row.get(name) == value for name, value in cell.items())
    }


def _level(collected: Collected, measure: dict) -> tuple[Estimate, tuple[str, ...]] | None:
    epoch, metric = measure["epoch"], measure["metric"]
    runs = {seed: run for seed, run in _runs(collected, measure["cell"]).items() if run.has(epoch, metric)}
    if not runs:
        return None
    return over_seeds([run.at(epoch, metric) for run in runs.values()]), tuple(run.id for run in runs.values())


def _difference(collected: Collected, measure: dict) -> tuple[Estimate, tuple[str, ...]] | None:
    """`to` minus `from`, paired by seed; with one seed by its predictions on the same images."""
    ends = []
    for side in ("from", "to"):
        chosen = {**measure.get("cell", {}), **measure[side]}
        epoch = chosen.pop("epoch", measure.get("epoch"))
        metric = chosen.pop("metric", measure["metric"])
        runs = {seed: run for seed, run in _runs(collected, chosen).items() if run.has(epoch, metric)}
        ends.append((runs, epoch, metric))
    (before, epoch_a, metric_a), (after, epoch_b, metric_b) = ends
    shared = sorted(before.keys() & after.keys())
    if not shared:
        return None
    changes = [after[seed].at(epoch_b, metric_b) - before[seed].at(epoch_a, metric_a) for seed in shared]
    names = tuple(dict.fromkeys(run.id for seed in shared for run in (before[seed], after[seed])))
    if len(shared) > 1:
        return over_seeds(changes), names
    seed = shared[0]
    sd = _paired_sd((before[seed], epoch_a, metric_a), (after[seed], epoch_b, metric_b))
    return Estimate(changes[0], changes[0] - 1.96 * sd, changes[0] + 1.96 * sd, 1), names


def _paired_sd(*ends: tuple[Run, int, str]) -> float:
    """The sampling error of a difference: paired where both predictions are stored."""
    wrong = []
    for run, epoch, metric in ends:
        name = f"{metric.removesuffix('_error')}_{epoch}"
        if name not in run.predictions:
            return sum(binomial_sd(run.at(epoch, metric)) ** 2 for run, epoch, metric in ends) ** 0.5
        labels = run.predictions[f"{metric.split('_')[0]}_labels"]
        wrong.append(run.predictions[name] != labels)
    return paired_difference(*wrong)[1]


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
    return "not reproduced" if opposite or inside else "undecided"


def _judge_choice(claim: Claim, collected: Collected) -> Verdict:
    if collected.missing:  # A choice among some of the values would not be the study's.
        return NOT_RUN
    best, tied = choose(collected, claim.measure["metric"])
    low, high = claim.rule["partly"]
    inside = all(low <= value <= high for value in tied)
    word = "reproduced" if claim.published in tied else "partly" if inside else "not reproduced"
    return Verdict(word, f"best {best:g}; tied {', '.join(f'{v:g}' for v in tied)}", tuple(collected.by_name))


def table(claims: list[Claim]) -> pd.DataFrame:
    """The scorecard as a table, in the order of the claims."""
    rows = []
    for claim in claims:
        verdict = judge(claim)
        rows.append(
            {
                "claim": claim.statement.strip() + (" (second-hand)" if claim.second_hand else ""),
                "source": claim.source.split(",")[0],
                "published": "" if claim.published is None else f"{claim.published:g}",
                "measured": verdict.measured,
                "verdict": verdict.word + (", one seed" if verdict.one_seed else ""),
                "runs": len(verdict.runs) or "",
            }
        )
    return pd.DataFrame(rows, index=[claim.id for claim in claims])
