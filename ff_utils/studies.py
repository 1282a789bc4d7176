"""Each chapter's intervention, declared: a base, the settings that vary, the seeds, the length.

    study = get("theta", profile="quick")

A *profile* is the scale at which a study runs: `smoke` (scikit-learn's digits, tiny nets, seconds),
`quick` (MNIST, small nets, minutes) and `paper` (the published size). `collecting` brings the runs of a
study together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from .config import RunConfig, recipe
from .errors import UserError

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


PUBLISHED_EPOCHS = (60, 80, 100, 120, 200, 500)


def _milestones(*epochs: int) -> dict[int, int]:
    return dict(zip(PUBLISHED_EPOCHS, epochs, strict=True))


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
        Profile(
            "quick",
            recipe("paper", hidden=(300,) * 4, theta=16.8, layer_reduction="sum"),
            sweep=3, seeds=(0, 1, 2), training_images=50_000, milestones=_milestones(5, 10, 20, 30, 20, 40),
        ),
        # Settled by the pilot: losses averaged as in the source, and peer normalisation from hard negatives on; and by
        # the study hard-momentum.
        Profile(
            "paper", recipe("paper"), sweep=20, seeds=(0, 1, 2), training_images=50_000,
            milestones=_milestones(*PUBLISHED_EPOCHS), whole=60,
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


def _sweep(
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


def theta(profile: Profile) -> Study:
    grid = profile.pick(smoke=(32, 112, 256), quick=(16, 32, 64, 112, 256),
                        paper=(16, 32, 64, 112, 128, 192, 256, 512))  # fmt: skip
    question = "Which threshold θ lets training get under way?"
    return _sweep(profile, "theta", question, "theta", [profile.theta(value) for value in grid])


def learning_rate(profile: Profile) -> Study:
    if profile.name == "smoke":  # Its layers have rates of their own; named by the deeper layers'.
        cells = [
            Cell({"lr": lr}, profile.base.vary(lr=(lr / 30, lr, lr)), profile.sweep, profile.seeds)
            for lr in (0.1, 0.3, 0.6)
        ]
        return Study("learning-rate", "How large may the steps be?", "lr", profile, tuple(cells), profile.base)
    grid = profile.pick(smoke=(), quick=(0.01, 0.02, 0.04, 0.08, 0.16),
                        paper=(0.01, 0.02, 0.03, 0.04, 0.05, 0.08, 0.16))  # fmt: skip
    return _sweep(profile, "learning-rate", "How large may the steps be?", "lr", grid)


def weight_decay(profile: Profile) -> Study:
    grid = profile.pick(smoke=(0.0, 1e-4, 1e-2), quick=(0.0, 1e-5, 1e-4, 1e-3),
                        paper=(0.0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3))  # fmt: skip
    return _sweep(profile, "weight-decay", "How much may the weights decay?", "weight_decay", grid)


def momentum(profile: Profile) -> Study:
    grid = profile.pick(smoke=(0.5, 0.9), quick=(0.0, 0.5, 0.9, 0.95), paper=(0.0, 0.5, 0.8, 0.9, 0.95))
    question = "Does momentum do more than raise the learning rate?"
    return _sweep(profile, "momentum", question, "momentum", grid)


def hard_momentum(profile: Profile) -> Study:
    """Momentum around the base with hard negatives, at the least of the published lengths."""
    grid = profile.pick(smoke=(0.5, 0.9), quick=(0.5, 0.9, 0.95), paper=(0.9, 0.95, 0.97))
    question = "Which momentum suits hard negatives?"
    return _sweep(profile, "hard-momentum", question, "momentum", grid, profile.hard, profile.milestones[60])


def peer_normalization(profile: Profile) -> Study:
    """λ from none to strong, at the length of source A's baseline."""
    grid = profile.pick(smoke=(0.0, 0.03), quick=(0.0, 0.03, 0.1, 0.3), paper=(0.0, 0.01, 0.03, 0.1, 0.3))
    question = "Does peer normalisation keep units alive, and does that lower the error?"
    return _sweep(profile, "peer-normalization", question, "peer_normalization", grid, epochs=profile.milestones[60])


