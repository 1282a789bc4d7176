"""What separates the replicated study (source A) from Hinton's code (source B), one factor at a time.

A net is the same whatever units its activities are measured in. `costume` writes a run in other units, in which it
trains identically; in B's units the two recipes differ in ten factors, and each is one change of a field or two.
"""

from __future__ import annotations

from collections.abc import Collection

from .config import RunConfig, recipe
from .studies import PROFILES, STUDIES, Cell, Profile, Study

PIXELS = 28 * 28
# The mean square of an input of MNIST, its label included, over all pixels: what RMS normalisation makes 1.
MEAN_SQUARE = 0.113

# In the order in which the ladder takes them: first what the rates are measured in, then the rates.
FACTORS = {
    "input": "inputs of equal length",
    "first rate": "the rate of the first layer's weights",
    "deeper rate": "the rates of the deeper layers' weights and of all biases",
    "start": "first weights normal, with standard deviation 1/√inputs",
    "temperature": "a sharp threshold: T = 1 at θ = the width",
    "batch": "100 images a step",
    "negatives": "wrong labels drawn from the head's probabilities",
    "peer": "peer normalisation",
    "decay": "weight decay",
    "schedule": "rates that fall to 0 over the second half",
}

# What the activities and the steps are measured by: one choice in five parts, which make little sense one by one.
SCALES = ("input", "first rate", "deeper rate", "start", "temperature")


def costume(config: RunConfig, scale: float = 1.0) -> RunConfig:
    """`config`, whose layers hand on vectors of length 1, written with vectors of mean square 1.

    And with activities √`scale` times as large. It trains identically (up to rounding), epoch by epoch: for N inputs
    W = √(scale/N) · W_L2, so the first weights scale likewise, and lr = scale/N · lr_L2; biases b = √scale · b_L2, and
    their rate scales likewise; θ and T scale as the goodness does. Coupled weight decay would be N/scale · decay_L2,
    one for each layer: it is refused. Raises `ValueError` where the settings don't allow a costume.
    """
    if config.normalization != "l2" or config.input_normalization != "none":
        raise ValueError("written for layers that hand on vectors of length 1, and inputs as they are")
    if config.weight_decay or config.peer_normalization:
        raise ValueError("weight decay would differ from layer to layer, and peer normalisation is not converted")
    if config.goodness != "squares":
        raise ValueError("written for the sum of squares")
    if config.optimizer != "momentum":
        raise ValueError("orthogonal steps have the same length whatever the units")
    inputs = (1, *config.hidden[:-1])  # The first layer's inputs stay as they are.
    return config.vary(
        normalization="rms",
        theta=tuple(scale * theta for theta in config.per_layer("theta")),
        temperature=scale * config.temperature,
        lr=tuple(scale * lr / n for lr, n in zip(config.per_layer("lr"), inputs, strict=True)),
        bias_lr=scale * (config.bias_lr or _one_rate(config)),
        init_scale=tuple(f * (scale / n) ** 0.5 for f, n in zip(config.per_layer("init_scale"), inputs, strict=True)),
    )


def _one_rate(config: RunConfig) -> float:
    rates = set(config.per_layer("lr"))
    if len(rates) > 1:
        raise ValueError("biases of layers with different rates need a rate of their own: give bias_lr")
    return rates.pop()


