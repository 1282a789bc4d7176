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
# # Jitter
#
# The last step of the search log of {cite:t}`shirahama2026`: every training image is shifted by up to two pixels, and
# training gets longer. {cite:t}`hinton2022` trains on the 25 shifts and reports his best result with them; the source
# pads by two pixels (with zeros, we assume) and crops at random. It suspects that difference to be one cause of its gap.
#
# **What you will see.** A proof by computation that both draw from the same shifts, and a count of what is left:
# enumerating against sampling. Then what jitter does in a series of long runs, small and at full size;
# {numref}`tab-summary-one` has the source's series beside them.

# %% tags=["parameters"]
profile = "quick"  # smoke, quick or paper: from seconds to hours
train = "auto"  # never, missing, all (from scratch) or auto

# %% tags=["hide-input"]
import numpy as np
import torch
from myst_nb import glue
from scipy import stats

from ff_utils import studies
from ff_utils.data import Shifter, excerpt
from ff_utils.reporting import (
    charts,
    comparing,
    diagnostics,
    figures,
    plans,
    published,
    report,
    style,
)
from ff_utils.studies import collecting
from ff_utils.trainer import generator

style.apply()
collecting.check_parameters(profile, train)
study = studies.get("jitter", profile)

# %% [markdown]
# ## Hypothesis
#
# 1. *Padding by p and cropping is shifting.* A crop at one of the $(2p+1)^2$ places of an image padded by $p$
#    zeros is the image moved by up to $p$ pixels in each direction, zeros coming in at the edge. Nothing else can
#    come out.
# 2. *Drawing is uniform.* So an epoch with random crops is a random sample of the enumerated shifts.
# 3. *Jitter slows and helps.* More varied images are harder to fit. With enough epochs the error on unseen
#    images falls.
#
# ## The same shifts
#
# We shift an image by hand, with nothing but slices, and compare with every crop of the padded image
# ({numref}`fig-jitter-shifts`).

# %%
p = 2
images = excerpt("digits" if profile == "smoke" else "mnist", "train", range(8))
image = images.images[0]


def shifted(image, down, right):
    """The image moved by whole pixels; zeros come in."""
    moved = torch.zeros_like(image)
    height, width = image.shape
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(right, 0), width + min(right, 0))
    from_rows = slice(max(-down, 0), height + min(-down, 0))
    from_columns = slice(max(-right, 0), width + min(-right, 0))
    moved[rows, columns] = image[from_rows, from_columns]
    return moved


by_hand = {
    shifted(image, down, right).numpy().tobytes()
    for down in range(-p, p + 1)
    for right in range(-p, p + 1)
}
shifter = Shifter(images.images, p)
first = torch.zeros(shifter.count, dtype=torch.long)
crops = shifter(first, torch.arange(shifter.count))
cropped = {crop.numpy().tobytes() for crop in crops}
assert by_hand == cropped and len(cropped) == (2 * p + 1) ** 2
glue("jitter_shifts", len(cropped), display=False)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One image at the corners of its crops and, in the middle, unshifted.", "name": "fig-jitter-shifts"}, "image": {"alt": "Five copies of one digit, four of them shifted."}}
side = image.shape[-1]
corners = [0, 4, 12, 20, 24]
figures.draw_samples(
    {
        "crops": (
            crops[corners].view(-1, side, side),
            torch.full((len(corners),), int(images.labels[0])),
        )
    }
)

# %% [markdown]
# The {glue:text}`jitter_shifts` crops and the {glue:text}`jitter_shifts` shifts are the same set of images, byte for
# byte. What can differ is only how often each is seen: enumerated, each image shows every shift equally often; sampled,
# only on average.
#
# ## Enumerating against sampling
#
# Do these nets draw all shifts equally often, and an image's next shift without regard to its last?

# %% tags=["hide-input"]
n, epochs, cells = 50_000, 25, (2 * p + 1) ** 2
draws = np.stack(
    [
        torch.randint(
            cells, (n,), generator=generator(0, epoch, "jitter")
        ).numpy()
        for epoch in range(1, epochs + 1)
    ]
)
counts = np.bincount(draws.ravel(), minlength=cells)
uniform = stats.chisquare(counts).pvalue
# How many different shifts an image has shown, against what draws with
# replacement must give: cells · (1 − (1 − 1/cells)^epochs).
distinct = np.mean([len(set(column)) for column in draws.T[:5_000]])
expected = cells * (1 - (1 - 1 / cells) ** epochs)
error = cells**0.5 / (5_000**0.5)
assert uniform > 1e-3, "the shifts are not drawn uniformly"
assert abs(distinct - expected) < error
# Successive epochs must not depend on each other.
repeats = (draws[1:] == draws[:-1]).mean()
glue("jitter_uniform", f"{uniform:.2f}", display=False)
glue("jitter_distinct", f"{distinct:.2f}", display=False)
glue("jitter_expected", f"{expected:.2f}", display=False)
glue("jitter_repeats", f"{100 * repeats:.2f}", display=False)
glue("jitter_chance", f"{100 / cells:.2f}", display=False)
glue("jitter_epochs", epochs, display=False)

