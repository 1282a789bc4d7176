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
# # Beyond: additions that keep learning local
#
# Hinton's recipe was written to show that Forward-Forward works, not to squeeze it. What else helps, as long as every
# layer learns from its own goodness and nothing else?
#
# **What you will see.** Fifteen changes to the published code, one at a time, each with its effect, its interval
# and its cost. And three of them together. This page shows nets of {glue:text}`additions_layers` units after
# {glue:text}`additions_epochs` epochs. {numref}`tab-additions-paper` has the code's own size.

# %% tags=["parameters"]
profile = "quick"  # smoke, quick or paper: from seconds to hours
train = "auto"  # never, missing, all (from scratch) or auto

# %% tags=["hide-input"]
from myst_nb import glue

from ff_utils import studies
from ff_utils.reporting import charts, comparing, formats, plans, report, style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
study = studies.get("additions", profile)

# %% [markdown]
# ## Hypothesis
#
# - *Averaged weights.* Steps of a constant size leave the weights jumping about a valley. Their running average lies
#   nearer to its floor, and costs one more pass over the weights.
# - *Twice the rate.* With averages a larger rate is safe, and the net is sooner where it is going.
# - *Shifted images.* New images for free. In few epochs a shift of one pixel should help less than it does later.
# - *Dropout* makes layers rely on many units of the one below. It usually pays in long training only.
# - *Negatives.* The head's own probabilities draw wrong labels that are likely. Always taking the hardest one might
#   teach more, or be too narrow. Taking all nine at once tells the layer more per step, mostly what it knows already.
# - *Standardised head.* Negatives are drawn from the probabilities of the softmax head. On the study's nets a head
#   learns only from standardised features ({ref}`sec-hard-head`). Here it learns anyway, but perhaps later than it could.
# - *Symmetric loss.* Hold a positive against the negatives of the same image and not against a threshold
#   {cite:p}`lee2023`. The layer need not learn how active an image makes it on the whole.
# - *Orthogonal steps.* A layer's gradient has few directions: those of the labels easily told apart. Give each
#   direction of the momentum the same step {cite:p}`jordan2024`, and the rare ones are learned too. It takes a layer's own
#   momentum and nothing else, so it is as local as the rest. It costs fifteen more products of matrices for each layer and step.
# - *Threshold.* A soft one keeps pushing rows that are right already. Its rate is raised with the temperature, so that
#   the first steps are as long as they were. A threshold that differs from layer to layer was proposed for text
#   {cite:p}`gandhi2023`.
# - *Width.* More units, more to choose from, at up to four times the cost.
#
# ## Intervention
#
# The published code, its rate constant for half of the epochs and then falling to 0. At paper scale it has its own
# size, three layers of 1,000 units, and ten epochs. One change at a time ({numref}`tab-additions-plan`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cells of this study.", "name": "tab-additions-plan"}}
plans.cells(study)

# %% tags=["nbval-ignore-output"]
collected = collecting.collect(study, train)
plans.status(collected)

# %% tags=["hide-input"]
plans.timing(collected)

# %% [markdown]
# ## Result

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The change of the validation error by each addition, with its 95 % interval; left of 0 is better.", "name": "fig-additions"}, "image": {"alt": "Dots with error bars around zero, one for each addition."}}
charts.draw_changes(collected, "none")

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What each addition changes in the errors, in percentage points with 95 % intervals, the p-value of no change in the validation error, and the time of an epoch against that of the unchanged code. Paired by seed, or by image where there is one seed. Of twenty additions that do nothing, one would have p < 0.05. Times are rough: some of the runs shared the machine with others. Those on different numbers of threads can't be compared.", "name": "tab-additions"}}
report.gains(collected, "none")

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Errors at the last epoch in percent, with 95 % intervals.", "name": "tab-additions-errors"}}
report.result_table(collected, choice=False)

# %% tags=["hide-input"]
validation = comparing.estimates(collected, comparing.VALIDATION)


