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
# Every number of this book comes from a run, and every run is a folder `results/runs/<run>/`. It holds the
# complete configuration, the metrics of every epoch, the predictions, and where and when it was computed. The
# name begins with the time at which the run started.

# %% tags=["parameters"]
profile = "paper"  # all stored runs are listed, whatever their scale
train = "never"  # this page trains nothing

# %% tags=["hide-input"]
from myst_nb import glue

from ff_utils import Store, collecting, figures, report

figures.style()
collecting.check_parameters(profile, train)
store = Store()
runs = report.catalogue(store)
glue("runs_count", len(runs), display=False)
assert len(runs) == len(store.runs())

# %% [markdown]
# {numref}`tab-runs` lists the {glue:text}`runs_count` runs that are stored. {numref}`tab-runs-commands` gives
# the command for each. It finds the stored run where there is one and trains it where there is none.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "All stored runs: final errors by label search in percent, and minutes by the median epoch.", "name": "tab-runs"}}
runs

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The command of every run.", "name": "tab-runs-commands"}}
report.commands(store)