def between(profile: Profile, taken: Collection[str]) -> RunConfig:
    """Source A's recipe with hard negatives, in three layers of `code_width` units, with the factors `taken` from B.

    With all of them it is B's code. With none it has what A's recipe has at its published width in B's units: θ as the
    width, the rates, temperature and first weights that `costume` gives, the loss summed over the layers.
    """
    width, epochs = code_width(profile), short_epochs(profile)
    published = PROFILES["paper"].base
    a = costume(published, published.hidden[0] / published.per_layer("theta")[0])
    b = recipe("hinton", dataset=profile.base.dataset, hidden=(width,) * 3, theta=float(width),
               decay_from=epochs // 2, decay_to=epochs)  # fmt: skip
    source = {factor: b if factor in taken else a for factor in FACTORS}

    # Where inputs have mean square q and not 1, the same step of the first layer is a rate 1/q as large, and
    # the same start are weights 1/√q as large.
    q = 1.0 if "input" in taken else MEAN_SQUARE
    first_rate = b.lr if "first rate" in taken else a.lr[0] * MEAN_SQUARE
    deeper_rate = b.lr if "deeper rate" in taken else a.lr[1]
    first_start, deeper_start = (
        (1.0, 1.0) if "start" in taken else (a.init_scale[0] * MEAN_SQUARE**0.5, a.init_scale[1])
    )

    def fields(factor: str, *names: str) -> dict:
        return {name: getattr(source[factor], name) for name in names}

    return b.vary(
        **fields("input", "input_normalization"),
        lr=(first_rate / q, deeper_rate, deeper_rate),
        bias_lr=b.lr if "deeper rate" in taken else a.bias_lr,
        **fields("start", "init"),
        init_scale=(first_start / q**0.5, deeper_start, deeper_start),
        **fields("temperature", "temperature"),
        **fields("batch", "batch_size"),
        negatives=b.negatives if "negatives" in taken else "label_search",
        warmup=0 if "negatives" in taken else 1,
        **fields("peer", "peer_normalization"),
        **fields("decay", "weight_decay"),
        **fields("schedule", "decay_from", "decay_to"),
    )


def short_epochs(profile: Profile) -> int:
    """The length at which many nets can be afforded."""
    return profile.pick(smoke=10, quick=4, paper=10)


def code_width(profile: Profile) -> int:
    """Units of each of three layers: at paper scale those of B's code."""
    return profile.pick(smoke=50, quick=300, paper=1000)


def ladder(profile: Profile) -> Study:
    """From A's recipe to B's: each factor alone, each added to those before it, each removed from the whole.

    The scales are also removed together; together they are added by the last of them. And the head's negatives are
    taken alone with a head that can learn on A's nets, too.
    """
    factors = profile.pick(smoke=("first rate", "temperature"), quick=tuple(FACTORS), paper=tuple(FACTORS))
    everything = set(FACTORS)
    sets: dict[tuple[str, str], set[str]] = {("ends", "A"): set(), ("ends", "B"): everything}
    sets |= {("alone", factor): {factor} for factor in factors}
    if profile.name != "smoke":
        sets |= {("added", factor): set(factors[: i + 1]) for i, factor in enumerate(factors)}
    sets |= {("removed", factor): everything - {factor} for factor in factors}
    sets |= {("removed", "scales"): everything - set(SCALES)}
    configs = {key: between(profile, taken) for key, taken in sets.items()}
    configs["standardized head", "negatives"] = between(profile, {"negatives"}).vary(head_inputs="standardized")
    cells = [
        Cell({"change": f"{way}: {factor}", "way": way, "factor": factor}, config,
             short_epochs(profile), profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2)))
        for (way, factor), config in configs.items()
    ]  # fmt: skip
    question = "Which of the differences between the two recipes make the difference in error?"
    return Study("ladder", question, "change", profile, tuple(cells), between(profile, everything))


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
        "ports, twice the weight decay": ({"weight_decay": 0.02}, pick(smoke=4, quick=8, paper=125)),
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
        "standardized head": {"head_inputs": "standardized"},
        "symmetric loss": {"loss": "symmetric"},
        "soft threshold, T = 4": {"temperature": 4.0},
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


# How many times as long an epoch takes, measured on the nets of the quick profile.
DEARER = {"twice the width": 2.26, "orthogonal steps of 0.01": 4.66}


def equal_time(profile: Profile) -> Study:
    """The two additions that cost most, each beside the unchanged code trained for as many epochs as take its time."""
    epochs, width = short_epochs(profile), code_width(profile)
    base, cells = _hinton(profile, epochs, width, 3), []
    seeds = profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2))
    for name, dearer in DEARER.items():
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
    short, long = profile.pick(smoke=(3, 4), quick=(6, 12), paper=(60, 200))
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


def gap_shifts(profile: Profile) -> Study:
    """A's first suspect: the 25 shifts drawn at random, or each of them once in 25 epochs."""
    base = profile.hard.vary(jitter=2)
    cells = [
        Cell({"jitter_form": form}, base.vary(jitter_form=form), profile.milestones[60], profile.seeds)
        for form in ("sampled", "enumerated")
    ]
    question = "Do enumerated shifts do better than sampled ones?"
    return Study("gap-shifts", question, "jitter_form", profile, tuple(cells), base)


def gap_negatives(profile: Profile) -> Study:
    """A's second suspect: how hard negatives are made."""
    cells = [
        Cell({"negatives": name}, profile.hard_by(name), profile.milestones[60], profile.seeds)
        for name in ("label_search", "one_pass_sampled")
    ]
    question = "Do negatives drawn from the head's probabilities close the gap?"
    return Study("gap-negatives", question, "negatives", profile, tuple(cells), profile.hard)


def gap_loss(profile: Profile) -> Study:
    """A's third suspect: the exact local loss, which is its threshold and temperature (B's are θ = width, T = 1).

    At an unchanged rate a lower temperature also means larger steps: ∂loss/∂g = (σ − t)/T.
    """
    base = profile.hard
    theta = profile.base.per_layer("theta")[0]
    # B's logit in A's units: (g − θ_A) · width/θ_A.
    cells = [
        Cell({"recipe": name}, base.vary(temperature=temperature), profile.milestones[60], profile.seeds)
        for name, temperature in (("paper", 1.0), ("paper-with-hinton-loss", theta / profile.width))
    ]
    return Study("gap-loss", "Does the exact local loss close the gap?", "recipe", profile, tuple(cells), base)


STUDIES.update(
    {
        "ladder": ladder,
        "hinton": hinton,
        "hinton-small": hinton_small,
        "additions": additions,
        "equal-time": equal_time,
        "full-length": full_length,
        "hinton-negatives": hinton_negatives,
        "gap-shifts": gap_shifts,
        "gap-negatives": gap_negatives,
        "gap-loss": gap_loss,
    }
)
