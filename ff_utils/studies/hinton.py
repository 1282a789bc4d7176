"""Hinton's results (source B), those of his code as others ran it, and what can be added to it layer by layer."""

from __future__ import annotations

from ..config import RunConfig
from ..recipes import recipe
from .gap import code_width, short_epochs
from .plan import Cell, Profile, Study


def _hinton(profile: Profile, epochs: int, width: int | None = None, layers: int = 4, **changes) -> RunConfig:
    """B's recipe with a schedule of `epochs`: constant for half of them, then falling to 0."""
    width = width or profile.width
    return recipe("hinton", dataset=profile.base.dataset, hidden=(width,) * layers, theta=float(width),
                  decay_from=epochs // 2, decay_to=epochs, **changes)  # fmt: skip


def hinton(profile: Profile) -> Study:
    """B's two results: 60 epochs as it stands, 500 with shifted images."""
    lengths = {jitter: profile.milestones[epochs] for jitter, epochs in ((0, 60), (2, 500))}
    cells = [
        Cell({"jitter": jitter}, _hinton(profile, epochs, jitter=jitter), epochs, profile.seeds)
        for jitter, epochs in lengths.items()
    ]
    return Study("hinton", "Does Hinton's result replicate?", "jitter", profile, tuple(cells), cells[0].config)


def hinton_small(profile: Profile) -> Study:
    """The sizes at which others ran the author's code and its ports."""
    pick, seeds = profile.pick, profile.seeds
    changes = {
        "the code": ({}, pick(smoke=4, quick=6, paper=100)),
        "as in the ports, twice the weight decay": ({"weight_decay": 0.02}, pick(smoke=4, quick=8, paper=125)),
        "uniform negatives": ({"negatives": "random"}, pick(smoke=4, quick=6, paper=100)),
    }
    cells = []
    for name, (change, epochs) in changes.items():
        config = _hinton(profile, epochs, profile.width // 2, 3, **change)
        settings = {"recipe": name, "negatives": config.negatives, "weight_decay": config.weight_decay}
        cells.append(Cell(settings, config, epochs, seeds))
    question = "Do the results of the author's code and of its ports replicate?"
    return Study("hinton-small", question, "recipe", profile, tuple(cells), cells[0].config)


def _costly(base: RunConfig) -> dict[str, dict]:
    """The changes to B's code that cost most."""
    width = base.hidden[0]
    # The rate of orthogonal steps is the change of an activity's size by one step; the biases keep theirs.
    return {
        "orthogonal steps of 0.003": {"optimizer": "orthogonal", "lr": 0.003, "bias_lr": base.lr},
        "orthogonal steps of 0.01": {"optimizer": "orthogonal", "lr": 0.01, "bias_lr": base.lr},
        "twice the width": {"hidden": (2 * width,) * 3, "theta": 2.0 * width},
    }


def additions(profile: Profile) -> Study:
    """Single changes to B's code at its own size, all of them local to the layer; and the best ones together."""
    epochs, width = short_epochs(profile), code_width(profile)
    base = _hinton(profile, epochs, width, 3)
    changes = {
        "none": {},
        "averaged weights": {"weight_averaging": 0.999},
        "twice the rate": {"lr": 0.002},
        "shifts of one pixel": {"jitter": 1},
        "dropout 0.1": {"dropout": 0.1},
        "hardest negatives": {"negatives": "label_search"},
        "random negatives": {"negatives": "random"},
        "every wrong label": {"negatives": "all"},
        "standardised head": {"head_inputs": "standardized"},
        "symmetric loss": {"loss": "symmetric"},
        # The gradient carries 1/T: with T times the rate the first steps are as long as they were.
        "soft threshold, T = 4": {"temperature": 4.0, "lr": 0.004},
        "θ rising with depth": {"theta": (0.5 * width, 1.0 * width, 1.5 * width)},
        "θ falling with depth": {"theta": (1.5 * width, 1.0 * width, 0.5 * width)},
        **_costly(base),
        "averages, rate and shifts": {"weight_averaging": 0.999, "lr": 0.002, "jitter": 1},
    }
    if profile.name == "smoke":
        changes = {name: changes[name] for name in ("none", "averaged weights", "random negatives")}
    seeds = profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2))
    cells = [Cell({"change": name}, base.vary(**change), epochs, seeds) for name, change in changes.items()]
    question = "What do additions bring that keep learning local?"
    return Study("additions", question, "change", profile, tuple(cells), base)


