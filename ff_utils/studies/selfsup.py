"""The studies of the self-supervised chapters: Forward-Forward against its backprop twin (source C)."""

from __future__ import annotations

from ..config import RunConfig
from ..recipes import recipe
from .plan import Cell, Profile, Study

ALGORITHMS = ("forward_forward", "backprop")
QUESTION = "Does Forward-Forward learn what carries over to another task?"


def forward(profile: Profile, dataset: str | None = None) -> RunConfig:
    """Forward-Forward at the scale of `profile`: the recipe of source B's code, whose layers all learn.

    Source C does not say enough to repeat its own; its pretext accuracies are the check that ours is no worse.
    """
    width, layers = profile.pick(smoke=(100, 3), quick=(300, 4), paper=(2000, 4))
    config = recipe(
        "hinton",
        dataset=dataset or profile.base.dataset,
        hidden=(width,) * layers,
        theta=float(width),
        probe="transfer",
    )
    if profile.name != "paper":
        config = config.vary(decay_from=None, decay_to=None)
    return config.vary(batch_size=20, head_lr=0.02) if profile.name == "smoke" else config


def twin(config: RunConfig) -> RunConfig:
    """The backprop twin of a Forward-Forward run: the same net and budget, and a rate of its own.

    Its softmax reads the last layer alone and learns at the rate of the net. Both rates stand in the middle of the
    study `sensitivity`.
    """
    rate = 0.003 if config.dataset == "digits" else 0.01
    return config.vary(
        algorithm="backprop", lr=rate, weight_decay=0.0, negatives="random", peer_normalization=0.0,
        goodness_from=len(config.hidden), head_lr=rate, head_weight_decay=0.0,
    )  # fmt: skip


def length(profile: Profile) -> int:
    """Epochs of a run."""
    return profile.pick(smoke=15, quick=3, paper=60)


def of(algorithm: str, config: RunConfig) -> RunConfig:
    return config if algorithm == "forward_forward" else twin(config)


def _tasks(profile: Profile, dataset: str, tasks: tuple[str, ...]) -> list[Cell]:
    """Both algorithms on each pretext task. The first data set's rotation has all seeds and the full probe."""
    cells = []
    for task in tasks:
        main = dataset == profile.base.dataset and task == "rotation"
        base = forward(profile, dataset).vary(pretext=task, probe="full" if main else "transfer")
        cells += [
            Cell({"dataset": dataset, "task": task, "algorithm": algorithm}, of(algorithm, base), length(profile),
                 profile.seeds if main else profile.seeds[:1])
            for algorithm in ALGORITHMS
        ]  # fmt: skip
    return cells


def pretext(profile: Profile) -> Study:
    """Both algorithms on every pretext task and data set; those of SVHN are a study apart."""
    first = profile.pick(smoke=("rotation", "flip"), quick=("rotation", "flip", "jigsaw"),
                         paper=("rotation", "flip", "jigsaw", "flip4"))  # fmt: skip
    cells = _tasks(profile, profile.base.dataset, first)
    for dataset in profile.pick(smoke=(), quick=(), paper=("fashion_mnist", "cifar10")):
        cells += _tasks(profile, dataset, ("rotation", "flip", "jigsaw"))
    return Study("pretext", QUESTION, "task", profile, tuple(cells), cells[0].config)


def svhn(profile: Profile) -> Study:
    """Apart from the others, so that they don't wait for data that may be missing."""
    cells = _tasks(profile, "svhn", ("rotation", "flip", "jigsaw")) if profile.name == "paper" else []
    return Study("pretext-svhn", QUESTION, "task", profile, tuple(cells), forward(profile, "svhn"))


def references(profile: Profile) -> Study:
    """What transfer is compared with: nets trained on the classes themselves, and nets not trained at all."""
    cells = []
    for dataset in profile.pick(smoke=("digits",), quick=("mnist",), paper=("mnist", "fashion_mnist", "cifar10")):
        main = dataset == profile.base.dataset
        base = forward(profile, dataset).vary(probe="full" if main else "transfer")
        untrained, seeds = base.vary(algorithm="none"), profile.seeds if main else profile.seeds[:1]
        cells.append(Cell({"dataset": dataset, "task": "none", "algorithm": "none"}, untrained, 1, seeds))
        cells += [
            Cell({"dataset": dataset, "task": "classes", "algorithm": name}, of(name, base), length(profile), (0,))
            for name in ALGORITHMS
        ]
    return Study("references", "How much of a transfer accuracy comes for free?", "task", profile, tuple(cells),
                 cells[1].config)  # fmt: skip


