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
# # What the book costs
#
# What it takes to train every run of the book anew at full size: on a machine with two cores, on one GPU, and on a
# cluster. What the stored runs did take is on the page about {doc}`run times <97-runtimes>`.

# %% tags=["parameters", "remove-cell"]
profile = "paper"  # the cost is that of the full size, whatever is named here
train = "never"  # this page trains nothing

# %% tags=["hide-input"]
from myst_nb import glue

from ff_utils import Store, studies
from ff_utils.reporting import budget, style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
machines = 8
store = Store()
speed = budget.stored_speed(store)
narrow = speed.by_kind.get(((1000,) * 3, None))
runs = budget.longest(list(studies.STUDIES))
seconds = speed.seconds(runs)
readable = collecting.readable_time
work = sum(map(budget.operations, runs))
for name, value in {
    "runs": len(runs),
    "speed": str(speed),
    "narrow": f"{100 * narrow / speed.per_second:.0f} % of that"
    if narrow
    else "an open part of that",
    "gpu": f"{budget.GPU_SPEED / 1e12:.0f}",
    "one": readable(sum(seconds)),
    "on_gpu": readable(work / budget.GPU_SPEED),
    "machines": machines,
    "cluster": readable(budget.makespan(seconds, machines)),
    "longest": readable(max(seconds)),
}.items():
    glue(f"cost_{name}", value, display=False)

# %% [markdown]
# ## How it is counted
#
# Counted are the matrix products of training. An epoch of a run always takes the same number of them, so
# the work of a study is known before it is trained (orthogonal steps have products of their own, which are not counted). Some runs are part of several studies, and a longer run
# contains the shorter ones; each is counted once. Nets trained by backpropagation are counted as
# Forward-Forward nets of their size.
#
# - **Two cores.** {glue:text}`cost_speed` Smaller nets reach less: in the median those of 3 × 1000 units reached
#   {glue:text}`cost_narrow`. A run is counted at the speed of its size and kind of negatives where that was measured,
#   else of its size, else of the published size.
# - **One GPU.** This is an *estimate*: no run of the book was on a GPU. It assumes
#   {glue:text}`cost_gpu` · 10¹² operations per second in training, evaluation included: a cautious guess. A card of half
#   that speed takes twice the time.
# - **A cluster.** Runs are independent. Each goes to the next machine that is free, the longest first, and every
#   machine is as fast as the two cores above.
#
# ## What it comes to
#
# At full size the book has {glue:text}`cost_runs` runs, some of them not trained yet. They take {glue:text}`cost_one` on two cores, about
# {glue:text}`cost_on_gpu` on the GPU assumed, and {glue:text}`cost_cluster` on {glue:text}`cost_machines` machines
# of two cores. {numref}`tab-cost-studies` divides this by study.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cost of every study at full size: what it adds to those above it. A study with 0 runs takes further, or only compares, some that are counted above. The first time is from measured speed, that on the GPU is estimated, that on the cluster follows from the first.", "name": "tab-cost-studies"}}
budget.by_study(speed, machines)

# %% [markdown]
# More machines help until the longest run is all there is to wait for. It takes {glue:text}`cost_longest`
# ({numref}`fig-cost-workers`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Time to train the whole book against the number of machines with two cores each. Runs are not divided: no cluster is faster than its longest run.", "name": "fig-cost-workers"}, "image": {"alt": "Line chart with logarithmic axes. The hours fall in proportion to the number of machines at first, then level off at the time of the longest run."}}
budget.draw_workers(seconds)

# %% [markdown]
# To see what your own machine would take for the runs that are missing there, run by run:
#
# ```bash
# python -m ff_utils study all --list
# ```
#
# ## On a cluster
#
# Every machine, the scheduler's too, needs the same environment (`requirements.txt`), and workers the data. Three commands do the rest. The
# first starts the scheduler on one machine and prints its address:
#
# ```bash
# dask scheduler
# ```
#
# The second starts a worker on each machine that trains, one run at a time on all of its cores (here two):
#
# ```bash
# OMP_NUM_THREADS=2 dask worker tcp://host:8786 --nthreads 1
# ```
#
# The third trains what is missing, from wherever the results are:
#
# ```bash
# python -m ff_utils study all --scheduler tcp://host:8786
# ```
#
# A run is stored when it comes in. Stop the study whenever you like; the same command trains the rest. If a worker
# dies, another does its work. A worker with other versions of the code, or without the data, ends the study with a
# message that says so.
