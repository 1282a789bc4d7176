"""The tables of the last chapters: ours beside the source's, and how sure either can be.

All errors in percent by label search. Where runs are missing, tables say "open".
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

from .. import studies
from ..config import RunConfig
from ..recipes import RECIPES, nearest_recipe
from ..results import Run
from ..studies import Profile, collecting
from .comparing import IMAGES, TEST, VALIDATION, Measured
from .formats import in_figures, layers, p_value
from .published import STEPS, TABLE_1, Row
from .uncertainty import Estimate, binomial_sd, mcnemar, over_seeds, paired_difference, seed_sd, seeds_needed

# The studies that make up the source's search.
SEARCH = (
    "theta", "learning-rate", "weight-decay", "momentum", "hard-momentum", "peer-normalization", "hard-negatives",
    "epochs", "jitter",
)  # fmt: skip


def runs_of(row: Row, profile: Profile) -> dict[int, Run]:
    """By seed, our runs that correspond to a row of the source."""
    _, readable = collecting.stores(profile.name)
    found = {seed: collecting.find(row.planned(profile, seed), readable) for seed in range(5)}
    return {seed: run for seed, run in found.items() if run}


def error_of(row: Row, profile: Profile, metric: str) -> Estimate | None:
    """Our error that corresponds to a row of the source, None where it is missing."""
    epoch = profile.milestones[row.epochs]
    values = [collecting.value(run, epoch, metric) for run in runs_of(row, profile).values()]
    known = [value for value in values if value is not None]
    return over_seeds(known, IMAGES[profile.base.dataset]) if known else None


def _shown(estimate: Estimate | None) -> str:
    return "open" if estimate is None else str(estimate.of_an_error())


def beside(rows: Iterable[Row], profile: Profile) -> pd.DataFrame:
    """Rows of the source with our errors at the same setting: mean over seeds and 95 % interval."""
    table = []
    for row in rows:
        validation, test = (error_of(row, profile, metric) for metric in (VALIDATION, TEST))
        table.append(
            {
                "series": str(row),
                "source: validation": "" if row.validation is None else f"{row.validation:.2f}",
                "source: test": f"{row.test:.2f}",
                "our epochs": profile.milestones[row.epochs],
                "ours: validation": _shown(validation),
                "ours: test": _shown(test) if test or not validation else "not measured",
                "seeds": validation.seeds if validation else "",
            }
        )
    return pd.DataFrame(table).set_index("series").rename_axis(index=None, columns="series")


def settings_in_words(config: RunConfig, base: RunConfig) -> str:
    """In what a run's configuration differs from the base, but for its seed."""
    different = config.vary(seed=base.seed).differences(base)
    return ", ".join(_plain(name, value) for name, value in different.items()) or "base"


def _plain(name: str, value: object) -> str:
    return f"{name.replace('_', ' ')} {value}"