def hard_negatives(profile: Profile) -> Study:
    """The samplers; and around label search the refinements of θ and of the learning rate, and no biases.

    A net learns from label search whatever its head. With a standardized one its one-pass error can be held against
    that of nets that learn from the head.
    """
    epochs, base = profile.milestones[60], profile.hard

    def cell(condition: str, negatives: str = base.negatives, **changes) -> Cell:
        config = profile.hard_by(negatives).vary(**changes)
        settings = {name: getattr(config, name) for name in ("negatives", "theta", "lr", "bias")}
        return Cell({"condition": condition} | settings, config, epochs, profile.seeds)

    samplers = profile.pick(
        smoke=("random", "label_search", "one_pass"),
        quick=("random", "label_search", "shortlist", "one_pass", "one_pass_sampled"),
        paper=("random", "label_search", "shortlist", "one_pass", "one_pass_sampled"),
    )
    cells = [cell(name, name, warmup=0 if name == "random" else base.warmup) for name in samplers]
    cells.append(cell("label_search, standardized head", head_inputs="standardized"))
    cells.append(cell("label_search, no bias", bias=False))
    if profile.name == "paper":
        pairs = [(116.0, 0.04), (112.0, 0.05), (112.0, 0.035), (116.0, 0.05), (116.0, 0.035)]
        cells += [cell(f"label_search, θ {theta:g}, lr {lr:g}", theta=theta, lr=lr) for theta, lr in pairs]
    question = "Do wrong labels that the net confuses teach more than random ones?"
    return Study("hard-negatives", question, "condition", profile, tuple(cells), base)


def epochs(profile: Profile) -> Study:
    """One trajectory of label-search negatives, read at several epochs; and one with the momentum of the sweeps."""
    hard, seeds = profile.hard, profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2))
    cells = [
        Cell({"momentum": momentum, "negatives": hard.negatives}, hard.vary(momentum=momentum),
             profile.milestones[120], seeds if momentum == hard.momentum else seeds[:1])
        for momentum in dict.fromkeys((hard.momentum, profile.base.momentum))
    ]  # fmt: skip
    question = "How long does training go on to help?"
    return Study("epochs", question, "momentum", profile, tuple(cells), hard)


def jitter(profile: Profile) -> Study:
    """The three series of source A's table 1 that differ in jitter and length."""
    base, seeds = profile.hard, profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2))
    cells = [
        Cell(
            {"series": f"{profile.milestones[epochs]} epochs, jitter {pixels}", "jitter": pixels},
            base.vary(jitter=pixels), profile.milestones[epochs], seeds,
        )
        for pixels, epochs in ((0, 120), (2, 200), (2, 500))
    ]  # fmt: skip
    return Study("jitter", "Do shifted images and longer training help?", "series", profile, tuple(cells), base)


def noise(profile: Profile) -> Study:
    """The same two settings from several seeds: the baseline, and label-search negatives."""
    seeds = profile.pick(smoke=(0, 1), quick=(0, 1, 2, 3, 4), paper=(0, 1, 2, 3, 4))
    settings = {
        "random": (profile.base, 60),
        "label_search": (profile.hard, profile.pick(smoke=60, quick=60, paper=120)),
    }
    # In one number format, since the next study asks what another one does.
    cells = [
        Cell({"negatives": name}, config, profile.milestones[epochs], seeds, dtype="bfloat16")
        for name, (config, epochs) in settings.items()
    ]
    return Study("noise", "How far do seeds alone spread?", "negatives", profile, tuple(cells), profile.base)


def number_format(profile: Profile) -> Study:
    """The baseline with products in bfloat16 and in float32: the same configuration, computed differently."""
    seeds = profile.pick(smoke=(0,), quick=(0, 1, 2), paper=(0, 1, 2))
    cells = [
        Cell({"number format": name}, profile.base, profile.sweep, seeds, dtype=name)
        for name in ("bfloat16", "float32")
    ]
    question = "Does the number format of the products change the error?"
    return Study("number-format", question, "number format", profile, tuple(cells), profile.base)


def first_light(profile: Profile) -> Study:
    """Both published recipes as they stand, before any search."""
    width = (profile.width // 2,) * 3
    hinton = recipe("hinton", dataset=profile.base.dataset, hidden=width, theta=float(width[0]))
    if profile.name == "smoke":
        hinton = hinton.vary(batch_size=20)
    epochs = profile.pick(smoke=(30, 30), quick=(10, 10), paper=(60, 20))
    paper = profile.base.vary(layer_reduction="sum")
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
        base=paper,
    )