def sensitivity(profile: Profile) -> Study:
    """Both algorithms on rotation over the same small grid of learning rates, relative to the one used."""
    base = forward(profile).vary(pretext="rotation", decay_from=None, decay_to=None)
    factors = profile.pick(smoke=(0.25, 1.0, 4.0), quick=(0.25, 1.0, 4.0), paper=(0.25, 0.5, 1.0, 2.0, 4.0))
    epochs = profile.pick(smoke=10, quick=2, paper=10)
    cells = [
        Cell({"algorithm": name, "rate": factor}, of(name, base).vary(lr=factor * of(name, base).per_layer("lr")[0]),
             epochs, (0,))
        for name in ALGORITHMS for factor in factors
    ]  # fmt: skip
    question = "How much does transfer depend on the learning rate?"
    return Study("sensitivity", question, "rate", profile, tuple(cells), base)


def ablation(profile: Profile) -> Study:
    """What of the gap is the objective and what is the locality: the goodness objective, descended by backprop.

    Through all layers the last one's goodness needs a smaller rate: at the usual one that layer dies.
    """
    base = forward(profile).vary(pretext="rotation", probe="full")
    variants = {
        "goodness of each layer, local": base,
        "goodness of all layers, backprop": base.vary(algorithm="backprop_goodness_all", probe="transfer"),
        "goodness of the last layer, backprop": base.vary(
            algorithm="backprop_goodness_last", probe="transfer", goodness_from=len(base.hidden), lr=0.0003
        ),
        "cross-entropy, backprop": twin(base),
    }
    cells = [Cell({"objective": name}, config, length(profile), (0,)) for name, config in variants.items()]
    question = "Is it the objective or the locality that costs transfer?"
    return Study("ablation", question, "objective", profile, tuple(cells), base)


def mending(profile: Profile) -> Study:
    """Changes to Forward-Forward that stay local to the layer and know no class."""
    base = forward(profile).vary(pretext="rotation")
    wide = tuple(2 * units for units in base.hidden)
    source = recipe("paper", dataset=base.dataset, hidden=base.hidden, theta=profile.theta(112.0),
                    layer_reduction="sum", pretext="rotation", probe="transfer")  # fmt: skip
    if profile.name == "smoke":
        source = source.vary(lr=(0.01, 0.3, 0.3), batch_size=50)
    changes = {
        "none": base.vary(probe="full"),  # As in the study `pretext`, which has this run.
        "backprop on rotation": twin(base.vary(probe="full")),  # No change, but what a change has to reach.
        "hybrid negatives, no labels": base.vary(contrast="hybrid", pretext="none", negatives="random"),
        "half of the negatives hybrids": base.vary(contrast="label_and_hybrid"),
        "blended negatives, no labels": base.vary(contrast="blend", pretext="none", negatives="random"),
        # The gradient carries 1/T: with T times the rate the first steps are as long as they were.
        "softer threshold, T = θ/30": base.vary(temperature=base.hidden[0] / 30, lr=base.lr * base.hidden[0] / 30),
        "random wrong labels": base.vary(negatives="random"),
        "shifted images": base.vary(jitter=2),
        "no peer normalisation": base.vary(peer_normalization=0.0),
        "twice the width": base.vary(hidden=wide, theta=float(wide[0])),
        "the replicated study's recipe": source,
    }
    if profile.name == "smoke":
        changes = {name: changes[name] for name in ("none", "hybrid negatives, no labels", "random wrong labels")}
    cells = [Cell({"change": name}, config, length(profile), (0,)) for name, config in changes.items()]
    question = "What, short of gradients between layers, improves transfer?"
    return Study("mending", question, "change", profile, tuple(cells), cells[0].config)


def backprop(profile: Profile) -> Study:
    """The usual net with backprop, on the classes: the reference of source B."""
    base = twin(forward(profile)).vary(probe="full")
    regularized = {"none": base, "dropout": base.vary(dropout=0.2)}
    cells = [
        Cell({"regularization": name}, config, length(profile), profile.seeds) for name, config in regularized.items()
    ]
    question = "What does backprop reach with the same net?"
    return Study("backprop", question, "regularization", profile, tuple(cells), base)


def unsupervised(profile: Profile) -> Study:
    """Hybrid negatives and no labels; a softmax on all layers but the first is trained beside (source B)."""
    epochs = profile.pick(smoke=15, quick=3, paper=100)
    base = forward(profile).vary(contrast="hybrid", negatives="random")
    if profile.name == "paper":
        base = base.vary(decay_from=epochs // 2, decay_to=epochs)
    cells = (Cell({"receptive_fields": "full"}, base, epochs, (0,)),)
    question = "What can be read from a net that never saw a label?"
    return Study("unsupervised", question, "receptive_fields", profile, cells, base)
