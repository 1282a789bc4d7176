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
# # How sure are we?
#
# The comparisons of {cite:t}`shirahama2026` are single runs, and many of its steps are small. Which of them can be told
# from chance at all?
#
# **What you will see.** How far seeds alone move an error. How much 10,000 images can say. Two settings compared image
# by image. How many seeds each step of the source would need. And whether the number format of the products matters
# beside all that.

# %% tags=["parameters"]
profile = "quick"  # smoke, quick or paper: from seconds to hours
train = "auto"  # never, missing, all (from scratch) or auto

# %% tags=["hide-input"]
import numpy as np
from myst_nb import glue

from ff_utils import studies
from ff_utils.reporting import charts, comparing, plans, report, style, summary
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
study = studies.get("noise", profile)
two_formats = studies.get("number-format", profile)

# %% [markdown]
# ## Hypothesis
#
# A measured error differs from the setting's true error for two reasons.
#
# *The seed.* It draws the first weights, the order of the images and the negatives. Training amplifies
# small differences, so that two seeds end in different nets.
#
# *The images.* An error rate $q$ measured on $n$ images has the standard deviation $\sqrt{q(1-q)/n}$, even for one
# and the same net.
#
# We expect the two to be of similar size at the source's error rates, and both to be larger than its smallest steps.
# We expect the number format to act like another seed: rounding changes the path, not the quality.
#
# ## Intervention
#
# The same two settings from several seeds: the baseline with random negatives, and label-search negatives with all that
# was settled for them, peer normalisation first ({numref}`tab-sure-plan`, {numref}`tab-sure-roles`). And the baseline with its
# matrix products in two number formats ({numref}`tab-sure-formats-plan`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cells of the study over seeds.", "name": "tab-sure-plan"}}
plans.cells(study)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cells of the study of the number format. Their configurations are the same; what differs is how they are computed, which a run records as its provenance.", "name": "tab-sure-formats-plan"}}
plans.cells(two_formats)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The role of each hyperparameter in the study over seeds. Here the nuisance is the subject.", "name": "tab-sure-roles"}}
plans.roles(study)

# %% tags=["nbval-ignore-output"]
collected = collecting.collect(study, train)
plans.status(collected)

# %% tags=["nbval-ignore-output"]
by_format = collecting.collect(two_formats, train)
plans.status(by_format)

# %% tags=["hide-input"]
plans.timing(collected)

# %% [markdown]
# ## Result
#
# ### The spread over seeds


# %% tags=["hide-input"] mystnb={"figure": {"caption": "Every seed of both settings, by validation and test error. Bars: the 95 % interval of the mean over seeds, and ± 1.96 standard deviations of sampling the images for one run.", "name": "fig-sure-seeds"}, "image": {"alt": "Dots for each seed in four rows, with two error bars each."}}
def by_setting(collected):
    """The runs of every setting by seed, read on both kinds of images."""
    return {
        f"{cell.settings['negatives']}, {part}": comparing.measured(
            collected, cell.settings, metric
        )
        for cell in collected.study.cells
        for part, metric in (
            ("validation", comparing.VALIDATION),
            ("test", comparing.TEST),
        )
    }


groups = by_setting(collected)
images = comparing.IMAGES[study.base.dataset]
values = {
    name: [one.value for one in found.values()]
    for name, found in groups.items()
}
charts.draw_seeds(values, images)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The spread of single runs over seeds, beside the standard deviation that the sampling of the images gives to each of them. In points.", "name": "tab-sure-spread"}}
glue("sure_spread_more", summary.seeds_against_images(groups), display=False)
summary.spread_table(groups)


# %% tags=["hide-input"]
tests = groups["label_search, test"]
seed_sd, apart = summary.spread(tests), summary.paired_sd(tests)
glue("sure_images", f"{images:,}", display=False)
glue(
    "sure_seed_sd", f"{seed_sd.mean:.2f}" if seed_sd else "open", display=False
)
glue("sure_apart", "open" if apart is None else f"{apart:.2f}", display=False)
if values["label_search, validation"]:
    assert min(values["label_search, validation"]) < 60

