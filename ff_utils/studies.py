"""Each chapter's intervention, declared: a base, the settings that vary, the seeds, the length.

    study = get("theta", profile="quick")

A *profile* is the scale at which a study runs: `smoke` (scikit-learn's digits, tiny nets, seconds),
`quick` (MNIST, small nets, minutes) and `paper` (the published size). `collecting` brings the runs of a
study together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .config import RunConfig, recipe
from .errors import UserError

PAPER_WIDTH = 2000  # Units per layer in source A; thresholds scale with the width.


@dataclass(frozen=True)
class Profile:
    """A scale. `base` is the recipe of source A with random negatives, at that size."""

    name: str
    base: RunConfig
    epochs: int
    seeds: tuple[int, ...]
    training_images: int

    @property
    def width(self) -> int:
        return self.base.hidden[0]

    def theta(self, paper_theta: float) -> float:
        """The threshold that has the same share of the width as `paper_theta` has at 2000 units."""
        return round(paper_theta * self.width / PAPER_WIDTH, 3)


PROFILES = {
    profile.name: profile
    for profile in (
        # The digits are few: with so few steps the deeper layers need a higher rate to move at all.
        Profile(
            "smoke",
            recipe("paper", dataset="digits", hidden=(100, 100, 100), theta=5.6, lr=(0.01, 0.3, 0.3),
                   layer_reduction="sum", batch_size=50),
            epochs=30, seeds=(0,), training_images=1_077,
        ),
        Profile(
            "quick",
            recipe("paper", hidden=(300,) * 4, theta=16.8, layer_reduction="sum"),
            epochs=3, seeds=(0, 1, 2), training_images=50_000,
        ),
        Profile(
            "paper", recipe("paper", layer_reduction="sum"), epochs=60, seeds=(0, 1, 2), training_images=50_000
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One condition of a study: what sets it apart, and the configuration of its first seed."""

    settings: dict[str, object]
    config: RunConfig
    epochs: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Study:
    """A list of independent runs that answer one question.

    `factor` is the setting on the horizontal axis. `scientific`, `nuisance` and `fixed` name the
    hyperparameters by their role: studied, tuned so that the comparison is fair, and held.
    """

    name: str
    question: str
    factor: str
    profile: Profile
    cells: tuple[Cell, ...]
    nuisance: tuple[str, ...] = ()
    fixed: dict[str, object] = field(default_factory=dict)

    def runs(self) -> Iterator[tuple[Cell, RunConfig]]:
        """Every run of the study, seed by seed, so that one seed of all cells comes first."""
        for i in range(max(len(cell.seeds) for cell in self.cells)):
            for cell in self.cells:
                if i < len(cell.seeds):
                    yield cell, cell.config.vary(seed=cell.seeds[i])


def _vary(profile: Profile, factor: str, values, **changes) -> tuple[Cell, ...]:
    """One cell per value of `factor` around the profile's base."""
    return tuple(
        Cell({factor: value}, profile.base.vary(**{factor: value}, **changes), profile.epochs, profile.seeds)
        for value in values
    )


def theta(profile: Profile) -> Study:
    grids = {"smoke": (32, 112, 256), "quick": (16, 32, 64, 112, 256)}
    grid = grids.get(profile.name, (16, 32, 64, 112, 128, 192, 256, 512))
    return Study(
        name="theta",
        question="Which threshold θ lets training get under way?",
        factor="theta",
        profile=profile,
        cells=_vary(profile, "theta", [profile.theta(value) for value in grid]),
        nuisance=("seed",),
    )


def first_light(profile: Profile) -> Study:
    """Both published recipes as they stand, before any search."""
    width = (profile.width // 2,) * 3
    hinton = recipe("hinton", dataset=profile.base.dataset, hidden=width, theta=float(width[0]))
    if profile.name == "smoke":
        hinton = hinton.vary(batch_size=20)
    epochs = {"smoke": (30, 30), "quick": (10, 10)}.get(profile.name, (60, 20))
    paper = profile.base
    return Study(
        name="first-light",
        question="Do the two recipes, as far as they are published, train at all?",
        factor="recipe",
        profile=profile,
        cells=(
            Cell({"recipe": "hinton"}, hinton, epochs[0], (0,)),
            Cell({"recipe": "paper"}, paper, epochs[1], profile.seeds),
            Cell({"recipe": "paper, loss averaged"}, paper.vary(layer_reduction="mean"), epochs[1], (0,)),
        ),
    )


def pilot(profile: Profile) -> Study:
    """What source A leaves open, one change at a time, before its base is settled on validation.

    With hard negatives, which its best runs use, after one epoch of random ones.
    """
    base = profile.base.vary(negatives="label_search", warmup=1)
    changes = {
        "none": {},
        "loss averaged over layers": {"layer_reduction": "mean"},
        "peer normalisation 0.03": {"peer_normalization": 0.03},
        "normal first weights": {"init": "normal"},
        "momentum 0.5": {"momentum": 0.5},
        "weight decay 1e-4": {"weight_decay": 1e-4},
    }
    epochs = {"smoke": 10, "quick": 3}.get(profile.name, 10)
    return Study(
        name="pilot",
        question="Which values of the hyperparameters that source A does not report are worth a base?",
        factor="change",
        profile=profile,
        cells=tuple(Cell({"change": name}, base.vary(**change), epochs, (0,)) for name, change in changes.items()),
    )


# In the order in which `study all` trains them.
STUDIES: dict[str, Callable[[Profile], Study]] = {"first-light": first_light, "pilot": pilot, "theta": theta}


def profile_named(name: str) -> Profile:
    if name not in PROFILES:
        raise UserError(f"profile: no profile {name!r}; the profiles are {', '.join(PROFILES)}")
    return PROFILES[name]


def get(name: str, profile: str = "paper") -> Study:
    """The study `name` at the scale of `profile`. Raises `UserError` for a name it does not know."""
    if name not in STUDIES:
        raise UserError(f"no study {name!r}; the studies are {', '.join(STUDIES)}")
    return STUDIES[name](profile_named(profile))
