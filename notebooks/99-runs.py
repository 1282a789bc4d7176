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
# # Run catalogue
#
# Every result of the studies comes from a stored run, a folder `results/runs/<run>/`. It holds the complete
# configuration, the metrics of every epoch, the predictions, and where and when it was computed. The name begins
# with the time at which the run started.
#
# Five pages train small nets live and store none: {doc}`01-algorithm`, {doc}`02-data-and-protocol`,
# {doc}`30-costumes`, {doc}`44-own-images` and {doc}`96-extend`.

# %% tags=["parameters", "remove-cell"]
profile = "paper"  # all stored runs are listed, whatever their scale
train = "never"  # this page trains nothing

# %% tags=["hide-input"]
import pandas as pd
from IPython.display import HTML
from myst_nb import glue

from ff_utils import RECIPES, Store
from ff_utils.reporting import catalogue, style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
store = Store()
glue("runs_count", len(store.runs()), display=False)

# %% [markdown]
# {numref}`tab-runs` lists the {glue:text}`runs_count` runs that are stored. Press what a run trained to see its
# settings, its hardware and its command. The command shows a stored run of these settings, the longest where there are
# several and in whichever number format, and trains it where there is none. Settings that are not named are those of the recipe ({numref}`tab-runs-recipes`).
#
# Errors are those of the readout that stands beside them. Of a run on a pretext task they are errors on that task.
# An untrained net has no task of its own, so there the readout is *transfer*, a linear classifier for the classes.
#
# ## All runs

# %% tags=["hide-input", "full-width"] mystnb={"figure": {"caption": "All stored runs. Errors at the last epoch by the readout that is named. The curve is the validation error over the epochs on a logarithmic scale, the same for all.", "name": "tab-runs"}}
HTML(catalogue.searchable(store))

# %% [markdown]
# ## The recipes
#
# What a field means stands in {py:class}`ff_utils.config.RunConfig`.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The published recipes in full.", "name": "tab-runs-recipes"}}
pd.DataFrame(
    {name: recipe.model_dump(mode="json") for name, recipe in RECIPES.items()},
    dtype=object,
).map(str).rename_axis(columns="field")
