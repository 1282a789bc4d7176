"""The search log of source A, one factor at a time, and what its own protocol leaves open."""

from __future__ import annotations

from ..recipes import recipe
from .plan import Cell, Profile, Study, sweep


def theta(profile: Profile) -> Study:
    """The threshold, from far below to far above the first goodness."""
    grid = profile.pick(smoke=(32, 112, 256), quick=(16, 32, 64, 112, 256),
                        paper=(16, 32, 64, 112, 128, 192, 256, 512))  # fmt: skip
    question = "Which threshold θ lets training get under way?"
    return sweep(profile, "theta", question, "theta", [profile.theta(value) for value in grid])


def learning_rate(profile: Profile) -> Study:
    """The learning rate, wide enough to see both ends."""
    if profile.name == "smoke":  # Its layers have rates of their own; named by the deeper layers'.
        cells = [
            Cell({"lr": lr}, profile.base.vary(lr=(lr / 30, lr, lr)), profile.sweep, profile.seeds)
            for lr in (0.1, 0.3, 0.6)
        ]
        return Study("learning-rate", "How large may the steps be?", "lr", profile, tuple(cells), profile.base)
    grid = profile.pick(smoke=(), quick=(0.01, 0.02, 0.04, 0.08, 0.16),
                        paper=(0.01, 0.02, 0.03, 0.04, 0.05, 0.08, 0.16))  # fmt: skip
    return sweep(profile, "learning-rate", "How large may the steps be?", "lr", grid)


def weight_decay(profile: Profile) -> Study:
    """Coupled weight decay, from none to harmful."""
    grid = profile.pick(smoke=(0.0, 1e-4, 1e-2), quick=(0.0, 1e-5, 1e-4, 1e-3),
                        paper=(0.0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3))  # fmt: skip
    return sweep(profile, "weight-decay", "How much may the weights decay?", "weight_decay", grid)


def momentum(profile: Profile) -> Study:
    """Momentum at the base's learning rate, from none up."""
    grid = profile.pick(smoke=(0.5, 0.9), quick=(0.0, 0.5, 0.9, 0.95), paper=(0.0, 0.5, 0.8, 0.9, 0.95))
    question = "Does momentum do more than raise the learning rate?"
    return sweep(profile, "momentum", question, "momentum", grid)


def _hard_momenta(profile: Profile) -> tuple[float, ...]:
    return profile.pick(smoke=(0.5, 0.9), quick=(0.5, 0.9, 0.95), paper=(0.9, 0.95, 0.97))


def hard_momentum(profile: Profile) -> Study:
    """Momentum around the base with hard negatives, at the least of the published lengths."""
    question, grid = "Which momentum suits hard negatives?", _hard_momenta(profile)
    return sweep(profile, "hard-momentum", question, "momentum", grid, profile.hard, profile.milestones[60])


def peer_normalization(profile: Profile) -> Study:
    """λ from none to strong, at the length of source A's baseline."""
    grid = profile.pick(smoke=(0.0, 0.03), quick=(0.0, 0.03, 0.1, 0.3), paper=(0.0, 0.01, 0.03, 0.1, 0.3))
    question = "Does peer normalisation keep units alive, and does that lower the error?"
    return sweep(profile, "peer-normalization", question, "peer_normalization", grid, epochs=profile.milestones[60])


def hard_negatives(profile: Profile) -> Study:
    """The samplers; and around label search the refinements of θ and of the learning rate, and no biases.

    A net learns from label search whatever its head. With a standardized one its one-pass error can be held against
    that of nets that learn from the head.
    """
    epochs, base = profile.milestones[60], profile.hard

    # So that the chapter takes minutes on small nets, what no claim is about has one seed there.
    aside = profile.seeds if profile.name == "paper" else profile.seeds[:1]

    def cell(condition: str, negatives: str = base.negatives, **changes) -> Cell:
        config = profile.hard_by(negatives).vary(**changes)
        settings = {name: getattr(config, name) for name in ("negatives", "theta", "lr", "bias", "head_inputs")}
        seeds = profile.seeds if config.bias and negatives in ("random", "label_search", "one_pass") else aside
        return Cell({"condition": condition} | settings, config, epochs, seeds)

    samplers = profile.pick(
        smoke=("random", "label_search", "one_pass"),
        quick=("random", "label_search", "shortlist", "one_pass", "one_pass_sampled"),
        paper=("random", "label_search", "shortlist", "one_pass", "one_pass_sampled"),
    )
    cells = [cell(name, name, warmup=0 if name == "random" else base.warmup) for name in samplers]
    cells.append(cell("label_search, standardised head", head_inputs="standardized"))
    cells.append(cell("label_search, no bias", bias=False))
    if profile.name == "paper":
        pairs = [(116.0, 0.04), (112.0, 0.05), (112.0, 0.035), (116.0, 0.05), (116.0, 0.035)]
        cells += [cell(f"label_search, θ {theta:g}, lr {lr:g}", theta=theta, lr=lr) for theta, lr in pairs]
    question = "Do wrong labels that the net confuses teach more than random ones?"
    return Study("hard-negatives", question, "condition", profile, tuple(cells), base)


def epochs(profile: Profile) -> Study:
    """One trajectory of label-search negatives, read at several epochs; at paper scale also with other momenta."""
    hard, seeds = profile.hard, profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2))
    momenta = _hard_momenta(profile) if profile.name == "paper" else (hard.momentum,)
    cells = [
        Cell({"momentum": momentum, "negatives": hard.negatives}, hard.vary(momentum=momentum),
             profile.milestones[120], seeds if momentum == hard.momentum else seeds[:1])
        for momentum in momenta
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
        "weight decay 0.0001": {"weight_decay": 1e-4},
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
