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
# # Run times
#
# What it took to compute this book, on which hardware. The time of each single run is in the
# {doc}`run catalogue <99-runs>`.

# %% tags=["parameters", "remove-cell"]
profile = "paper"  # all stored runs are counted, whatever their scale
train = "never"  # this page trains nothing

# %% tags=["hide-input"]
from myst_nb import glue

from ff_utils import Store
from ff_utils.reporting import catalogue, style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
store = Store()
total = sum(map(catalogue.seconds_of, catalogue.trajectories(store)))
glue("times_runs", len(store.runs()), display=False)
glue("times_total", collecting.readable_time(total), display=False)

# %% [markdown]
# ## Training
#
# The {glue:text}`times_runs` stored runs took {glue:text}`times_total` in all ({numref}`tab-times-training`). Times
# are by the median epoch of a run, evaluation included: a run may have been stopped, or slowed by others on the
# machine, for a while. Where a longer run went on from a shorter one, the epochs that they share count once.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Time by kind of run: the median epoch, and the sum over the runs. Left out are untrained nets and runs that a longer one went on from. Backprop has no negatives.", "name": "tab-times-training"}}
catalogue.times(store)

# %% [markdown]
# ## Chapters
#
# `make times` executes every chapter once as `make book` does, from the stored runs, and once as `make quick`
# does, from scratch on small nets. {numref}`tab-times-chapters` has what was measured so far.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Seconds to execute a chapter.", "name": "tab-times-chapters"}}
catalogue.chapter_times(store)
