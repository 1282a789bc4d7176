# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The same net in two costumes
#
# The replicated study ends at 2.12 % test error, Hinton at 0.64 %. Their recipes look unlike each other: unit vectors
# here, vectors of mean square 1 there; a threshold of 112 for 2,000 units here, of as many as there are units there; a learning rate of 0.04
# here, of 0.001 there. Before asking which difference matters, we must know which of them are differences at all.
#
# **What you will see.** A change of units under which a net trains identically, shown in double precision. Then both
# recipes {cite:p}`shirahama2026,hinton2022` in the same units, and what is left between them.

# %% tags=["parameters"]
profile = "paper"  # the nets that train here are small at every scale
train = "never"  # no stored run is read here: the nets always train live

# %% tags=["hide-input"]
import pandas as pd
import torch
from myst_nb import glue

from ff_utils import RunConfig, Trainer, costumes, load, recipe, studies
from ff_utils.reporting import formats, style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)

# %% [markdown]
# ## A change of units
#
# Let a layer with $N$ inputs get vectors of length 1, and let a second net get the same vectors $\sqrt N$ times as
# long: their mean square is 1. With weights that are $\sqrt N$ times smaller the second net computes the same
# activities.
#
# Does it stay the same net while it learns? The gradient for the smaller weights is $\sqrt N$ times greater, while
# the step should be $\sqrt N$ times smaller. A learning rate $N$ times smaller does it:
#
# $$
# W = \frac{W_{L2}}{\sqrt N}, \qquad \eta = \frac{\eta_{L2}}{N}, \qquad
# \text{decay} = N \cdot \text{decay}_{L2} ,
# $$
#
# the last for a weight decay that is added to the gradient.
#
# The {term}`threshold`, the biases and their rate stay as they are. So **the norm that is divided by is no difference
# between the recipes**; it only renames the rates and the
# scale of the first weights. Momentum adds gradients up and needs no change.
#
# The activities have a unit too. Multiply all weights and biases by $\sqrt s$: the {term}`goodness` grows $s$-fold.
# With $\theta$ and the temperature $T$ of the logit $(g-\theta)/T$ grown likewise, the loss is the same. The gradient
# is $\sqrt s$ times smaller and the step should be $\sqrt s$ times greater, so all rates grow $s$-fold, and a decay that
# is added to the gradient shrinks $s$-fold. **A threshold
# of 112 at $T = 1$ is one of 2,000 at $T = 17.9$.** {py:func}`ff_utils.costumes.costume` does both.
#
# Here are two nets on scikit-learn's digits, of 160, 120 and 80 units. They differ in all of these numbers but the decay,
# which both lack ({numref}`tab-costume-fields`). Both are trained from the same start in double precision.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The fields in which the two nets differ; values per layer are rounded. Where there is no rate for the biases, the weights' applies.", "name": "tab-costume-fields"}}
config = RunConfig(
    dataset="digits",
    hidden=(160, 120, 80),
    theta=(3.0, 2.0, 1.0),
    lr=0.02,
    layer_reduction="sum",
    batch_size=100,
)
dressed = costumes.costume(config, scale=17.9)
fields = pd.DataFrame(
    {
        "unit vectors": config.differences(dressed),
        "mean square 1": dressed.differences(config),
    }
)
fields.map(
    lambda v: ", ".join(f"{x:.3g}" for x in v) if isinstance(v, tuple) else v
).replace({None: "none"})

# %% tags=["hide-input", "nbval-ignore-output"]
nets = [Trainer(c, load("digits"), torch.float64) for c in (config, dressed)]
factors = [(17.9 / n) ** 0.5 for n in (1, 160, 120)]
for one, other, factor in zip(
    nets[0].network.layers, nets[1].network.layers, factors, strict=True
):
    other.weight.value.copy_(
        one.weight.value * factor
    )  # Weights are drawn in single precision.
for trainer in nets:
    for _ in range(5):
        trainer.run_epoch()
apart = max(
    float((other.weight.value / factor - one.weight.value).abs().max())
    for one, other, factor in zip(
        nets[0].network.layers, nets[1].network.layers, factors, strict=True
    )
)
found = [
    trainer.evaluate("validation", search=True).label_search for trainer in nets
]
assert apart < 1e-8 and (found[0] == found[1]).all()
digits, power = f"{apart:.0e}".split("e")
raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
glue("costume_apart", f"{digits} · 10{raised}", display=False)