def run_in_words(run: Run) -> str:
    """A run as prose has it: the recipe nearest to it, what was changed in it, its size, length and name.

    Threshold and schedule are named only where they do not follow size and length as the recipe's do.
    """
    config, recipe = run.config, nearest_recipe(run.config)
    base, width = RECIPES[recipe], config.hidden[0]
    scaled = {name: getattr(config, name) for name in ("hidden", "seed", "dataset", "probe")}
    scaled["theta"] = round(base.theta * width / base.hidden[0], 3)
    if base.decay_to is not None:
        scaled |= {"decay_from": run.epochs // 2, "decay_to": run.epochs}
    changes = [_change_in_words(*change) for change in config.differences(base.vary(**scaled)).items()]
    listed = " and ".join(filter(None, (", ".join(changes[:-1]), *changes[-1:])))
    name = {"paper": "the study's recipe", "hinton": "Hinton's code"}[recipe]
    return (
        f"{name}{' with ' * bool(changes)}{listed}, {layers(config)} units, {run.epochs} epochs, one seed, run {run.id}"
    )


def _change_in_words(name: str, value: object) -> str:
    if name == "jitter" and value:
        return "shifts of one pixel" if value == 1 else f"shifts of up to {value} pixels"
    if name == "weight_averaging" and value:
        return "averaged weights"
    return _plain(name, value)


def candidates(profile: Profile, epoch: int, jitter: bool) -> dict[RunConfig, dict[int, Run]]:
    """All settings of the search that were trained at least so far, with or without jitter; their runs by seed."""
    found: dict[RunConfig, dict[int, Run]] = {}
    for name in SEARCH:
        study = studies.get(name, profile.name)
        for part in (study, study.extended()):
            for run in collecting.collect(part, "never").by_name.values():
                if run.epochs >= epoch and bool(run.config.jitter) == jitter:
                    found.setdefault(run.config.vary(seed=0), {})[run.config.seed] = run
    return found


def chosen_table(profile: Profile) -> pd.DataFrame:
    """For each series of table 1 our best setting, chosen on validation, and chosen on test as the source does.

    Settings are compared over the seeds that all of them have.
    """
    rows = []
    for row in TABLE_1:
        epoch = profile.milestones[row.epochs]
        found = candidates(profile, epoch, bool(row.jitter))
        errors = {
            metric: {
                config: {s: v for s, run in runs.items() if (v := collecting.value(run, epoch, metric)) is not None}
                for config, runs in found.items()
            }
            for metric in (VALIDATION, TEST)
        }
        line = {"series": f"{epoch} epochs, {'' if row.jitter else 'no '}jitter", "settings compared": len(found)}
        for way, metric in (("on validation", VALIDATION), ("on test, as the source", TEST)):
            known = {config: by_seed for config, by_seed in errors[metric].items() if by_seed}
            shared = set.intersection(*map(set, known.values())) if known else set()
            if not shared:
                line[f"chosen {way}"] = "open" if not found else "not measured"
                continue
            best = min(known, key=lambda config: np.mean([known[config][seed] for seed in shared]))
            test = list(errors[TEST][best].values())
            line[f"chosen {way}"] = settings_in_words(best, profile.hard)
            line[f"test, chosen {way}"] = f"{np.mean(test):.2f}" if test else "not measured"
        rows.append(line)
    return pd.DataFrame(rows).set_index("series").fillna("").rename_axis(index=None, columns="series")


def steps(profile: Profile) -> pd.DataFrame:
    """The steps of the source's figure 2 with its errors and ours, NaN where there is none."""
    table = {}
    for name, row in STEPS.items():
        if name == "hard negatives":  # At this chapter's θ: its own is a refinement that small profiles leave out.
            row = Row(60, 0, 112, 0.04, row.validation, row.test)
        ours = {m: error_of(row, profile, m) for m in (VALIDATION, TEST)}
        table[name] = {
            "val": np.nan if row.validation is None else row.validation,
            "test": row.test,
            "our val": ours[VALIDATION].mean if ours[VALIDATION] else np.nan,
            "our test": ours[TEST].mean if ours[TEST] else np.nan,
        }
    return pd.DataFrame(table).T.astype(float)


def spread_table(groups: dict[str, dict[int, Measured]]) -> pd.DataFrame:
    """How far seeds alone move an error, beside what sampling the images does."""
    rows = {}
    for name, found in groups.items():
        errors = [one.value for one in found.values()]
        if not errors:
            rows[name] = {"mean error (%)": "open"}
            continue
        over_seeds, by_images = _spreads(found)
        rows[name] = {
            "mean error (%)": f"{np.mean(errors):.2f}",
            "SD over seeds": str(over_seeds) if over_seeds else "",
            "lowest to highest": f"{min(errors):.2f} to {max(errors):.2f}" if over_seeds else "",
            "SD of sampled images": f"{by_images:.2f}",
            "seeds": len(errors),
        }
    return pd.DataFrame(rows).T.fillna("")


def seeds_against_images(groups: dict[str, dict[int, Measured]]) -> str:
    """In how many rows the spread over seeds is wider than that of the sampled images, by the interval of its SD."""
    spreads = [_spreads(found) for found in groups.values() if found]
    signs = [int(sd.low > by_images) - int(sd.high < by_images) for sd, by_images in spreads if sd]
    words = {1: "wider", -1: "narrower", 0: "not told apart"}
    counted = [f"{word} in {signs.count(sign)}" for sign, word in words.items() if sign in signs]
    return f"{', '.join(counted)} of {len(signs)}" if signs else "open in all"


def _spreads(found: dict[int, Measured]) -> tuple[Estimate | None, float]:
    """The SD of an error over its seeds, None of a single one, and that by the sampling of the images."""
    images = IMAGES[next(iter(found.values())).run.config.dataset]
    return spread(found), binomial_sd(float(np.mean([one.value for one in found.values()])), images)


def spread(found: dict[int, Measured]) -> Estimate | None:
    """The standard deviation of an error over its seeds; None without two."""
    errors = [one.value for one in found.values()]
    return seed_sd(errors) if len(errors) > 1 else None


def paired_sd(found: dict[int, Measured]) -> float | None:
    """The typical SD of a difference between two seeds of one setting on the same images; None without two."""
    wrong = [collecting.wrong_images(one.run, one.epoch, one.metric) for one in found.values()]
    sds = [paired_difference(a, b)[1] for a, b in combinations([w for w in wrong if w is not None], 2)]
    return float(np.mean(sds)) if sds else None


def paired_tests(groups: dict[str, dict[int, Measured]], first: str, second: str) -> pd.DataFrame:
    """Seed by seed, are two settings equally good on the same images? Counts, difference and exact p-value."""
    rows = []
    for seed in sorted(groups[first].keys() & groups[second].keys()):
        ends = [groups[name][seed] for name in (first, second)]
        wrong = [collecting.wrong_images(one.run, one.epoch, one.metric) for one in ends]
        if any(side is None for side in wrong):
            continue
        difference, sd = paired_difference(*wrong)
        rows.append(
            {
                "seed": seed,
                f"only {first} wrong": int((wrong[0] & ~wrong[1]).sum()),
                f"only {second} wrong": int((wrong[1] & ~wrong[0]).sum()),
                "difference (points)": in_figures(difference, signed=True),
                "SD": f"{sd:.2f}",
                "p": p_value(mcnemar(*wrong)),
            }
        )
    if not rows:
        return pd.DataFrame({"difference (points)": ["open"]}, index=["all seeds"])
    return pd.DataFrame(rows).set_index("seed").rename_axis(index=None, columns="seed")


# The steps of the source that are to be told apart: name, test error before and after.
PUBLISHED_STEPS = (
    ("baseline → peer normalisation", STEPS["baseline"].test, STEPS["peer normalisation"].test),
    ("peer normalisation → hard negatives", STEPS["peer normalisation"].test, STEPS["hard negatives"].test),
    ("80 → 100 epochs", TABLE_1[1].test, TABLE_1[2].test),
    ("100 → 120 epochs", TABLE_1[2].test, TABLE_1[3].test),
    ("80 → 120 epochs", TABLE_1[1].test, TABLE_1[3].test),
    ("120 epochs → 500 with jitter", TABLE_1[3].test, TABLE_1[5].test),
)


def resolution_table(sd_over_seeds: float | None) -> pd.DataFrame:
    """Which of the source's steps can be told from chance: by the images alone, and by the spread over seeds.

    `sd_over_seeds`: the standard deviation of one run's error, in points; None where it isn't known.
    """
    rows = {}
    for name, before, after in PUBLISHED_STEPS:
        step = after - before
        sampling = sum(binomial_sd(error, IMAGES["mnist"]) ** 2 for error in (before, after)) ** 0.5
        row = {"step (points)": in_figures(step, signed=True), "SD by images": f"{sampling:.2f}",
               "in SD by images": f"{abs(step) / sampling:.2f}"}  # fmt: skip
        if sd_over_seeds is None:
            row |= {"in SD by seeds": "open", "seeds needed": "open"}
        else:
            sd = 2**0.5 * sd_over_seeds
            needed = seeds_needed(step, sd)
            row |= {"in SD by seeds": f"{abs(step) / sd:.1f}", "seeds needed": f"{needed}" if needed else "> 1,000"}
        rows[name] = row
    return pd.DataFrame(rows).T.rename_axis(columns="step of the source")
