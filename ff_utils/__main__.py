"""The command line: `python -m ff_utils train --theta 112 --epochs 60`.

Commands:
  train    train one run, go on with one that was stopped, or extend one
  study    train what is missing of one study of the book, or of all
  collect  write a table of all finished runs, results/summary_runs.csv
  export   train one run where needed, and write its net to a small file for a web page
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from filelock import FileLock
from pydantic import ValidationError

from . import studies
from .config import RunConfig, explain, load_config
from .errors import UserError, explained
from .export import export
from .files import cache_folder, replacing, results_folder
from .recipes import RECIPES, command_of, recipe
from .results import Store
from .studies import collecting
from .studies.cluster import connected
from .training import train


@dataclass
class TrainOptions:
    """Train one run; where it was stopped or is too short, go on from its checkpoint."""

    run: Annotated[RunConfig, tyro.conf.arg(name="")]
    epochs: int = 60
    """How far to train."""
    recipe: str = "paper"
    """The published recipe that the other options start from: paper or hinton."""
    config: Path | None = None
    """A config.yaml to start from instead, such as that of a finished run."""
    progress: bool = True
    """Whether to show a progress bar."""


@dataclass(kw_only=True)
class ExportOptions(TrainOptions):
    """Write the net of a run to a small JavaScript file; train it first where it is not finished."""

    out: Path
    """The file to write."""


def parse_train(arguments: list[str]) -> TrainOptions:
    """The options of `train`, starting from the recipe or the file that they name."""
    return _parse(arguments, "train", TrainOptions)


def _parse(arguments: list[str], command: str, options: type[TrainOptions], **required) -> TrainOptions:
    start = argparse.ArgumentParser(prog=f"python -m ff_utils {command}", add_help=False, allow_abbrev=False)
    start.add_argument("--recipe")
    start.add_argument("--config", type=Path)
    chosen, _ = start.parse_known_args(arguments)
    if chosen.config and chosen.recipe:
        raise UserError("give --recipe or --config: a run starts from one of them")
    base = load_config(chosen.config) if chosen.config else recipe(chosen.recipe or "paper")
    return tyro.cli(
        options, default=options(run=base, **required), args=arguments, prog=f"python -m ff_utils {command}",
        config=(tyro.conf.AvoidSubcommands,),
    )  # fmt: skip


def run_train(arguments: list[str]) -> None:
    options = parse_train(arguments)
    run = train(options.run, options.epochs, progress=options.progress)
    for name, error in run.last_errors.items():
        print(f"{name:>24} {error:6.2f} %")
    print(f"{run.epochs} epochs in {run.provenance['seconds']:.0f} s; results in {run.path}")


@dataclass
class StudyOptions:
    """Train what the results lack of a study; stop it at any time and start it again."""

    name: tyro.conf.Positional[str]
    """The study's name, or all."""
    profile: str = "paper"
    """The scale: smoke, quick or paper."""
    list: bool = False
    """Only show what is missing and how long it will take."""
    scheduler: str | None = None
    """The address of a dask scheduler, whose workers are to train: tcp://host:8786."""


def run_study(arguments: list[str]) -> None:
    options = tyro.cli(StudyOptions, args=arguments, prog="python -m ff_utils study")
    names = studies.STUDIES if options.name == "all" else [options.name]
    profile = studies.profile_named(options.profile)
    for name in names:
        print(f"{name}: {studies.get(name, options.profile).question}")
    own, readable = collecting.stores(options.profile)
    missing = [p for p in studies.schedule(names, options.profile) if collecting.find(p, readable) is None]
    for planned in missing:
        seconds = collecting.expected([planned], profile.training_images)
        in_format = f"  # in {planned.dtype}" if planned.dtype else ""
        print(f"{collecting.readable_time(seconds):>8}  {command_of(planned.config, planned.epochs)}{in_format}")
    if not missing:
        print("nothing is missing")
        return
    if own.root != results_folder():
        print(f"(one by one, by these commands, into {results_folder()}; FF_RESULTS names another folder)")
    if options.list:
        seconds = collecting.expected(missing, profile.training_images)
        print(f"{collecting.counted(missing)}, about {collecting.readable_time(seconds)} here, into {own.root}")
    else:
        with connected(options.scheduler) if options.scheduler else nullcontext() as executor:
            collecting.train_all(missing, own, profile.training_images, executor=executor)


def run_collect(arguments: list[str]) -> None:
    """Write a table of all finished runs to summary_runs.csv in the results folder."""
    tyro.cli(lambda: None, args=arguments, prog="python -m ff_utils collect", description=run_collect.__doc__)
    store = Store()
    summary = store.summary()
    if summary.empty:
        raise UserError(f"no finished run in {store.runs_folder}; train one with: python -m ff_utils train")
    target = store.root / "summary_runs.csv"
    with explained(cache_folder(), variable="FF_CACHE"):
        alone = FileLock(cache_folder() / "collect.lock").acquire()
    with alone, explained(target), replacing(target) as file:
        file.write(summary.to_csv(index=False).encode())
    print(f"{collecting.counted(summary)}; written to {target}")
    if store.damaged:
        raise UserError(f"{collecting.counted(store.damaged)} left out as damaged: {', '.join(store.damaged)}")


def run_export(arguments: list[str]) -> None:
    options = _parse(arguments, "export", ExportOptions, out=tyro.MISSING)
    content = export(options.run, options.epochs, options.out, progress=options.progress)
    for name, error in content.file_errors.items():
        print(f"{f'test_{name}_error':>24} {error:6.2f} % (of the run: {content.run_errors[name]:.2f} %)")
    print(f"{content.parameters:,} parameters of run {content.run}; written to {options.out}")


COMMANDS = {"train": run_train, "study": run_study, "collect": run_collect, "export": run_export}


def main() -> int:
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(__doc__)
        print("The recipes are", ", ".join(RECIPES) + ". Every command has its own --help.")
        return 0
    if command not in COMMANDS:
        print(f"error: no command {command!r}; the commands are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    try:
        COMMANDS[command](arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # Whoever reads, such as `head`, has seen enough. What is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ValidationError as error:
        print(f"error: not a valid run:\n{explain(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from what is kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