def equal_time(profile: Profile) -> Study:
    """The two additions that cost most, each beside the unchanged code trained for as many epochs as take its time."""
    epochs, width = short_epochs(profile), code_width(profile)
    base, cells = _hinton(profile, epochs, width, 3), []
    seeds = profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2))
    # How many times as long an epoch takes, measured on the nets of the quick and of the paper profile.
    small = {"twice the width": 2.26, "orthogonal steps of 0.01": 4.66}
    wide = {"twice the width": 3.05, "orthogonal steps of 0.01": 19.3}
    for name, dearer in profile.pick(smoke=small, quick=small, paper=wide).items():
        longer = round(dearer * epochs)
        lengths = {
            f"{name}, {epochs} epochs": (base.vary(**_costly(base)[name]), epochs),
            f"unchanged, {longer} epochs": (_hinton(profile, longer, width, 3), longer),
        }
        cells += [Cell({"condition": of}, config, length, seeds) for of, (config, length) in lengths.items()]
    question = "Do the additions that cost most pay in time?"
    return Study("equal-time", question, "condition", profile, tuple(cells), base)


def full_length(profile: Profile) -> Study:
    """B's code at its own size with the additions that long training calls for: first without shifts, then with.

    In the names of cells, `pixels` is the fraction of the input that is dropped, `dropout` that of what layers hand on.
    """
    width = code_width(profile)
    short, long, longest = profile.pick(smoke=(3, 4, 5), quick=(6, 12, 24), paper=(60, 200, 500))
    averages = {"weight_averaging": 0.999}
    dropout = averages | {"dropout": 0.1}
    pixels = averages | {"input_dropout": 0.2}
    both = pixels | {"dropout": 0.3}
    changes = {
        "none": ({}, short),
        "averages": (averages, short),
        "averages, dropout 0.1": (dropout, short),
        "averages, dropout 0.3": (averages | {"dropout": 0.3}, short),
        "averages, pixels 0.2": (pixels, short),
        "averages, pixels 0.2, dropout 0.3": (both, short),
        "averages, pixels 0.2, dropout 0.3, hardest negatives": (both | {"negatives": "label_search"}, short),
        "averages, dropout 0.1, jitter ±1": (dropout | {"jitter": 1}, long),
        "averages, dropout 0.1, jitter ±2": (dropout | {"jitter": 2}, long),
        f"averages, dropout 0.1, jitter ±2, {longest} epochs": (dropout | {"jitter": 2}, longest),
        "averages, pixels 0.2, dropout 0.3, jitter ±1": (both | {"jitter": 1}, long),
    }
    if profile.name == "smoke":
        changes = {
            name: changes[name] for name in ("none", "averages, dropout 0.1", "averages, dropout 0.1, jitter ±1")
        }
    cells = [
        Cell({"change": name}, _hinton(profile, epochs, width, 3, **change), epochs, profile.seeds)
        for name, (change, epochs) in changes.items()
    ]
    question = "How low does the error go when training is long?"
    return Study("full-length", question, "change", profile, tuple(cells), cells[0].config)


def hinton_negatives(profile: Profile) -> Study:
    """How soon B's recipe gets somewhere with random and with hard negatives, at a constant rate."""
    epochs = profile.milestones[60]
    base = _hinton(profile, epochs).vary(decay_from=None, decay_to=None)
    cells = [
        Cell({"negatives": name}, base.vary(negatives=name), epochs, profile.seeds[:1])
        for name in ("random", "one_pass_sampled")
    ]
    question = "How much sooner do hard negatives get there?"
    return Study("hinton-negatives", question, "negatives", profile, tuple(cells), base)