# %% [markdown]
# {numref}`fig-sure-seeds` has every seed. With label-search negatives the test error of a single run has a standard deviation of {glue:text}`sure_seed_sd` points
# over seeds. The interval of a mean over seeds does not contain the sampling of the {glue:text}`sure_images` images,
# since all seeds are tested on the same ones. A statement about digits in general needs both.
#
# ### The spread at full size
#
# The small nets have seen few epochs, and their seeds lie far apart. {numref}`tab-sure-full` has what there is of the
# same study at the published size: 60 epochs of the baseline, 120 with label-search negatives.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The same as {numref}`tab-sure-spread` for nets of 4 × 2000 units, from the seeds that have been trained.", "name": "tab-sure-full"}}
at_size = by_setting(collecting.collect(studies.get("noise", "paper"), "never"))
full_sds = {
    name: summary.spread(found)
    for name, found in at_size.items()
    if name.endswith("test")
}
# Two seeds say next to nothing of a spread.
full_sd = max(
    (sd for sd in full_sds.values() if sd and sd.seeds > 2),
    key=lambda sd: sd.mean,
    default=None,
)
glue(
    "sure_full_sd",
    "; ".join(
        f"{sd.mean:.2f} points ({sd.low:.2f} to {sd.high:.2f}; "
        f"{name.split(',')[0]} negatives, {sd.seeds} seeds)"
        for name, sd in full_sds.items()
        if sd
    )
    or "open",
    display=False,
)
more = summary.seeds_against_images(at_size)
glue("sure_full_more", more, display=False)
summary.spread_table(at_size)

# %% [markdown]
# The standard deviation of a single run's test error over seeds, at full size: {glue:text}`sure_full_sd`.
#
# ### Two runs on the same images
#
# Two runs tested on the same images share the hard ones. What separates them are only those images that one gets wrong
# and the other does not: with $n_{10}$ and $n_{01}$ of them the difference has the standard deviation
# $\sqrt{n_{10}+n_{01}-(n_{10}-n_{01})^2/n}\,/n$ ({doc}`02-data-and-protocol`). Between two
# seeds of one setting it is {glue:text}`sure_apart` points on average. {numref}`tab-sure-paired` compares random with
# label-search negatives.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Random against label-search negatives on the test images, seed by seed: how many images only one of the two runs gets wrong, the difference of the errors, its standard deviation by images, and the exact p-value of equal errors (McNemar).", "name": "tab-sure-paired"}}
same_epoch = min(cell.epochs for cell in study.cells)
pair = {
    name: comparing.measured(
        collected, {"negatives": name}, comparing.TEST, same_epoch
    )
    for name in ("random", "label_search")
}
glue(
    "sure_pair",
    report.points(comparing.difference(*pair.values())),
    display=False,
)
summary.paired_tests(pair, "random", "label_search")

# %% [markdown]
# A small p-value here says that *these two nets* differ. It does not say that the settings do: another pair of seeds is
# another pair of nets. Over the seeds the change is {glue:text}`sure_pair`. Where the rows of {numref}`tab-sure-paired` disagree with each other by more than their
# standard deviations, the seeds are the larger part.
#
# ### Which steps of the source can be told apart

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The steps of the source in units of what chance does; that to hard negatives is the difference of two of its numbers, of which the second is at another θ. By images: two independent results on 10,000 images. By seeds: two single runs with the spread over seeds that the text names. Last column: seeds per setting for a paired t-test at 5 % to find the step with a probability of 80 %.", "name": "tab-sure-steps"}}
used = full_sd or seed_sd
resolution = summary.resolution_table(used.mean if used else None)
resolution

# %% tags=["hide-input"]
by_images = resolution["in SD by images"].astype(float)
glue("sure_steps", len(by_images), display=False)
where = "full-size" if full_sd else "this page's"
glue(
    "sure_spread_from",
    f"that of {where} nets, {used.mean:.2f} points ({used.low:.2f} to "
    f"{used.high:.2f})"
    if used
    else "open",
    display=False,
)
glue("sure_clear", int((by_images >= 2).sum()), display=False)
glue("sure_largest", by_images.idxmax(), display=False)
glue("sure_largest_size", f"{by_images.max():.2f}", display=False)

