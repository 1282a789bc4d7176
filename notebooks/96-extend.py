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
# # Extend it
#
# A way of making negatives is a function of ten lines, and so is a measure of goodness. This page adds one of each
# without touching the package, and trains nets with them.

# %% tags=["parameters"]
profile = "paper"  # the net is small at every scale
train = "never"  # no stored run is read here: the nets always train live

# %% tags=["hide-input"]
import os
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from myst_nb import glue
from torch import Tensor

import ff_utils
from ff_utils import goodness, negatives, studies
from ff_utils.negatives import Batch
from ff_utils.reporting import style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
torch.set_num_threads(1)  # Nets as small as these are quickest on one thread.

# %% [markdown]
# ## A sampler of negatives
#
# A sampler gets a {py:class}`~ff_utils.negatives.Batch` and returns one wrong label for each image. What it
# asks the batch for is computed when it is first needed: `batch.scores` are the scores $S(c)$ of a
# {term}`label search`, `batch.head_logits` those of the softmax {term}`head`. Its only source of chance is
# `batch.uniforms`, one number in $[0, 1)$ for each image, so that a run stays reproducible.
#
# This one takes one of the three hardest wrong labels. It lies between random and
# {term}`hard negatives <hard negative>`.


# %%
@negatives.register("one_of_three")
def one_of_three(batch: Batch) -> Tensor:
    """One of the three wrong labels with the greatest S(c), at random."""
    hardest = batch.without_truth(batch.scores).topk(3).indices
    chosen = (3 * batch.uniforms).long()
    return hardest.gather(1, chosen[:, None])[:, 0]


# %% [markdown]
# Its name is all that a configuration needs.
#
# ## A goodness
#
# A goodness takes the activities $y$ of a layer, `[rows, units]`, and returns one number for each row. Its derivative
# is taken by automatic differentiation, within the layer: learning stays local. What a layer hands on stays the
# direction of $y$. For the sum of squares, which is its squared length, that hides the goodness from the next layer.
#
# This one counts, softly, how many units are active. A unit at $y = 1$ counts a half, and a single unit adds at most
# one. How many units are active can be seen in the direction, so a next layer can copy the answer of the one before.


# %%
@goodness.register("saturating")
def saturating(y: Tensor) -> Tensor:
    """Σⱼ yⱼ²/(1 + yⱼ²): each unit adds between 0 and 1."""
    squares = y * y
    return (squares / (1 + squares)).sum(1)


# %% [markdown]
# ## Training with them
#
# The net is that of the `smoke` profile, on scikit-learn's digits. Its runs go to a folder of their own so that
# they do not mix with the book's.

# %% tags=["nbval-ignore-output"]
smoke = studies.profile_named("smoke")
changes = {
    "random negatives, sum of squares": {},
    "negatives one_of_three": {"negatives": "one_of_three"},
    "goodness saturating": {"goodness": "saturating"},
}
errors = {}
with TemporaryDirectory() as folder:
    os.environ["FF_CACHE"] = f"{folder}/cache"  # Nor do its checkpoints.
    store = ff_utils.Store(f"{folder}/results")
    for name, change in changes.items():
        run = ff_utils.train(
            smoke.base.vary(**change),
            smoke.sweep,
            store=store,
            progress=False,
        )
        errors[name] = run.at(smoke.sweep, "val_label_search_error")
assert max(errors.values()) < 45, "far below chance, which is 90 %"

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Validation error by label search on scikit-learn's digits, one seed each. These are 360 images: the table shows that both extensions train, not which setting is best.", "name": "tab-extend"}}
table = pd.DataFrame({"validation error (%)": errors}).map("{:.1f}".format)
glue("extend_epochs", smoke.sweep, display=False)
glue("extend_theta", smoke.base.per_layer("theta")[0], display=False)
glue("extend_most", smoke.base.hidden[0], display=False)
table

# %% [markdown]
# {numref}`tab-extend` compares each with the net as it was, after {glue:text}`extend_epochs` epochs. The threshold is in
# units of the goodness: here it stays {glue:text}`extend_theta`, of at most {glue:text}`extend_most` with the new one.
#
# A run remembers its sampler and its goodness by name only. Whoever trains or extends it has to register the same
# function first; without it `train` refuses and lists the names it knows. A changed function needs a new name.
#
# What your function gives is checked: a sampler that gives a true label, or a goodness without a slope, ends with an error
# that says so. Small nets train side by side in processes of their own, which know the package's functions only; runs with
# yours stay in this one.
#
# ## A study of your own
#
# {py:class}`ff_utils.studies.plan.Study` declares a comparison, cell by cell;
# {py:func}`ff_utils.studies.plan.sweep` one in which a single field varies around a base. `collect` trains what is
# missing, {py:mod}`ff_utils.reporting.charts` draws it, and {py:mod}`ff_utils.reporting.report` has the tables.

# %% tags=["nbval-ignore-output", "remove-output"]
from ff_utils.reporting import charts
from ff_utils.studies.plan import sweep

mine = sweep(smoke, "mine", "Which θ?", "theta", [2.8, 5.6, 11.2], epochs=10)
with TemporaryDirectory() as folder:
    os.environ["FF_RESULTS"] = folder  # This page leaves no runs behind.
    collected = collecting.collect(mine, "missing", progress=False)

# %% tags=["nbval-ignore-output"] mystnb={"figure": {"caption": "The study just declared: validation error on the digits against θ after 10 epochs, one seed. Bars: the standard error from the sampling of the images.", "name": "fig-extend-study"}, "image": {"alt": "Validation error against the threshold, by label search and by one pass."}}
charts.draw_errors(collected, label="θ")

# %% [markdown]
# {numref}`fig-extend-study` is drawn as the figures of the search log are. After so few epochs the error by label search is
# still above that of one pass, the readout of the softmax head (one seed).
