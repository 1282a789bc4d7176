"""What a study is: a base, the settings that vary around it, the seeds, the length; and the scales at which it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from ..config import RunConfig
from ..recipes import recipe
from ..record import MILESTONES

PAPER_WIDTH = 2000  # Units per layer in source A; thresholds scale with the width.
T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """A scale. `base` is the recipe of source A with random negatives, at that size; `settled` are the settings that
    change with hard negatives, chosen on validation.

    Sweeps run for `sweep` epochs, and where time allows for `whole`. `milestones` says to which of its own
    epochs the published ones correspond: 60, 80, 100 and 120 without jitter, 200 and 500 with it.
    """

    name: str
    base: RunConfig
    sweep: int
    seeds: tuple[int, ...]
    training_images: int
    milestones: dict[int, int]
    whole: int | None = None
    settled: dict[str, float] = field(default_factory=dict)

    @property
    def width(self) -> int:
        return self.base.hidden[0]

    @property
    def hard_start(self) -> RunConfig:
        """The base with label-search negatives after one epoch of random ones, before anything is settled for them."""
        return self.base.vary(negatives="label_search", warmup=1)

    @property
    def hard(self) -> RunConfig:
        """The base with label-search negatives and what is settled for them."""
        return self.hard_start.vary(**self.settled)

    def hard_by(self, negatives: str) -> RunConfig:
        """The same with another sampler. One that asks the head gets a head that can learn on these nets."""
        config = self.hard.vary(negatives=negatives)
        return config.vary(head_inputs="standardized") if config.reads_head else config

    def theta(self, paper_theta: float) -> float:
        """The threshold that has the same share of the width as `paper_theta` has at 2000 units."""
        return round(paper_theta * self.width / PAPER_WIDTH, 3)

    def pick(self, *, smoke: T, quick: T, paper: T) -> T:
        """The value meant for this profile."""
        return {"smoke": smoke, "quick": quick, "paper": paper}[self.name]


def _milestones(*epochs: int) -> dict[int, int]:
    """What stands for the published lengths."""
    return dict(zip(MILESTONES, epochs, strict=True))


#: The profiles, by name.
#:
#: :meta hide-value:
PROFILES = {
    profile.name: profile
    for profile in (
        # The digits are few: with so few steps the deeper layers need a higher rate to move at all.
        Profile(
            "smoke",
            recipe("paper", dataset="digits", hidden=(100, 100, 100), theta=5.6, lr=(0.01, 0.3, 0.3),
                   layer_reduction="sum", batch_size=50),
            sweep=30, seeds=(0,), training_images=1_077, milestones=_milestones(10, 20, 40, 60, 40, 60),
        ),
        # Without peer normalisation so many units of a small net die that seeds hardly agree.
        Profile(
            "quick",
            recipe("paper", hidden=(300,) * 4, theta=16.8, layer_reduction="sum"),
            sweep=3, seeds=(0, 1, 2), training_images=50_000, milestones=_milestones(5, 10, 20, 30, 20, 40),
            settled={"peer_normalization": 0.03},
        ),
        # Settled by the pilot: losses averaged as in the source, and peer normalisation from hard negatives on; and by
        # the study hard-momentum.
        Profile(
            "paper", recipe("paper"), sweep=20, seeds=(0, 1, 2), training_images=50_000,
            milestones=_milestones(*MILESTONES), whole=60,
            settled={"peer_normalization": 0.03, "momentum": 0.95},
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One condition of a study: what sets it apart, and the configuration of its first seed.

    It is compared after `epochs` epochs; `then` is the greater length it gets when time allows. `dtype` is the
    number format where the study is about that, else whichever is the fastest.
    """

    settings: dict[str, object]
    config: RunConfig
    epochs: int
    seeds: tuple[int, ...]
    then: int | None = None
    dtype: str | None = None


class Planned(NamedTuple):
    """One run that a study asks for: its configuration, how far, and in which number format (None: any)."""

    config: RunConfig
    epochs: int
    dtype: str | None = None


@dataclass(frozen=True)
class Study:
    """A list of independent runs that answer one question, varied around `base`.

    `factor` is the setting on the horizontal axis. `nuisance` names the hyperparameters that are averaged over
    so that the comparison is fair.
    """

    name: str
    question: str
    factor: str
    profile: Profile
    cells: tuple[Cell, ...]
    base: RunConfig
    nuisance: tuple[str, ...] = ("seed",)

    @property
    def keys(self) -> list:
        """The values of the factor, in the order of the cells."""
        return list(dict.fromkeys(cell.settings[self.factor] for cell in self.cells))

    @property
    def base_key(self) -> object | None:
        """The value of the factor in the base, if the study has it."""
        return next((cell.settings[self.factor] for cell in self.cells if cell.config == self.base), None)

    def runs(self) -> list[tuple[Cell, Planned]]:
        """Every run of the study, seed by seed, so that one seed of all cells comes first."""
        return [
            (cell, Planned(cell.config.vary(seed=cell.seeds[i]), cell.epochs, cell.dtype))
            for i in range(max((len(cell.seeds) for cell in self.cells), default=0))
            for cell in self.cells
            if i < len(cell.seeds)
        ]

    def extended(self) -> Study:
        """The cells that are to be longer, at that length."""
        longer = (replace(cell, epochs=cell.then, then=None) for cell in self.cells if cell.then)
        return replace(self, cells=tuple(longer))


def sweep(
    profile: Profile,
    name: str,
    question: str,
    factor: str,
    values: Iterable,
    base: RunConfig | None = None,
    epochs: int | None = None,
) -> Study:
    """One cell per value of `factor` around `base` (default: the profile's).

    After `epochs` epochs; by default after the profile's `sweep`, and where time allows its `whole`.
    """
    base = base or profile.base
    length, then = (epochs, None) if epochs else (profile.sweep, profile.whole)
    cells = [Cell({factor: value}, base.vary(**{factor: value}), length, profile.seeds, then) for value in values]
    return Study(name, question, factor, profile, tuple(cells), base)