# %% [markdown]
# After five epochs no weight differs by more than {glue:text}`costume_apart`, which is rounding, and every prediction
# on the validation images is the same (one seed).
#
# ## Both recipes in the same units
#
# In Hinton's units, with a threshold equal to the width, the replicated study's recipe reads as in
# {numref}`tab-costume`. Of its input it reports nothing: we take pixels from 0 to 1, not normalised. Their mean square is given for MNIST, and the first layer's rate
# and first weights are converted to an input of mean square 1.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The two recipes at 4 × 2000 units in the same units. For the replicated study: its published θ and learning rate, its loss averaged over the layers, and what it does not report, the scale of its input included, as in our base.", "name": "tab-costume"}}
base = studies.profile_named("paper").base
a = costumes.costume(base, base.hidden[0] / base.theta)
b = recipe("hinton", hidden=base.hidden, theta=float(base.hidden[0]))
q = costumes.MEAN_SQUARE
share = 1 / len(base.hidden)  # The study averages its loss over the layers.
assert base.layer_reduction == "mean"
first_a, deeper_a = a.lr[0] * q * share, a.lr[1] * share
bias_a = a.bias_lr * share
start_a = [a.init_scale[0] * q**0.5 / 3**0.5, a.init_scale[1] / 3**0.5]
rows = {
    "mean square of the input": (q, 1),
    "θ": (a.per_layer("theta")[0], b.theta),
    "T": (a.temperature, b.temperature),
    "learning rate, first layer": (first_a, b.lr),
    "learning rate, deeper layers": (deeper_a, b.lr),
    "learning rate, biases": (bias_a, b.lr),
    "SD of the first weights · √inputs, first layer": (start_a[0], 1),
    "SD of the first weights · √inputs, deeper layers": (start_a[1], 1),
    "images a step": (a.batch_size, b.batch_size),
    "peer normalisation λ": (a.peer_normalization, b.peer_normalization),
    "momentum": (a.momentum, b.momentum),
    "weight decay": (a.weight_decay, b.weight_decay),
}
table = pd.DataFrame.from_dict(
    rows, orient="index", columns=["replicated study", "Hinton's code"]
)
for name, value in {
    "ratio": first_a / deeper_a,
    "faster": first_a / b.lr,
    "deeper": deeper_a / b.lr,
    "t": a.temperature,
    "start": 1 / start_a[1],
    "biases": bias_a / b.lr,
}.items():
    glue(f"costume_{name}", f"{float(f'{value:.2g}'):g}", display=False)
table.map(lambda v: formats.number(float(f"{v:.3g}"))).rename_axis(
    columns="in Hinton's units"
)

# %% [markdown]
# What is left between the recipes is, first of all, *rates and scales*:
#
# - **One learning rate is not one rate.** With unit vectors inside and an input of length 9, the first layer of the
#   replicated study learns {glue:text}`costume_ratio` times as fast as its deeper layers, and
#   {glue:text}`costume_faster` times as fast as Hinton's. Its deeper layers learn {glue:text}`costume_deeper` times as fast
#   as his, its biases {glue:text}`costume_biases` times.
# - **A soft threshold.** Its temperature is {glue:text}`costume_t` where Hinton's is 1. The loss still pushes on rows
#   far on the right side, and pushes $T$ times less on those near the threshold or on the wrong side. So $T = 1$ at
#   an unchanged rate also means steps up to $T$ times as large.
# - **A small start.** The study does not report its first weights. With those that we assume, uniform in ±1/√inputs,
#   those of its deeper layers are {glue:text}`costume_start` times smaller than Hinton's. Their goodness starts far below the threshold.
# - Batches, negatives and the schedule differ plainly. The momentum (0.9 in both columns), the strength of peer
#   normalisation and the weight decay are not reported in the study either; the table has those of our base.
#
# ## Next step
#
# {doc}`31-ladder` takes these differences one at a time.
#
# ## Deviations
#
# - {doc}`31-ladder` sums the loss over the layers; there all rates of the study are four times those of
#   {numref}`tab-costume`.
#
# ## Try it yourself
#
# ```{exercise} Why the biases keep their rate
# :label: ex-costume-bias
#
# Going from unit vectors to mean square 1, the weights' rate is divided by $N$. Why is that of the biases not?
# ```
#
# ````{solution} ex-costume-bias
# :class: dropdown
#
# The activities are the same in both costumes, and the bias adds to them directly. Its input is the constant 1, whose
# length has not changed; so neither the bias nor its gradient has.
# ````