# %% [markdown]
# These are the very numbers that training draws for the shifts of its first {glue:text}`jitter_epochs` epochs. They
# can't be told from uniform ones (χ² test, p = {glue:text}`jitter_uniform`). An image repeats the shift of the epoch before in
# {glue:text}`jitter_repeats` % of the cases, where chance gives {glue:text}`jitter_chance` %.
#
# After as many epochs as there are shifts, an image has shown {glue:text}`jitter_distinct` of them on average, and
# theory says {glue:text}`jitter_expected`. Enumeration would have shown all. That is the whole difference. Over
# hundreds of epochs it vanishes: each shift is then seen many times either way.
#
# ## Intervention
#
# Jitter and length vary together, as in the source ({numref}`tab-jitter-plan`, {numref}`tab-jitter-roles`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cells of this study, after the series of the source that differ in jitter and length. Small profiles stand in with small nets and few epochs.", "name": "tab-jitter-plan"}}
plans.cells(study)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The role of each hyperparameter in this chapter.", "name": "tab-jitter-roles"}}
plans.roles(study)

# %% tags=["nbval-ignore-output"]
collected = collecting.collect(study, train)
plans.status(collected)

# %% tags=["hide-input"]
plans.timing(collected)

# %% [markdown]
# ## Result

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Errors of the three series: mean over seeds and 95 % interval, in percent. With one seed the interval covers the sampling of the images.", "name": "tab-jitter-result"}}
report.result_table(collected, choice=False)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The learning curve of the longest series, with jitter.", "name": "fig-jitter-curve"}, "image": {"alt": "Validation errors by label search and one-pass over the epochs, with jitter."}}
longest = study.cells[-1]
run = collected.run_of(series=longest.settings["series"])
run = run or collected.run_of(series=study.cells[1].settings["series"])
theirs = {row.epochs: (row.validation, row.test) for row in published.TABLE_1}
marks = {e: theirs[e] for e in (200, 500)} if profile == "paper" else None
charts.draw_curve(run, longest.epochs, published=marks)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Learning curves with and without jitter by label search.", "name": "fig-jitter-learning"}, "image": {"alt": "Validation error over the epochs, one line per series."}}
charts.draw_learning(collected, comparing.VALIDATION, label="series")

# %% tags=["hide-input"]
metrics = {"val": comparing.VALIDATION, "test": comparing.TEST}


def ends(found, metric):
    """The errors of the three series, each at its own last epoch."""
    return [
        comparing.measured(found, cell.settings, metric)
        for cell in found.study.cells
    ]


series = [cell.settings["series"] for cell in study.cells]
for name, metric in metrics.items():
    plain, _, jittered = ends(collected, metric)
    change = comparing.difference(plain, jittered)
    glue(f"jitter_change_{name}", report.points(change), display=False)
    if name == "val":
        words = (
            "Here it shows: the runs with jitter end lower.",
            "Here the change can't be told from 0.",
            "Here it does not show: the runs with jitter end higher.",
        )
        glue("jitter_told", report.side(change, words), display=False)
for i, name in enumerate(("plain", "short", "long")):
    found = comparing.estimates(collected, comparing.VALIDATION)
    text = report.interval(found.get(series[i]))
    glue(f"jitter_{name}", text, display=False)
    glue(f"jitter_{name}_name", series[i], display=False)
for name, step in (("source_plain", "long training"), ("source", "jitter")):
    error = published.STEPS[step].test
    glue(f"jitter_{name}", f"{error:.2f}", display=False)
suspect = comparing.change(
    collecting.collect(studies.get("gap-shifts", "paper")),
    {"jitter_form": "sampled"},
    {"jitter_form": "enumerated"},
    comparing.TEST,
)
glue("jitter_suspect", report.points(suspect), display=False)
seeds = report.seeds_in_words(suspect)
glue("jitter_suspect_seeds", seeds, display=False)
answer = report.answer("jitter 4", "jitter 2")
glue("jitter_answer", answer, display=False)
table = comparing.estimates(collected, comparing.VALIDATION)
assert table.empty or min(e.mean for e in table) < 60

