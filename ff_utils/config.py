"""One immutable, validated description of one training run.

A run is a *trajectory*: `RunConfig` says how training goes on from epoch to epoch, never how far
it went. Whatever affects how a result was computed but not what it means (number format, device,
threads, versions) is not here; it is recorded in a run's provenance.

Sources named in the field notes:

- A: Shirahama, Nakaya, Watanabe (2026), the replicated study.
- B: Hinton (2022), arXiv 2212.13345, and its author's published code.
- C: Brenig, Timofte (2023), arXiv 2309.11955, self-supervised Forward-Forward.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import UserError

Positive = Annotated[float, Field(gt=0)]
PerLayer = Positive | Annotated[tuple[Positive, ...], Field(min_length=1)]


class RunConfig(BaseModel):
    """Everything that determines a run, except its length.

    Unknown names and values out of range are refused: by the constructor with pydantic's `ValidationError`, by
    `recipe`, `vary` and `load_config` with a `UserError` that names each bad field. Fields that take one number or one
    number per hidden layer are marked "per layer". Some go together: `decay_from` and `decay_to`; negatives that ask
    the head and a `head_lr` above 0; a standardized head and no `weight_averaging`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # -- data ---------------------------------------------------------------------------------
    dataset: str = Field("mnist", description="name of the data set: mnist, fashion_mnist, cifar10, svhn, digits")
    jitter: int = Field(
        0,
        ge=0,
        le=8,
        description="each training image is shifted by up to this many pixels in x and in y, drawn "
        "anew for every image and epoch, uniformly over the (2·jitter+1)² shifts",
    )
    jitter_form: Literal["sampled", "enumerated"] = Field(
        "sampled",
        description="shifts drawn independently, or each of the (2·jitter+1)² once in as many epochs, "
        "in a random order",
    )
    pretext: Literal["none", "rotation", "flip", "flip4", "jigsaw"] = Field(
        "none",
        description="task whose class takes the place of the data set's label, drawn anew for every "
        "training image and epoch (C); validation and test images have a fixed one each",
    )

    # -- network --------------------------------------------------------------------------------
    hidden: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (2000, 2000, 2000, 2000), min_length=2, description="units of each hidden layer (A, B)"
    )
    bias: bool = Field(True, description="whether units have a bias (A: varied), starting at 0")
    init: Literal["uniform", "normal"] = Field(
        "uniform",
        description="first weights: uniform in ±1/√inputs (PyTorch's default for a linear layer), "
        "or normal with standard deviation 1/√inputs (B)",
    )
    init_scale: PerLayer = Field(1.0, description="factor on the first weights; per layer")
    normalization: Literal["l2", "rms"] = Field(
        "l2", description="what a layer hands on: length 1 (A), or mean square 1 (B)"
    )
    input_normalization: Literal["none", "l2", "rms"] = Field(
        "none", description="the same for the input, label pixels included (A: not reported; B: rms)"
    )

    # -- objective --------------------------------------------------------------------------------
    algorithm: Literal["forward_forward", "backprop", "backprop_goodness_last", "backprop_goodness_all", "none"] = (
        Field(
            "forward_forward",
            description="what the weights follow: each layer's own goodness; or, with gradients through all layers, "
            "a softmax on the layers from goodness_from, the last layer's goodness, or that of all (C); or "
            "none: they stay as drawn",
        )
    )
    contrast: Literal["label", "hybrid", "blend", "label_and_hybrid"] = Field(
        "label",
        description="what makes a negative: a wrong label; a hybrid of two images (B, section 3.2) or their "
        "mean, all rows under the neutral label; or wrong labels and hybrids in equal parts",
    )
    goodness: str = Field(
        "squares",
        description="a layer's goodness: squares, the sum of yⱼ² (A, B), or one registered with "
        "ff_utils.goodness.register",
    )
    theta: PerLayer = Field(112.0, description="threshold θ of the goodness; per layer (A: 112; B: the layer's width)")
    temperature: float = Field(1.0, gt=0, description="T in the logit (goodness − θ)/T")
    loss: Literal["threshold", "symmetric"] = Field(
        "threshold",
        description="what a row's goodness is held against: θ (A, B), or symmetric: that of the other rows of the "
        "same image, by ½ log(1 + exp((g of the negative − g of the positive)/T)) (Lee and Song, 2023)",
    )
    layer_reduction: Literal["sum", "mean"] = Field(
        "mean",
        description="the loss summed (B) or averaged (A) over the layers; averaging divides each "
        "layer's gradient by their number",
    )
    peer_normalization: float = Field(
        0.0, ge=0, description="strength λ of peer normalisation in forward_forward; 0 turns it off (B: 0.03)"
    )
    peer_decay: float = Field(0.9, ge=0, lt=1, description="decay of the running mean activity of each unit (B)")
    peer_start: float = Field(0.5, ge=0, description="where that running mean starts (B)")

    # -- negatives --------------------------------------------------------------------------------
    negatives: str = Field(
        "random",
        description="how wrong labels are picked: random, label_search, shortlist, one_pass, "
        "one_pass_sampled, all (every wrong label at once), or a sampler registered with "
        "ff_utils.negatives.register",
    )
    shortlist: int = Field(3, ge=1, le=9, description="how many wrong labels the sampler `shortlist` searches")
    warmup: int = Field(0, ge=0, description="epochs of random negatives before `negatives` takes over")

    # -- optimisation -------------------------------------------------------------------------------
    batch_size: int = Field(256, gt=0, description="images per step; each gives a positive row and its negatives")
    lr: PerLayer = Field(0.04, description="learning rate of the weights; per layer")
    bias_lr: float | None = Field(
        None, gt=0, description="learning rate of the biases; none: that of the layer's weights"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="heavy-ball momentum: v ← μv + ∇; w ← w − lr·v")
    optimizer: Literal["momentum", "orthogonal"] = Field(
        "momentum",
        description="steps along v; or orthogonal: along the matrix with the directions of v and all singular values "
        "1, times √(units/inputs) (Jordan and others, 2024), for weights",
    )
    weight_decay: float = Field(0.0, ge=0, description="strength of the weight decay")
    weight_decay_form: Literal["coupled", "decoupled"] = Field(
        "coupled",
        description="decay added to the gradient, as torch.optim.SGD does, or weights shrunk by "
        "lr·weight_decay each step outside the momentum (B)",
    )
    decay_biases: bool = Field(False, description="whether weight decay acts on biases too")
    decay_from: int | None = Field(
        None, ge=0, description="epoch after which the learning rates fall linearly; none: never"
    )
    decay_to: int | None = Field(None, gt=0, description="epoch at whose end they reach 0")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="fraction of what a layer hands on that is set to 0 in training"
    )
    input_dropout: float = Field(0.0, ge=0, lt=1, description="fraction of the pixels that is set to 0 in training")
    weight_averaging: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay per step of an exponential average of the weights, which is what is "
        "evaluated; 0: the weights themselves are",
    )

    # -- readouts ---------------------------------------------------------------------------------
    goodness_from: int = Field(
        2, ge=1, description="first hidden layer, from 1, whose goodness label search adds up (A, B: 2)"
    )
    head_inputs: Literal["scaled", "standardized"] = Field(
        "scaled",
        description="what the head reads: activities at mean square 1 (B); or standardized: these less their running "
        "mean, each layer's again at mean square 1, which is the same linear readout but one that can learn where "
        "all images excite the same units (ours)",
    )
    head_lr: float = Field(
        0.01,
        ge=0,
        description="learning rate of the one-pass softmax head, trained alongside on the RMS-"
        "normalised activities of the same layers under the neutral label; 0: no head",
    )
    head_momentum: float = Field(0.9, ge=0, lt=1, description="momentum of the head")
    head_weight_decay: float = Field(
        0.03, ge=0, description="decoupled weight decay of the head (B: 0.03, in these units)"
    )

    probe: Literal["none", "transfer", "full"] = Field(
        "none",
        description="measured on the frozen net at the milestones: a linear classifier for the data set's classes "
        "on each layer and on layers 2.. together; full: also what else can be decoded, and the embedding",
    )

    seed: int = Field(0, ge=0, description="seed of everything random in the run")

    @model_validator(mode="before")
    @classmethod
    def _in_one_spelling(cls, values: Any) -> Any:
        """What is the same for every layer is one number, so that the same net is the same configuration."""
        if not isinstance(values, dict):
            return values
        values, hidden = dict(values), values.get("hidden", cls.model_fields["hidden"].default)
        if not isinstance(hidden, list | tuple):
            return values
        for name in ("theta", "lr", "init_scale"):
            given = values.get(name)
            if isinstance(given, list | tuple) and given == given[:1] * len(given) and len(given) == len(hidden):
                values[name] = given[0]
        return values

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        layers = len(self.hidden)
        for name in ("theta", "lr", "init_scale"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != layers:
                raise ValueError(f"{name} has {len(value)} values for {layers} hidden layers")
        if self.goodness_from > layers:
            raise ValueError(f"goodness_from is {self.goodness_from}, but there are {layers} layers")
        if (self.decay_from is None) != (self.decay_to is None):
            raise ValueError("decay_from and decay_to go together: give both or neither")
        if self.decay_to is not None and self.decay_to <= self.decay_from:
            raise ValueError("decay_to must be greater than decay_from")
        if self.reads_head and self.head_lr == 0:
            raise ValueError(f"{self.negatives} negatives need the softmax head: give head_lr above 0")
        if self.head_inputs == "standardized" and self.weight_averaging:
            raise ValueError("a standardized head follows the weights and not their average: give weight_averaging 0")
        if self.optimizer == "orthogonal" and self.weight_decay and self.weight_decay_form == "coupled":
            raise ValueError("orthogonal steps take no decay in the gradient: give weight_decay_form decoupled")
        if self.algorithm == "backprop" and self.head_lr == 0:
            raise ValueError("backprop trains the net through its softmax: give head_lr above 0")
        if self.algorithm != "forward_forward" and self.contrast != "label":
            raise ValueError(f"negatives that are images are for forward_forward only, not for {self.algorithm}")
        if self.contrast == "label_and_hybrid" and self.negatives == "all":
            raise ValueError("label_and_hybrid takes one wrong label per image: give other negatives than all")
        return self

    @property
    def reads_head(self) -> bool:
        """Whether the negatives come from the softmax head, so that the net depends on it."""
        return self.negatives in ("one_pass", "one_pass_sampled", "shortlist")

    def per_layer(self, name: str) -> tuple[float, ...]:
        """The field `name` spelled out as one number for each hidden layer."""
        value = getattr(self, name)
        return value if isinstance(value, tuple) else (value,) * len(self.hidden)

    def learning_rate_factor(self, epoch: int) -> float:
        """The factor on all learning rates during `epoch` (counted from 1).

        It is 1 up to `decay_from` and falls linearly; the last epoch before `decay_to` still learns.
        """
        if self.decay_from is None:
            return 1.0
        done = (epoch - 1 - self.decay_from) / (self.decay_to - self.decay_from)
        return min(1.0, max(0.0, 1.0 - done))

    def vary(self, **changes) -> RunConfig:
        """A validated copy with some fields changed."""
        return make_config({**self.model_dump(), **changes})

    @property
    def digest(self) -> str:
        """A SHA-256 in hexadecimal: where a run in progress lives.

        Of the fields that are not at their default, so that it stays the same when a field is added.
        """
        canonical = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def short_hash(self) -> str:
        """The first eight digits of it, for folder names. Only a name: identity is equality."""
        return self.digest[:8]

    def differences(self, other: RunConfig) -> dict[str, object]:
        """The fields of this configuration whose value differs from `other`'s."""
        return {k: v for k, v in self.model_dump().items() if v != getattr(other, k)}


def make_config(values: dict, origin: str = "the run configuration") -> RunConfig:
    """A `RunConfig` from plain values. Raises `UserError` naming each bad field."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{origin} is not valid:\n{explain(error)}") from None


def explain(error: ValidationError) -> str:
    """One line for each field that pydantic refused."""
    lines, problems = [], error.errors()
    # What may be one number or several is refused once as each, and a tuple with a bad item also as too
    # short: of several refusals of a field, keep those that say what is wrong.
    vague = ("float_type", "tuple_type", "too_short")
    explained = {p["loc"][0] for p in problems if p["loc"] and p["type"] not in vague}
    for problem in problems:
        if problem["type"] in vague and problem["loc"][0] in explained:
            continue
        field = str(problem["loc"][0]) if problem["loc"] else "combination"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such field; the fields are " + ", ".join(RunConfig.model_fields)
        elif problem["loc"]:
            message += f" (given: {problem['input']!r})"
        lines.append(f"  {field}: {message}")
    return "\n".join(dict.fromkeys(lines))


def save_config(config: RunConfig, path: Path) -> None:
    """Write all fields to a `config.yaml`."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")


def load_config(path: Path) -> RunConfig:
    """Read a `config.yaml`; fields it lacks get the value that describes the older behaviour.

    Raises `UserError` for a file that can't be read or holds something else.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} does not hold a run configuration (a mapping of fields)")
    return make_config(values, origin=str(path))