def changes_of(part):
    """The change of the validation error by every addition that has run."""
    found = {
        key: comparing.change(part, {"change": "none"}, {"change": key})
        for key in part.study.keys
        if key != "none"
    }
    return {key: change for key, change in found.items() if change}


known = changes_of(collected)
better = [key for key, found in known.items() if found.sign < 0]
worse = [key for key, found in known.items() if found.sign > 0]
at_size = collecting.collect(studies.get("additions", "paper"), "never")
known_at_size = changes_of(at_size)
for name, key in (
    ("averages", "averaged weights"),
    ("jitter", "shifts of one pixel"),
    ("symmetric", "symmetric loss"),
    ("standardised", "standardised head"),
    ("random", "random negatives"),
    ("all", "every wrong label"),
    ("dropout", "dropout 0.1"),
):
    text = report.points(known.get(key))
    glue(f"additions_{name}", text, display=False)
    text = report.points(known_at_size.get(key))
    glue(f"additions_wide_{name}", text, display=False)
for name, key in (("none", "none"), ("averages", "averaged weights")):
    run = collected.run_of(change=key)
    text = report.error_of(run, comparing.VALIDATION, 1)
    glue(f"additions_first_{name}", text, display=False)
three = known.get("averages, rate and shifts")
glue(
    "additions_three",
    "open"
    if three is None
    else report.points(three)
    + report.side(
        three,
        (
            ", for the better",
            ", an interval that contains 0",
            ", for the worse",
        ),
    ),
    display=False,
)
glue("additions_epochs", study.cells[0].epochs, display=False)
glue("additions_layers", formats.layers(study.base), display=False)
glue("additions_none", report.interval(validation.get("none")), display=False)
glue(
    "additions_better",
    ("; ".join(better) or "none") if known else "open",
    display=False,
)
glue(
    "additions_worse",
    ("; ".join(worse) or "none") if known else "open",
    display=False,
)
best = min(known, key=lambda key: known[key].mean, default=None)
glue("additions_best", best or "open", display=False)
glue("additions_best_points", report.points(known.get(best)), display=False)
costs = report.gains(collected, "none")["time of an epoch"]
glue("additions_best_time", costs[best] if best else "open", display=False)
glue(
    "additions_best_error", report.interval(validation.get(best)), display=False
)

# %% [markdown]
# The unchanged code has a validation error of {glue:text}`additions_none` after {glue:text}`additions_epochs` epochs of
# {glue:text}`additions_layers` units ({numref}`tab-additions-errors`). Lower, with an interval
# that excludes 0 ({numref}`fig-additions`, {numref}`tab-additions`): {glue:text}`additions_better`. Higher:
# {glue:text}`additions_worse`. Of the others that were run, none can be told from no change.
#
# All this is one seed where the table says so. The intervals say that these nets differ on these images, not that the
# additions do ({doc}`12-how-sure`).
#
# ## Interpretation
#
# The best cell is *{glue:text}`additions_best`*: {glue:text}`additions_best_error`, a change of
# {glue:text}`additions_best_points`. Its cost has to be held against that: against an epoch of the unchanged code, one
# of it takes {glue:text}`additions_best_time`. The three together, which the speed runs use, change
# the error by {glue:text}`additions_three`.
#
# *Averages* should help most while the rate is high. Here, after the first epoch, they have an error of
# {glue:text}`additions_first_averages` where the plain weights have {glue:text}`additions_first_none`, and at the end the
# difference is {glue:text}`additions_averages` ({numref}`fig-additions-learning`). An average with a factor of 0.999 reaches back a
# thousand steps: in so few epochs, to weights that were much worse.
#
# *Shifts* change the error by {glue:text}`additions_jitter` in so few epochs, and by {glue:text}`additions_wide_jitter` in ten
# at the code's own size. *The symmetric loss* changes it by {glue:text}`additions_symmetric` and
# {glue:text}`additions_wide_symmetric`, *the standardised head* by {glue:text}`additions_standardised` and
# {glue:text}`additions_wide_standardised`. *Negatives:* random ones change the error by {glue:text}`additions_random` and
# {glue:text}`additions_wide_random`, all wrong labels at once by {glue:text}`additions_all` and {glue:text}`additions_wide_all`.
# *Dropout* changes it by {glue:text}`additions_dropout` and {glue:text}`additions_wide_dropout`.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Validation error over the epochs for some of the additions.", "name": "fig-additions-learning"}, "image": {"alt": "Learning curves of some additions."}}
some = (
    "none",
    "averaged weights",
    "shifts of one pixel",
    "averages, rate and shifts",
)
charts.draw_learning(
    collected.only(some),
    comparing.VALIDATION,
    label="addition",
)

