"""What the whole book costs: the work in its studies, and the time of it on one machine, a GPU or a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapreplace

import matplotlib.pyplot as plt
import pandas as pd

from ..cost import expected_seconds, step_products
from ..results import Store
from ..studies import PROFILES, STUDIES, Planned, get, schedule
from ..studies.collecting import readable_time
from ..trainer import default_device, fastest_dtype
from .catalogue import hardware, seconds_of
from .style import GREY, MARK, POSITIVE

GPU_SPEED = 20e12  # Operations per second in training, evaluation included. Assumed: no run was on a GPU.
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128)


def operations(planned: Planned) -> float:
    """The floating-point operations of a run at paper scale: those of its training products.

    Those of orthogonal steps are not among them, so that such a run is counted too low.
    """
    steps = planned.epochs * -(-PROFILES["paper"].training_images // planned.config.batch_size)
    return steps * sum(float(product.operations) for product in step_products(planned.config))


@dataclass(frozen=True)
class Speed:
    """Operations per second in training, evaluation included, on some `hardware`.

    `per_second` is that of the published size, from `runs` runs; `by_kind` that of every size that was measured, with
    each kind of negatives and with all (None): the products of a search over labels are larger, and quicker.
    """

    per_second: float
    runs: int
    hardware: str
    by_kind: dict[tuple[tuple[int, ...], str | None], float] = field(default_factory=dict)

    def __str__(self) -> str:
        rate = f"{self.per_second / 1e9:.0f} · 10⁹ operations per second"
        if self.runs == 0:
            return f"No run of the published size is stored; {self.hardware} is expected to reach {rate}."
        return (
            f"The {self.runs} stored runs of Forward-Forward on MNIST's labels at the published size, on "
            f"{self.hardware}, reached {rate} in the median, evaluation included."
        )

    def seconds(self, planned: list[Planned]) -> list[float]:
        """How long each run takes, at the speed of its size and negatives; else of its size; else of the published."""
        found = self.by_kind
        return [
            operations(run) / found.get((c.hidden, c.negatives), found.get((c.hidden, None), self.per_second))
            for run in planned
            for c in [run.config]
        ]


def stored_speed(store: Store) -> Speed:
    """The median speeds of the stored runs, on the hardware that has most of those of the published size.

    Counted are runs of Forward-Forward on MNIST's labels. Without any, what this machine is expected to reach.
    """
    profile = PROFILES["paper"]
    found = pd.DataFrame(
        [
            (run.config.hidden, run.config.negatives, hardware(run),
             operations(Planned(run.config, run.epochs)) / seconds_of(run))
            for run in store.runs()
            if run.config.dataset == "mnist" and run.config.algorithm == "forward_forward"
            and run.config.pretext == "none"
        ],
        columns=["hidden", "negatives", "hardware", "per_second"],
    )  # fmt: skip
    wide = found[found["hidden"] == profile.base.hidden]
    if wide.empty:
        device = default_device()
        seconds = expected_seconds(profile.base, 1, profile.training_images, fastest_dtype(device), device)
        return Speed(operations(Planned(profile.base, 1)) / seconds, 0, "this machine")
    most = wide["hardware"].mode()[0]
    there = found[found["hardware"] == most]
    speeds = {(size, None): speed for size, speed in there.groupby("hidden")["per_second"].median().items()}
    speeds |= there.groupby(["hidden", "negatives"])["per_second"].median().to_dict()
    return Speed(speeds[profile.base.hidden, None], int((wide["hardware"] == most).sum()), most, speeds)


def longest(names: list[str]) -> list[Planned]:
    """All runs of these studies, each as far as any of them needs it: a longer run contains the shorter."""
    # Of one run the schedule names ever greater lengths.
    return list({(planned.config, planned.dtype): planned for planned in schedule(names)}.values())


def makespan(seconds: list[float], workers: int) -> float:
    """How long runs take that `workers` workers take one after the other, the longest first."""
    free = [0.0] * workers
    for duration in sorted(seconds, reverse=True):
        heapreplace(free, free[0] + duration)
    return max(free)


def by_study(speed: Speed, workers: int) -> pd.DataFrame:
    """What each study adds to those above it: runs, epochs, work, and the time of that."""
    machines = [speed.hardware, "one GPU (estimated)", f"{workers} machines of two cores"]
    columns = ["runs", "epochs", "10¹⁵ operations", *machines]

    def row(runs: int, planned: list[Planned]) -> list:
        work, seconds = sum(map(operations, planned)), speed.seconds(planned)
        times = (sum(seconds), work / GPU_SPEED, makespan(seconds, workers))
        return [runs, sum(run.epochs for run in planned), f"{work / 1e15:.1f}", *map(readable_time, times)]

    rows, names, before = {}, [], {}
    for name in STUDIES:
        if not get(name).cells:
            continue  # It has no runs at this scale.
        names.append(name)
        reached = {(run.config, run.dtype): run.epochs for run in longest(names)}
        further = [
            Planned(config, epochs - before.get((config, dtype), 0), dtype)
            for (config, dtype), epochs in reached.items()
            if epochs > before.get((config, dtype), 0)
        ]
        rows[name] = row(len(reached) - len(before), further)
        before = reached
    rows["all"] = row(len(before), longest(names))
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis(columns="study")


def draw_workers(seconds: list[float]) -> None:
    """The time of the whole book against the number of workers, with what is ideal and with the longest run."""
    _, axes = plt.subplots()
    hours = [makespan(seconds, workers) / 3600 for workers in WORKERS]
    axes.plot(WORKERS, [hours[0] / workers for workers in WORKERS], ":", color=GREY, label="evenly divided")
    axes.axhline(max(seconds) / 3600, color=MARK, ls="--", label="longest run")
    axes.plot(WORKERS, hours, "o-", color=POSITIVE, label="runs as they are")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(WORKERS, [str(workers) for workers in WORKERS])
    axes.yaxis.set_major_formatter(lambda hours, _: f"{hours:g}")
    axes.set(xlabel="machines", ylabel="hours")
    axes.legend()