def pilot(profile: Profile) -> Study:
    """What source A leaves open, one change at a time, before its base is settled on validation.

    With hard negatives, which its best runs use, after one epoch of random ones. The start sums the losses.
    """
    base = profile.hard_start.vary(layer_reduction="sum")
    changes = {
        "none": {},
        "loss averaged over layers": {"layer_reduction": "mean"},
        "peer normalisation 0.03": {"peer_normalization": 0.03},
        "normal first weights": {"init": "normal"},
        "momentum 0.5": {"momentum": 0.5},
        "weight decay 1e-4": {"weight_decay": 1e-4},
        "averaged, peer normalisation 0.03": {"layer_reduction": "mean", "peer_normalization": 0.03},
    }
    epochs = profile.pick(smoke=10, quick=3, paper=10)
    return Study(
        name="pilot",
        question="Which values of the hyperparameters that source A does not report are worth a base?",
        factor="change",
        profile=profile,
        cells=tuple(Cell({"change": name}, base.vary(**change), epochs, (0,)) for name, change in changes.items()),
        base=base,
    )


def _speed_base(profile: Profile) -> RunConfig:
    """Source B's recipe at half the width, made quicker: twice the rate, averaged weights."""
    return recipe("hinton", dataset=profile.base.dataset, hidden=(profile.width // 2,) * 3,
                  theta=profile.width / 2, lr=0.002, weight_averaging=0.999)  # fmt: skip


def speed_run(profile: Profile) -> Study:
    """The least time to an error rate: one schedule for each aim, chosen on validation."""
    base = _speed_base(profile).vary(jitter=1)
    # From which epoch to which the rate falls, and how long the average of the weights reaches back.
    schedules = {"2.5 %": (2, 6, 0.998), "1.5 %": (6, 18, 0.999), "1.36 %": (10, 26, 0.999)}
    cells = [
        Cell({"aim": aim}, base.vary(decay_from=start, decay_to=end, weight_averaging=averaging),
             profile.pick(smoke=2, quick=2, paper=end), profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2)))
        for aim, (start, end, averaging) in schedules.items()
    ]  # fmt: skip
    return Study("speed-run", "How soon is an error rate reached?", "aim", profile, tuple(cells), base)


def shortlist(profile: Profile) -> Study:
    """Exact label search against a search among the two labels that the head thinks most likely."""
    base = _speed_base(profile).vary(decay_from=5, decay_to=10, shortlist=2)
    cells = [
        Cell({"negatives": name}, base.vary(negatives=name), profile.pick(smoke=2, quick=2, paper=10),
             profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2)))
        for name in ("label_search", "shortlist")
    ]  # fmt: skip
    return Study("shortlist", "Does a search among two labels do as well as among nine?", "negatives", profile,
                 tuple(cells), base)  # fmt: skip


# In the order in which `study all` trains them, what decides most first.
STUDIES: dict[str, Callable[[Profile], Study]] = {
    "first-light": first_light,
    "pilot": pilot,
    "hard-momentum": hard_momentum,
    "epochs": epochs,
    "peer-normalization": peer_normalization,
    "jitter": jitter,
    "hard-negatives": hard_negatives,
    "theta": theta,
    "learning-rate": learning_rate,
    "weight-decay": weight_decay,
    "momentum": momentum,
    "number-format": number_format,
    "noise": noise,
    "shortlist": shortlist,
    "speed-run": speed_run,
}


def profile_named(name: str) -> Profile:
    if name not in PROFILES:
        raise UserError(f"profile: no profile {name!r}; the profiles are {', '.join(PROFILES)}")
    return PROFILES[name]


def get(name: str, profile: str = "paper") -> Study:
    """The study `name` at the scale of `profile`. Raises `UserError` for a name it does not know."""
    if name not in STUDIES:
        raise UserError(f"no study {name!r}; the studies are {', '.join(STUDIES)}")
    return STUDIES[name](profile_named(profile))


def schedule(names: Iterable[str], profile: str = "paper") -> list[Planned]:
    """All runs of these studies, in the order in which they are worth the time.

    The first seed of every study, then their other seeds, then the greater lengths. A run that an earlier and
    longer one contains is left out.
    """
    studies = [get(name, profile) for name in names]
    rounds = [
        *(
            planned
            for first in (True, False)
            for study in studies
            for cell, planned in study.runs()
            if (planned.config.seed == cell.seeds[0]) == first
        ),
        *(planned for study in studies for _, planned in study.extended().runs()),
    ]
    reached: dict[tuple, int] = {}
    chosen = []
    for planned in rounds:
        if reached.get(planned[::2], 0) < planned.epochs:
            reached[planned[::2]] = planned.epochs
            chosen.append(planned)
    return chosen


from . import gap as _gap  # noqa: E402, F401 (these build on the above and register their own)
from .selfsup import studies as _selfsup  # noqa: E402, F401