# %% [markdown]
# ### At equal time
#
# The orthogonal steps and the greater width cost the most. In their time the unchanged code trains longer.
# {numref}`tab-additions-time` sets each beside the unchanged code with as many epochs as take the time it took, and a
# rate that falls over the second half of these.

# %% tags=["nbval-ignore-output"]
equal = collecting.collect(studies.get("equal-time", profile), train)
plans.status(equal)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The two additions that cost most, each above the unchanged code that was trained for its time: errors at the last epoch in percent, with 95 % intervals.", "name": "tab-additions-time"}}
report.result_table(equal, choice=False)


# %% tags=["hide-input"]
def against_unchanged(part, metric=comparing.VALIDATION):
    """What either addition changes against the unchanged code, or None."""
    keys = part.study.keys
    return {
        name: comparing.change(
            part, {"condition": unchanged}, {"condition": dearer}, metric
        )
        for name, (dearer, unchanged) in (
            ("width", keys[:2]),
            ("orthogonal", keys[2:]),
        )
    }


at_equal_time = against_unchanged(equal)
for name, found in at_equal_time.items():
    glue(f"additions_equal_{name}", report.points(found), display=False)
measured = [found for found in at_equal_time.values() if found]
glue(
    "additions_equal_verdict",
    "Whether they pay is open"
    if len(measured) < 2
    else "Neither paid here"
    if all(found.mean > 0 for found in measured)
    else "At least one of them lowered the error here",
    display=False,
)
glue(
    "additions_equal_seeds",
    ", ".join(sorted({str(found.seeds) for found in measured})) or "open",
    display=False,
)

# %% [markdown]
# Against the unchanged code at equal time, twice the width changes the validation error by
# {glue:text}`additions_equal_width`, the orthogonal steps by {glue:text}`additions_equal_orthogonal`
# ({numref}`tab-additions-time`). {glue:text}`additions_equal_verdict`. That is a weak verdict: the number of seeds is
# {glue:text}`additions_equal_seeds`, the times are rough, and only two step sizes were tried. Where products of matrices
# are cheap beside everything else, the sum may come out differently.
#
# ## At paper scale
#
# The published code has three layers of 1,000 units. {numref}`tab-additions-paper` shows what this study has at that size
# after ten epochs, whatever profile the page was executed with. `python -m ff_utils study additions` trains what is open.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The same changes with 3 × 1000 units, as far as they have been trained: what each changes in the errors, in percentage points with 95 % intervals, the p-value of no change in the validation error, and the time of an epoch against that of the unchanged code. With one seed the intervals are those of the sampled images.", "name": "tab-additions-paper"}}
wide = report.gains(at_size, "none")
for name, metric in (
    ("validation", comparing.VALIDATION),
    ("test", comparing.TEST),
):
    unchanged = comparing.estimates(at_size, metric).get("none")
    glue(f"additions_wide_{name}", report.interval(unchanged), display=False)
for name, sign in (("better", -1), ("worse", 1)):
    found = [
        key for key, change in known_at_size.items() if change.sign == sign
    ]
    text = ("; ".join(found) or "none") if known_at_size else "open"
    glue(f"additions_wide_{name}", text, display=False)
