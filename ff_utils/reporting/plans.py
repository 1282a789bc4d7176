"""What a study asks for, and how much of it there is: the tables and sentences at the head of every chapter."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from IPython.display import Markdown

from ..recipes import command_of
from ..studies import Planned, Profile, Study
from ..studies.collecting import Collected, collect, counted, expected, readable_time, stores
from . import budget, catalogue
from .formats import as_table, field, layers, setting


def cells(study: Study) -> pd.DataFrame:
    """The cells of a study as a table: what varies, how long, with which seeds."""
    rows = [
        {
            **{name: setting(name, value) for name, value in cell.settings.items()},
            **({"θ / width": cell.config.per_layer("theta")[-1] / cell.config.hidden[-1]}
               if study.factor == "theta" else {}),
            "layers": layers(cell.config),
            "epochs": cell.epochs,
            "seeds": ", ".join(map(str, cell.seeds)) if len(cell.seeds) > 1 else f"{cell.seeds[0]} only",
        }
        for cell in study.cells
    ]  # fmt: skip
    return as_table(rows, study.factor)


LONGEST_COMMAND = 240  # Of one run, that a page shows.
FIXED = (
    "hidden", "theta", "lr", "momentum", "weight_decay", "layer_reduction", "init", "normalization",
    "input_normalization", "negatives", "warmup", "peer_normalization", "jitter", "batch_size", "bias",
)  # fmt: skip


def roles(study: Study) -> pd.DataFrame:
    """Which hyperparameters the study is about, which are nuisance, and what the rest is held at."""
    varied = {name for cell in study.cells for name in study.base.differences(cell.config)} or {study.factor}
    rows = [("scientific", name, "varied") for name in sorted(varied)]
    rows += nuisances(study)
    rows += [("fixed", name, field(study.base, name)) for name in FIXED if name not in varied]
    return as_table([dict(zip(("role", "hyperparameter", "value"), row, strict=True)) for row in rows], "role")


def nuisances(study: Study) -> list[tuple[str, str, str]]:
    """Rows of the table of roles: what is averaged over, or left at one value where the study has no more."""
    several = max(len(cell.seeds) for cell in study.cells) > 1
    return [("nuisance", name, "averaged over" if several else "one") for name in study.nuisance]


def status(collected: Collected) -> Markdown:
    """Which runs there are; for those there are not, the command that trains them and its time."""
    study, found, missing = collected.study, len(collected.by_name), collected.missing
    command = f"python -m ff_utils study {study.name} --profile {study.profile.name}"
    text = f"{_in_results(found, len(missing), 'runs of this study')}."
    if missing:
        commands = "\n".join(command_of(planned.config, planned.epochs) for planned in missing[:3])
        more = f"\n# … and {len(missing) - 3} more" if len(missing) > 3 else ""
        others, them = ("The other is", "it") if len(missing) == 1 else ("The others are", "them")
        text += (
            f" {others} open; training {them} takes about {_time_of(missing, study.profile)}:\n\n"
            f"```shell\n{command}\n```"
        )
        if max(map(len, commands.splitlines())) <= LONGEST_COMMAND:
            text += f"\n\nor one by one:\n\n```shell\n{commands}{more}\n```"
    if longer := study.extended().cells:
        there = collect(study.extended())
        found = len(there.by_name)
        text += (
            f"\n\nAt {longer[0].epochs} epochs {_in_results(found, len(there.missing))}; the "
            f"others are open. After the shorter ones, `{command}` goes on to them."
        )
    return Markdown(text)


def _in_results(found: int, missing: int, runs: str = "runs") -> str:
    return f"{found} of {found + missing} {runs} {'is' if found == 1 else 'are'} in the results"


def _time_of(missing: list[Planned], profile: Profile) -> str:
    """How long runs will take: at the published size by the stored runs, else by a measurement here."""
    if profile.name != "paper":
        return f"{readable_time(expected(missing, profile.training_images))} on this machine"
    speed = budget.stored_speed(stores(profile.name)[0])
    # Of the stored runs, others may be from slower machines.
    return (
        f"{readable_time(sum(speed.seconds(missing)))} on {speed.hardware}, where most of all stored runs of the "
        "published size were trained"
    )


def overview(parts: Iterable[Collected]) -> Markdown:
    """Of several studies how many runs there are, and the commands for the others."""
    lines = []
    for collected in parts:
        study, found = collected.study, len(collected.by_name)
        line = f"- `{study.name}`: {_in_results(found, len(collected.missing))}"
        if collected.missing:
            line += f"; the others are open: `python -m ff_utils study {study.name} --profile {study.profile.name}`"
        lines.append(line)
    return Markdown("\n".join(lines))


def timing(collected: Collected) -> Markdown:
    """On what and how long the runs of a study were trained."""
    runs = list(collected.by_name.values())
    if not runs:
        return Markdown("No run of this study is in the results yet.")
    total = sum(map(catalogue.seconds_of, runs))
    return Markdown(
        f"{counted(runs)}, {readable_time(total)}"
        + (f" in all, {readable_time(total / len(runs))} each on average" if len(runs) > 1 else "")
        + ", on " + "; ".join(sorted(set(map(catalogue.hardware, runs)))) + "."
    )  # fmt: skip