# %% [markdown]
# The validation errors ({numref}`tab-jitter-result`; {numref}`fig-jitter-curve` has the longest series): {glue:text}`jitter_plain` in the series "{glue:text}`jitter_plain_name`",
# {glue:text}`jitter_short` in "{glue:text}`jitter_short_name`" and {glue:text}`jitter_long` in
# "{glue:text}`jitter_long_name`". From the first to the last the validation error changes by
# {glue:text}`jitter_change_val` and the test error by {glue:text}`jitter_change_test`. The source's step is from
# {glue:text}`jitter_source_plain` to {glue:text}`jitter_source` % on the test images.
#
# ## Interpretation
#
# The comparison changes two things at once, jitter and length, as the source's table does. {numref}`fig-jitter-learning`
# has the curves over the same epochs: early on jitter is a burden rather than a help. What it buys can only show once
# the curve without it has stopped falling. {glue:text}`jitter_told`

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What each layer has learned at the end of each series: its goodness gap in units of θ, and the error of a label search that uses this layer alone.", "name": "tab-jitter-layers"}}
by_series = {name: collected.run_of(series=name) for name in series}
for i, end in ((0, "plain"), (-1, "long")):
    text = report.error_of(by_series[series[i]], "layer1_error")
    glue(f"jitter_layer1_{end}", text, display=False)
diagnostics.layers_of(by_series)

# %% [markdown]
# {numref}`tab-jitter-layers` looks at the layers one by one. The first alone, which the readout leaves out, has an error of
# {glue:text}`jitter_layer1_plain` in the first series and of {glue:text}`jitter_layer1_long` in the last.
#
# *Shifts as a suspect,* the first of the three that the source names. The shifts are the same, and sampling them differs
# from enumerating them only in the short run. Whether that short run matters is a matter of training both ways
# (`python -m ff_utils study gap-shifts`). At full size and after 60 epochs enumerating changes the test error by
# {glue:text}`jitter_suspect` ({glue:text}`jitter_suspect_seeds`); {doc}`31-ladder` says why that is not much to go by.
# Hinton's recipe differs in more than that.

# %% [markdown]
# ## At paper scale
#
# The source's nets have four layers of 2000 units. {numref}`tab-jitter-paper` shows what this study has at that size,
# whatever profile the page was executed with. `python -m ff_utils study jitter` trains what is open.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The same study with 4 × 2000 units: mean over seeds and 95 % interval. With one seed the interval covers the sampling of the images.", "name": "tab-jitter-paper"}}
at_size = collecting.collect(studies.get("jitter", "paper"), "never")
for name, metric in metrics.items():
    plain, short, long = ends(at_size, metric)
    shift = comparing.difference(plain, short)
    glue(f"jitter_shift_{name}", report.points(shift), display=False)
    longer = comparing.difference(short, long)
    glue(f"jitter_longer_{name}", report.points(longer), display=False)
longest = at_size.run_of(series="500 epochs, jitter 2")
for name, metric in (("read", comparing.VALIDATION), ("first", "layer1_error")):
    text = report.error_of(longest, metric, 500)
    glue(f"jitter_{name}", text, display=False)
report.at_paper_scale("jitter")

# %% [markdown]
# From 120 epochs without jitter to 200 with it the validation error changes by {glue:text}`jitter_shift_val` and the test
# error by {glue:text}`jitter_shift_test`; from there to 500 epochs by {glue:text}`jitter_longer_val` and
# {glue:text}`jitter_longer_test`. The intervals compare the same images, or with several seeds seed by seed.
#
# *The first layer has learned more than the readout tells.* After 500 epochs of seed 0 the validation error by label
# search, which starts at the second layer, is {glue:text}`jitter_read`; the first layer alone has
# {glue:text}`jitter_first` ({numref}`tab-ladder-left-out`).
#
# ## Next step
#
# The search is complete. The next chapter puts its steps side by side with the source's tables and figures.
#
# ## Deviations
#
# - The small profiles train for a few epochs, which is not long enough to show what jitter buys. They show the method.
# - The small nets have the momentum of the sweeps; those at full size have the one that was settled for hard negatives.
# - A run is read at its last epoch. So are the source's test errors; of the validation errors in its
#   tables it does not say.
#
# ## Try it yourself
#
# ```{exercise} Where does a shift put the label?
# :label: ex-jitter-label
#
# The label stands in the image's first ten pixels. Does a shift move it?
# ```
#
# ````{solution} ex-jitter-label
# :class: dropdown
#
# No. An image is shifted first; the label is written afterwards, over whatever the shift has brought there. Written
# first, it would move, and often leave the frame.
# ````
#
# ```{exercise} A wider reach
# :label: ex-jitter-reach
#
# What does a jitter of four pixels do in the same number of epochs?
# ```
#
# ````{solution} ex-jitter-reach
# :class: dropdown
#
# ```shell
# python -m ff_utils train --hidden 300 300 300 300 --theta 16.8 --layer-reduction sum --peer-normalization 0.03 --negatives label_search --warmup 1 --epochs 20 --jitter 4
# ```
#
# There are 81 shifts instead of 25, and the digits of the test set are centred. Against a jitter of two pixels it changes
# the error by {glue:text}`jitter_answer`, paired by seed.
# ````