turned = [
    key
    for key in known
    if key in known_at_size and known[key].sign * known_at_size[key].sign < 0
]
glue("additions_wide_turned", "; ".join(turned) or "none", display=False)
on_test = {
    key: comparing.change(
        at_size, {"change": "none"}, {"change": key}, comparing.TEST
    )
    for key in known_at_size
}
tested = [
    f"{key} {report.points(on_test[key])}"
    for key, change in known_at_size.items()
    if change.sign < 0
]
glue("additions_wide_tested", "; ".join(tested) or "none", display=False)
raised = [
    key
    for key, change in known_at_size.items()
    if change.sign <= 0 and on_test[key] and on_test[key].sign > 0
]
glue("additions_wide_raised", "; ".join(raised) or "none", display=False)
report.with_open_row(wide, wide["validation"] == "open")

# %% [markdown]
# The unchanged code has a validation error of {glue:text}`additions_wide_validation` and a test error of
# {glue:text}`additions_wide_test` at that size. Changes that lower the validation error, with an interval that excludes 0:
# {glue:text}`additions_wide_better`. On the test images these change the error
# by: {glue:text}`additions_wide_tested`. Changes that raise the validation error: {glue:text}`additions_wide_worse`.
# Others that raise the test error: {glue:text}`additions_wide_raised`. Changes that help at the one size and harm at the
# other: {glue:text}`additions_wide_turned`.

# %% tags=["hide-input"]
wide_equal = collecting.collect(studies.get("equal-time", "paper"), "never")
behind = []
for part, metric in (("val", comparing.VALIDATION), ("test", comparing.TEST)):
    for name, found in against_unchanged(wide_equal, metric).items():
        text = report.points(found)
        glue(f"additions_wide_equal_{name}_{part}", text, display=False)
        behind.append(found)
for name, place in (("width", 1), ("orthogonal", 3)):
    text = wide_equal.study.keys[place]
    glue(f"additions_wide_equal_{name}_unchanged", text, display=False)
text = report.seeds_in_words(behind[-1])
glue("additions_wide_equal_seeds", text, display=False)
told = (
    "Whether they pay at this size is open"
    if not all(behind)
    else "In each of these comparisons the unchanged code has the lower error, "
    f"in {sum(found.sign > 0 for found in behind)} of {len(behind)} with an "
    "interval that excludes 0"
    if all(found.mean > 0 for found in behind)
    else "In some of these comparisons they have the lower error"
)
glue("additions_wide_equal_told", told, display=False)

# %% [markdown]
# *At equal time, at this size.* Against the code *{glue:text}`additions_wide_equal_width_unchanged`*, twice the width for
# ten changes the validation error by {glue:text}`additions_wide_equal_width_val` and the test error by
# {glue:text}`additions_wide_equal_width_test`; against the code *{glue:text}`additions_wide_equal_orthogonal_unchanged`*, the
# orthogonal steps for ten change them by {glue:text}`additions_wide_equal_orthogonal_val` and
# {glue:text}`additions_wide_equal_orthogonal_test` ({glue:text}`additions_wide_equal_seeds`). {glue:text}`additions_wide_equal_told`.
#
# ## Next step
#
# {doc}`34-records` trains the net of the published code for longer. {doc}`20-speed` uses three of the additions for
# its speed runs; they were chosen there before this study.
#
# ## Deviations
#
# - A few epochs. What pays in long training, as dropout may, is not visible here.
# - The sizes of the additions were not tuned, but for the averages and the doubled rate, which come from the speed runs,
#   and the orthogonal steps, of which two sizes were tried.
#
# ## Try it yourself
#
# ```{exercise} Averages without a falling rate
# :label: ex-additions-averages
#
# Train with averaged weights at a constant rate. Is the falling rate still needed?
# ```
#
# ````{solution} ex-additions-averages
# :class: dropdown
#
# ```shell
# python -m ff_utils train --recipe hinton --epochs 10 --weight-averaging 0.999
# ```
#
# Compare `val_label_search_error` at the last epoch with that of the unchanged code,
# {glue:text}`additions_wide_validation`, and with what *averaged weights* changes in {numref}`tab-additions-paper`.
# ````
