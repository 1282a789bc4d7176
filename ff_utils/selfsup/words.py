"""What the self-supervised studies say, in words: verdicts that follow from intervals, and the numbers of the prose.

Each is "open" where a run is missing.
"""

from __future__ import annotations

from ..reporting.comparing import Measured, difference, measured
from ..reporting.report import points, side
from ..reporting.uncertainty import Estimate
from ..studies.collecting import Collected
from .report import DATASETS, PRETEXT, TASKS, TRANSFER, gap, on_rotation, percent

RANKED_BY = "val_transfer_error"


def verdict(*found: Estimate | None) -> str:
    """Whether it holds that all of these differences lie below 0, each by its interval."""
    if any(one is None for one in found):
        return "is open"
    signs = [one.sign for one in found]
    if -1 in signs:
        return "holds" if set(signs) == {-1} else "holds in part"
    return "fails" if 1 in signs else "is not shown"


def seeds_behind(found: dict[int, Measured], reference: dict[int, Measured]) -> str:
    """In how many of the seeds that both have `found` has the greater error."""
    shared = found.keys() & reference.keys()
    behind = sum(found[seed].value > reference[seed].value for seed in shared)
    return f"{behind} of {len(shared)} seeds" if shared else "open"


def transfer(collected: Collected, reference: Collected) -> dict[str, str]:
    """Transfer after rotation of the first data set: of each method, of the untrained net, their differences, and
    what these say of the two hypotheses: that Forward-Forward is behind backprop, and behind the untrained net.

    `mean`: of Forward-Forward's features averaged over all labels, and how far these are ahead of the untrained net's.
    `last`: of the last layer alone.
    """
    last = f"test_transfer_layer{len(collected.study.base.hidden)}_error"
    metrics = (TRANSFER["none"], "test_transfer_mean_error", last)
    together, averaged, alone = (on_rotation(collected, reference, metric) for metric in metrics)
    forward, back, free = together.values()
    forward_mean, free_mean = averaged["ff"], averaged["free"]
    mean_change = difference(forward_mean, free_mean)
    return {
        "ff": percent(forward),
        "bp": percent(back),
        "gap": gap(forward, back),
        "free": percent(free),
        "free_gap": gap(forward, free),
        "free_gap_bp": gap(back, free),
        "first": verdict(difference(forward, back)),
        "second": verdict(difference(forward, free)),
        "random": _random(difference(forward, free), difference(back, free)),
        "mean": percent(forward_mean),
        "mean_gap": points(mean_change),
        "mean_says": side(
            mean_change,
            (
                "rotation costs it some of what it would know untrained",
                "whether rotation teaches it about digits these seeds can't tell",
                "rotation does teach it about digits",
            ),
        ),
        **{f"last_{short}": percent(found) for short, found in alone.items()},
        "last_gap": gap(alone["ff"], alone["bp"]),
        "last_seeds": seeds_behind(alone["ff"], alone["bp"]),
        "last_free_gap": gap(alone["ff"], alone["free"]),
        "last_first": verdict(difference(alone["ff"], alone["bp"])),
        "last_second": verdict(difference(alone["ff"], alone["free"])),
    }


def _random(forward: Estimate | None, back: Estimate | None) -> str:
    """Whether the features of both methods can be told from random ones, from how far each is ahead of them."""
    if forward is None or back is None:
        return "whether trained features differ from random ones is open"
    seeds = f"{forward.seeds} seeds" if forward.seeds > 1 else "one seed"
    alike = [name for name, found in (("Forward-Forward", forward), ("backprop", back)) if not found.sign]
    if not alike:
        return "the features of both methods can be told from random ones"
    return f"{seeds} can't tell {'trained' if len(alike) == 2 else f'{alike[0]}’s'} features from random ones"


def pretext(collected: Collected) -> dict[str, str]:
    """How the methods compare on the pretext tasks of a study: the setting where Forward-Forward is `furthest` behind
    and by how much, in how many it is `near`, at most a point behind, and jigsaw of the first data set.

    `order` has all settings from the nearest on, and `easier` whether the furthest is jigsaw, the task of most classes.
    """
    found = gaps(collected, "pretext")
    name = min(found, key=lambda name: found[name].mean, default=None)
    near = sum(change.mean >= -1 for change in found.values())
    ends = {
        short: measured(
            collected, {"dataset": collected.study.base.dataset, "task": "jigsaw", "algorithm": method}, metric
        )
        for short, (method, metric) in zip(("ff", "bp"), PRETEXT.items(), strict=True)
    }
    words = {0: "fails", len(found): "holds"}
    nearest_first = sorted(found.items(), key=lambda item: -item[1].mean)
    return {
        "furthest": name or "open",
        "furthest_gap": points(found.get(name)),
        "order": "; ".join(f"{name}, {points(change)}" for name, change in nearest_first) or "open",
        "easier": "is open" if len(found) < 2 else "holds" if name.startswith(TASKS["jigsaw"]) else "fails",
        "near": f"{near} of {len(found)}" if found else "open",
        "first": words.get(near, "holds in part") if found else "is open",
        "second": verdict(difference(ends["ff"], ends["bp"])),
        "behind": behind(collected, "pretext"),
        "jigsaw_gap": gap(ends["ff"], ends["bp"]),
        **{f"jigsaw_{short}": percent(one) for short, one in ends.items()},
    }


def gaps(collected: Collected, kind: str) -> dict[str, Estimate]:
    """By setting of a study how far Forward-Forward's accuracy is ahead of backprop's, where both were trained.

    `kind` is pretext or transfer.
    """
    metrics, found = {"pretext": PRETEXT, "transfer": TRANSFER}[kind], {}
    for cell in collected.study.cells:
        setting = {name: cell.settings[name] for name in ("dataset", "task")}
        ends = [measured(collected, setting | {"algorithm": method}, metrics[method]) for method in PRETEXT]
        if change := difference(*ends):
            found[f"{TASKS[setting['task']]} of {DATASETS[setting['dataset']]}"] = change
    return found


def behind(collected: Collected, kind: str = "transfer") -> str:
    """The settings in which Forward-Forward is behind backprop with an interval that excludes 0."""
    there = gaps(collected, kind)
    found = [name for name, change in there.items() if change.sign < 0]
    return f"{len(found)} of {len(there)}" + (f" ({', '.join(found)})" if found else "") if there else "open"


def changes(collected: Collected) -> dict[str, Estimate]:
    """How much the transfer of each later cell of Forward-Forward is ahead of the first's; the greatest gain first.

    On the validation images, since a ranking is a choice.
    """
    study = collected.study
    base = measured(collected, study.cells[0].settings, RANKED_BY)
    found = {
        cell.settings[study.factor]: difference(measured(collected, cell.settings, RANKED_BY), base)
        for cell in study.cells[1:]
        if cell.config.algorithm == "forward_forward"
    }
    there = {name: change for name, change in found.items() if change}
    return dict(sorted(there.items(), key=lambda pair: -pair[1].mean))


def sorted_changes(collected: Collected) -> tuple[str, str]:
    """The `changes` that are better, and worse, than none with an interval that excludes 0; the greatest first."""
    found = changes(collected)
    if not found:
        return "open", "open"
    helped = [f"“{name}”, {points(change)}" for name, change in found.items() if change.sign > 0]
    harmed = [f"“{name}”, {points(change)}" for name, change in reversed(found.items()) if change.sign < 0]
    return "; ".join(helped) or "none", "; ".join(harmed) or "none"