# %% [markdown]
# The spread over seeds in {numref}`tab-sure-steps` is {glue:text}`sure_spread_from`. At the upper end of that interval the
# steps need far more seeds than the last column says. By the images alone, {glue:text}`sure_clear` of the {glue:text}`sure_steps` steps reach two standard
# deviations of the difference of two independent results. The largest is {glue:text}`sure_largest` with
# {glue:text}`sure_largest_size`. Paired predictions would
# resolve finer steps, but we don't have those of the source.
#
# ### The number format
#
# Two runs of one seed in two number formats start alike and then drift apart. Is the drift more than that between
# seeds?

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Errors of the baseline with products in bfloat16 and float32: mean over seeds and 95 % interval, in percent. Final errors are evaluated in float32 in both.", "name": "tab-sure-formats"}}
report.result_table(by_format, choice=False)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "bfloat16 against float32 on the test images, seed by seed.", "name": "tab-sure-formats-paired"}}
by_dtype = {
    name: comparing.measured(by_format, {"number format": name}, comparing.TEST)
    for name in two_formats.keys
}
summary.paired_tests(by_dtype, *two_formats.keys)

# %% tags=["hide-input"]
change = comparing.difference(*by_dtype.values())
glue("sure_format_change", report.points(change), display=False)
one_format = summary.spread(by_dtype["bfloat16"])
text = f"{one_format.mean:.2f}" if one_format else "open"
glue("sure_format_spread", text, display=False)
pairs = by_dtype["bfloat16"].keys() & by_dtype["float32"].keys()
apart = [
    by_dtype["float32"][s].value - by_dtype["bfloat16"][s].value for s in pairs
]
if apart and one_format:
    formats_apart = np.sqrt(np.mean(np.square(apart)))
    seeds_apart = 2**0.5 * one_format.mean
    told = (
        f"In these {len(apart)} pairs the two formats lie {formats_apart:.2f} "
        f"points apart (root mean square), two seeds of one format "
        f"{seeds_apart:.2f}."
    )
else:
    told = "Whether that is less than between two seeds is open."
glue("sure_format_told", told, display=False)

# %% [markdown]
# From bfloat16 to float32 the test error changes by {glue:text}`sure_format_change`, paired by seed ({numref}`tab-sure-formats`,
# {numref}`tab-sure-formats-paired`), where single seeds
# have a standard deviation of {glue:text}`sure_format_spread` points. {glue:text}`sure_format_told` So few seeds can't say
# more: a difference as large as the ends of that interval is not excluded.
#
# ## Interpretation
#
# *Seeds and images.* We expected both to spread the errors alike at the source's error rates. By the interval of its
# standard deviation the spread over seeds, against that of the sampled images, is {glue:text}`sure_spread_more` rows of
# {numref}`tab-sure-spread`, on small nets with higher errors. At full size it is {glue:text}`sure_full_more` rows of
# {numref}`tab-sure-full`.
#
# *Steps of a tenth of a point can't be told from two published numbers,* however carefully the search is logged. Two
# results on 10,000 images each have a difference with a standard deviation of two tenths, however small the spread over
# seeds. Where predictions on the same images are stored, finer steps can be told, and the spread over seeds decides how
# fine. A verdict on one seed is about those nets only.
#
# *A search that takes the lowest of several runs moves by luck as well as by merit.* One step's luck becomes the
# next step's base. The one-standard-error rule and a fixed base keep that from piling up.
#
# *What helps:* more seeds for the steps that matter, the same seeds in both conditions, paired comparisons, and test
# errors looked at only once.
#
# ## Next step
#
# The {doc}`scorecard <98-scorecard>` applies all of this to each claim.
#
# ## Deviations
#
# - The `quick` profile has small nets at an early stage, whose seeds spread far more than those of trained nets.
#   Its numbers show the method. As long as the spread at full size is open, the seeds needed in {numref}`tab-sure-steps` use
#   that of the small nets, so they are too many for the source's. `python -m ff_utils study noise` and `study number-format` train the full-size runs, and
#   `-p profile paper` shows them.
# - The number of seeds is small. A standard deviation from five seeds is itself uncertain: it may be too small
#   by a factor of up to three.
#
# ## Try it yourself
#
# ```{exercise} The power of three seeds
# :label: ex-sure-power
#
# How large must a step be so that three seeds per setting find it with 80 % probability, if single runs have a
# standard deviation of 0.1 points?
# ```
#
# ````{solution} ex-sure-power
# :class: dropdown
#
# ```python
# from ff_utils.reporting.uncertainty import seeds_needed
#
# sd = 2**0.5 * 0.1
# print(next(s / 100 for s in range(1, 200) if (seeds_needed(s / 100, sd) or 1001) <= 3))
# ```
#
# It prints a little more than three times the standard deviation of the difference: with two degrees of freedom t is large.
# ````
