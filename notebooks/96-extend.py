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
from ff_utils.reporting import figures
from ff_utils.studies import collecting

figures.style()
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
# direction of $y$, so the next layer never sees the goodness itself.
#
# This one counts, softly, how many units are active. A unit at $y = 1$ counts a half, and a single unit adds at most
# 1.


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
table

# %% [markdown]
# {numref}`tab-extend` compares each with the net as it was, after {glue:text}`extend_epochs` epochs.
#
# A run remembers its sampler and its goodness by name only. Whoever trains or extends it has to register the same
# function first; without it `train` refuses and lists the names it knows. A changed function needs a new name.
#
# ## A study of your own
#
# {py:class}`ff_utils.studies.plan.Study` declares a comparison: one field varied around a base, with seeds. The
# functions of {py:mod}`ff_utils.reporting.report` draw it.
