"""What separates the replicated study (source A) from Hinton's code (source B), one factor at a time.

In B's units (see `costumes`) the two recipes differ in ten factors, and each is one change of a field or two. And the
three suspects that A itself names.
"""

from __future__ import annotations

from collections.abc import Collection

from ..config import RunConfig
from ..costumes import MEAN_SQUARE, costume
from ..recipes import recipe
from .plan import PROFILES, Cell, Profile, Study

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
    configs["standardised head", "negatives"] = between(profile, {"negatives"}).vary(head_inputs="standardized")
    cells = [
        Cell({"change": f"{way}: {factor}", "way": way, "factor": factor}, config,
             short_epochs(profile), profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2)))
        for (way, factor), config in configs.items()
    ]  # fmt: skip
    question = "Which of the differences between the two recipes make the difference in error?"
    return Study("ladder", question, "change", profile, tuple(cells), between(profile, everything))


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

    As ∂loss/∂g = (σ − t)/T, the rates are lowered with T, and the first steps are as long as they were. With A's rates
    they would be width/θ times as long, and training ends at once: "alone: temperature" of the study `ladder`.
    """
    base = profile.hard
    # B's logit in A's units: (g − θ_A) · width/θ_A.
    sharp = profile.base.per_layer("theta")[0] / profile.width
    configs = {
        "paper": base,
        "paper-with-hinton-loss": base.vary(
            temperature=sharp, lr=tuple(round(sharp * rate, 6) for rate in base.per_layer("lr"))
        ),
    }
    cells = [Cell({"recipe": name}, config, profile.milestones[60], profile.seeds) for name, config in configs.items()]
    return Study("gap-loss", "Does the exact local loss close the gap?", "recipe", profile, tuple(cells), base)
