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
# # Momentum
#
# The fourth step of the search log of {cite:t}`shirahama2026`. The source settles momentum inside a range where it
# hardly hurts, and does not report the value.
#
# **What you will see.** The validation error over the grid of momentum. The same runs against the step size that
# momentum adds up to, next to the runs of the learning rate: is momentum more than another way to set the
# learning rate? And its mark on units: how many survive.

# %% tags=["parameters"]
profile = "quick"  # smoke, quick or paper: from seconds to hours
train = "auto"  # never, missing, all (from scratch) or auto

# %% tags=["hide-input"]
from IPython.display import Markdown
from myst_nb import glue

from ff_utils import studies
from ff_utils.reporting import (
    charts,
    comparing,
    diagnostics,
    formats,
    plans,
    report,
    style,
)
from ff_utils.reporting.uncertainty import binomial_sd
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
study = studies.get("momentum", profile)

# %% [markdown]
# ## Hypothesis
#
# Heavy-ball momentum keeps a running sum of gradients, $v \leftarrow \mu v + \nabla$, and steps along it. A gradient
# that stays the same for long is taken $1/(1-\mu)$ times. In the long run momentum at the rate $\eta$ acts as no
# momentum at the rate $\eta/(1-\mu)$.
#
# A grid over $\mu$ at a fixed $\eta$ therefore varies two things at once. We expect:
#
# 1. *On one curve.* Plotted against $\eta/(1-\mu)$, the runs of this chapter and those of the learning rate
#    coincide, as far as only the long run counts.
# 2. *Off the curve where the start counts.* The sum needs some $1/(1-\mu)$ steps to build up, so that momentum
#    is gentler in the very first steps; but it carries on in a direction after the gradient has turned. Which of
#    the two decides how many units die we did not know beforehand.
#
# ## Intervention
#
# One factor varies, the momentum ({numref}`tab-momentum-plan`, {numref}`tab-momentum-roles`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cells of this study. Runs of one seed share their initial weights, their order of images and their random numbers.", "name": "tab-momentum-plan"}}
plans.cells(study)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The role of each hyperparameter in this chapter.", "name": "tab-momentum-roles"}}
plans.roles(study)

# %% tags=["nbval-ignore-output"]
collected = collecting.collect(study, train)
plans.status(collected)

# %% tags=["hide-input"]
plans.timing(collected)

# %% [markdown]
# ## Result

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Validation error against momentum, by both readouts. Values stand side by side, whatever their distance. Dots are single runs, circles with bars the mean over seeds and its standard error.", "name": "fig-momentum-error"}, "image": {"alt": "Validation error for each momentum, for label search and one-pass."}}
charts.draw_errors(collected, label="momentum")

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Errors at the last epoch: mean over seeds and 95 % interval, in percent. The choice is made on validation error; the test error is shown, not used.", "name": "tab-momentum-result"}}
report.result_table(collected)

# %% tags=["hide-input"]
for name, text in report.in_words(collected).items():
    glue(f"momentum_{name}", text, display=False)
none, some = {study.factor: 0.0}, {study.factor: "chosen"}
change = comparing.change(collected, none, some)
glue("momentum_change", report.points(change), display=False)
best, tied = comparing.choose(collected)
if best is not None:
    error = comparing.estimates(collected, comparing.VALIDATION)[best].mean
    assert error < 60, "not well below the 90 % of chance"

# %% [markdown]
# {numref}`fig-momentum-error` and {numref}`tab-momentum-result` have the errors over the grid, {numref}`fig-momentum-learning`
# the way there. The lowest mean is at a momentum of {glue:text}`momentum_best` with {glue:text}`momentum_best_error`; within one
# standard error of it: {glue:text}`momentum_tied`. Our base, {glue:text}`momentum_base`, reaches
# {glue:text}`momentum_base_error`; the worst value is {glue:text}`momentum_worst` with
# {glue:text}`momentum_worst_error`.
#
# An error well above 90 % is worse than guessing. Label search starts at the second layer. In a layer that has hardly
# learned, the true label often has by a hair a lower goodness than most others: in {numref}`tab-momentum-layers` such
# layers have a goodness gap just below 0, or one that rounds to it.
#
# The source's claim is that some momentum hardly hurts. The best value other than 0 differs from no momentum by
# {glue:text}`momentum_change`, paired by seed. That says nothing of a plateau: without momentum the net has hardly begun to learn
# in so few steps.
#
# *What the source's search would have picked.* With one run per value: {glue:text}`momentum_picks`.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Validation error over the epochs for each momentum. Lines are means over seeds, the shade spans all seeds.", "name": "fig-momentum-learning"}, "image": {"alt": "Learning curves, one per momentum."}}
charts.draw_learning(collected, comparing.VALIDATION, label="momentum")

# %% [markdown]
# ## Interpretation
#
# {numref}`fig-momentum-effective` puts both grids on one axis.

# %% tags=["nbval-ignore-output"]
rates = collecting.collect(studies.get("learning-rate", profile), train)
plans.status(rates)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Validation error against lr / (1 − momentum). One line varies the momentum at the base's learning rate, the other the learning rate at the base's momentum. They share the base. Means over seeds; their spread is not drawn.", "name": "fig-momentum-effective"}, "image": {"alt": "Two lines of validation error over the effective step size."}}
charts.draw_effective_rate({"momentum": collected, "learning rate": rates})

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Dead units over the epochs, as a share of all hidden units.", "name": "fig-momentum-dead"}, "image": {"alt": "Share of dead units over the epochs, one line per momentum."}}
charts.draw_learning(
    collected,
    "dead_units",
    label="momentum",
    ylabel="dead units (%)",
    log=False,
)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What each layer has learned at the last epoch: its goodness gap in units of θ, and the error of a label search that uses this layer alone. One seed.", "name": "tab-momentum-layers"}}
shown = dict.fromkeys((study.keys[0], study.base_key, study.keys[-1]))
runs = {
    f"momentum {value:g}": collected.run_of(momentum=value) for value in shown
}
diagnostics.layers_of(runs)

# %% tags=["hide-input"]
dead = comparing.estimates(collected, "dead_units")
for name, key in (("low", study.keys[0]), ("high", study.keys[-1])):
    share = f"{dead[key].mean:.1f} %" if key in dead else "open"
    glue(f"momentum_dead_{name}", share, display=False)
    glue(f"momentum_{name}", formats.number(key), display=False)
ends = ({"momentum": study.keys[0]}, {"momentum": study.keys[-1]})
more_dead = comparing.change(collected, *ends, "dead_units")
glue("momentum_dead_change", report.points(more_dead), display=False)
told = ("show a fall", "can't tell whether it rises or falls", "show a rise")
glue("momentum_dead_told", report.side(more_dead, told), display=False)
configs = {c.settings["momentum"]: c.config for c in study.cells}
for name, key in (("low", study.keys[0]), ("high", study.keys[-1])):
    step = configs[key].per_layer("lr")[-1] / (1 - key)
    glue(f"momentum_step_{name}", formats.number(round(step, 4)), display=False)

# The same step, made by momentum or by the learning rate. Small nets:
small = [
    collecting.collect(studies.get(name, "quick"), "never")
    for name in ("momentum", "learning-rate")
]
same = ({"momentum": 0.95}, {"lr": 0.08})
counts = {}
for name, part, key in zip(
    ("momentum", "rate"), small, (0.95, 0.08), strict=True
):
    errors = comparing.estimates(part, comparing.VALIDATION)
    text = report.interval(errors.get(key))
    glue(f"momentum_small_{name}", text, display=False)
    shares = comparing.estimates(part, "dead_units")
    text = f"{shares[key].mean:.1f} %" if key in shares else "open"
    glue(f"momentum_small_dead_{name}", text, display=False)
    for layer in (1, 3):
        found = comparing.estimates(part, f"layer{layer}_dead_units")
        counts[name, layer] = found
        text = f"{found[key].mean:.0f}" if key in found else "open"
        glue(f"momentum_small_layer{layer}_{name}", text, display=False)
for layer in (1, 3):
    found = counts["momentum", layer].get(0.0)
    text = "open" if found is None else f"{found.mean:.0f}"
    glue(f"momentum_small_layer{layer}_none", text, display=False)
answer = report.answer("no momentum, ten times the rate", "base")
glue("momentum_answer", answer, display=False)
units = small[0].study.base.hidden[0]
glue("momentum_small_units", str(units), display=False)
by_momentum, by_rate = (
    comparing.measured(part, settings, "dead_units")
    for part, settings in zip(small, same, strict=True)
)
for seed in by_momentum.keys() & by_rate.keys():
    fewer = by_momentum[seed].value < by_rate[seed].value
    assert fewer, "the text says: fewer dead in every seed"

# %% [markdown]
# At a fixed learning rate the grid of this chapter spans step sizes from {glue:text}`momentum_step_low` to
# {glue:text}`momentum_step_high`. Where the two lines of {numref}`fig-momentum-effective` lie together, momentum
# was another name for the learning rate. Where they part, it is not.
#
# On small nets they part at the largest step they share, 0.8. A momentum of 0.95 reaches
# {glue:text}`momentum_small_momentum`; a learning rate of 0.08 at the base's momentum reaches
# {glue:text}`momentum_small_rate`. Below the base the two grids share no step, and the seeds spread too far to say whether the lines agree.
#
# *Dead units.* With momentum {glue:text}`momentum_low`, {glue:text}`momentum_dead_low` of all units end up dead; with
# {glue:text}`momentum_high` it is {glue:text}`momentum_dead_high` ({numref}`fig-momentum-dead`). That change is
# {glue:text}`momentum_dead_change`, so the seeds {glue:text}`momentum_dead_told`. The share
# hides two opposite movements. On small nets, from no momentum to 0.95, the dead of the first layer go from
# {glue:text}`momentum_small_layer1_none` to {glue:text}`momentum_small_layer1_momentum` of
# {glue:text}`momentum_small_units`, those of the third from {glue:text}`momentum_small_layer3_none` to
# {glue:text}`momentum_small_layer3_momentum`.
#
# The learning rate that makes the same step kills more. At a rate of 0.08, {glue:text}`momentum_small_dead_rate` of all units are
# dead, and {glue:text}`momentum_small_layer1_rate` of the first layer's. With a momentum of 0.95 it is
# {glue:text}`momentum_small_dead_momentum` and {glue:text}`momentum_small_layer1_momentum`. In every seed more die
# with the larger rate. That answers our question for small nets: the gentle start counts for more than the carrying on.
#
# *A lesson on the search.* One factor at a time, in the order learning rate and then momentum, tunes the same
# quantity twice. What the second search finds depends on what the first has fixed. A statement such as
# "momentum hardly matters" holds at one learning rate and for one length of training.

# %% [markdown]
# ## At paper scale
#
# The source's nets have four layers of 2000 units. {numref}`tab-momentum-paper` shows what this study has at that size,
# whatever profile the page was executed with. `python -m ff_utils study momentum` trains what is open.
# The one-pass errors go up and down without order: at full size the head is unsteady ({ref}`sec-hard-head`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The same study with 4 × 2000 units: mean over seeds and 95 % interval. With one seed the interval covers the sampling of the images.", "name": "tab-momentum-paper"}}
report.at_paper_scale("momentum")

# %% tags=["remove-input"]
Markdown(report.at_paper_scale_in_words("momentum"))

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Both grids on one axis with 4 × 2000 units, as far as they have runs: validation error against lr / (1 − momentum). Means over seeds, as far as there are several.", "name": "fig-momentum-paper"}, "image": {"alt": "Two lines of validation error over the effective step size, for nets of the published size."}}
at_size = {
    label: collecting.collect(studies.get(name, "paper"), "never")
    for label, name in (
        ("momentum", "momentum"),
        ("learning rate", "learning-rate"),
    )
}
charts.draw_effective_rate(at_size)
for step, keys in (("large", (0.95, 0.08)), ("small", (0.8, 0.02))):
    both = []
    for (label, part), key in zip(at_size.items(), keys, strict=True):
        errors = comparing.estimates(part, comparing.VALIDATION)
        name = f"momentum_full_{step}_{label.split()[-1]}"
        glue(name, report.interval(errors.get(key)), display=False)
        dead = comparing.estimates(part, "dead_units")
        text = f"{dead[key].mean:.1f} %" if key in dead else "open"
        glue(f"{name}_dead", text, display=False)
        both.append(comparing.measured(part, {part.study.factor: key}))
    found = comparing.difference(both[1], both[0])
    glue(
        f"momentum_full_{step}_difference", report.points(found), display=False
    )
    if found is not None:
        equal = found.low < 0 < found.high
        assert equal == (step == "large"), "the text says otherwise"
glue("momentum_full_seeds", report.seeds_in_words(found), display=False)

# %% [markdown]
# {numref}`fig-momentum-paper` has both grids on one axis. Two pairs of runs make the same step.
#
# - *Step 0.8.* A momentum of 0.95 at the base's learning rate and a learning rate of 0.08 at its momentum agree:
#   {glue:text}`momentum_full_large_momentum` and {glue:text}`momentum_full_large_rate`, a difference of
#   {glue:text}`momentum_full_large_difference`.
# - *Step 0.2.* A momentum of 0.8 and a learning rate of 0.02 do not: {glue:text}`momentum_full_small_momentum` and
#   {glue:text}`momentum_full_small_rate`, a difference of {glue:text}`momentum_full_small_difference`.
#
# So the size of the step explains much of what momentum does, but not all ({glue:text}`momentum_full_seeds`).
#
# At this size the dead units do not tell the two apart: at the step 0.8 they are
# {glue:text}`momentum_full_large_momentum_dead` with momentum and {glue:text}`momentum_full_large_rate_dead` with the
# rate.
#
# *What it means for the runs that count.* The source's best runs use hard negatives, and its momentum is not
# reported. {numref}`tab-momentum-hard` varies it there, with label-search
# negatives and peer normalisation, for {glue:text}`momentum_hard_epochs` epochs.
# `python -m ff_utils study hard-momentum` trains what is open.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Momentum around the base with hard negatives, 4 × 2000 units: mean over seeds and 95 % interval. With one seed the interval covers the sampling of the images.", "name": "tab-momentum-hard"}}
hard = collecting.collect(studies.get("hard-momentum", "paper"), "never")
for name, text in report.in_words(hard).items():
    glue(f"momentum_hard_{name}", text, display=False)
start = studies.get("pilot", "paper").base
# The first run of this setting is the one that was there when the momentum was settled.
cell = hard.study.cells[-1]
planned = studies.Planned(cell.config, cell.epochs)
stored = collecting.matching(planned, collecting.stores("paper")[1])
settled = stored[0] if stored else None
glue("momentum_hard_last", formats.number(hard.study.keys[-1]), display=False)
text = report.error_of(settled, comparing.VALIDATION, cell.epochs)
glue("momentum_hard_settled", text, display=False)
errors = comparing.estimates(hard, comparing.VALIDATION)
if settled and hard.study.base_key in errors:
    assert hard.study.base_key in comparing.choose(hard)[1]
    images = comparing.IMAGES[hard.study.base.dataset]
    least = settled.at(cell.epochs, comparing.VALIDATION)
    bar = least + binomial_sd(least, images)
    assert errors[hard.study.base_key].mean <= bar, "the text: within one"
glue("momentum_pilot", formats.number(start.momentum), display=False)
report.result_table(hard)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Learning curves of the same runs.", "name": "fig-momentum-hard"}, "image": {"alt": "Validation error over the epochs, one line per momentum."}}
charts.draw_learning(hard, comparing.VALIDATION, label="momentum")

# %% [markdown]
# {numref}`fig-momentum-hard` has the epochs before. The lowest validation error is at {glue:text}`momentum_hard_best` with {glue:text}`momentum_hard_best_error`; within
# one standard error of it: {glue:text}`momentum_hard_tied`. Of values that tie we take the one nearest to the
# momentum of the pilot, {glue:text}`momentum_pilot`. So the base has a momentum of {glue:text}`momentum_hard_base` from
# the hard negatives on, with an error of
# {glue:text}`momentum_hard_base_error`. This was settled after the pilot, by validation error alone.
#
# The run of {glue:text}`momentum_hard_last` that it was settled with is no longer in the table. It had a validation error of
# {glue:text}`momentum_hard_settled`; the table has a longer run of the same setting and seed, trained on another machine
# ({numref}`tab-epochs-momenta`). With either, {glue:text}`momentum_hard_base` lies within one standard error.
#
# ## Next step
#
# In small nets many units die at the start whichever rate is taken. Peer normalisation is meant to prevent that; it is
# next.
#
# ## Deviations
#
# - The nets of the `quick` profile have 300 units a layer and train for a few epochs.
# - At paper scale the sweep is read after 20 epochs; the 60-epoch cells are declared and open until trained.
# - The softmax head has a momentum of its own, which stays at its value.
#
# ## Try it yourself
#
# ```{exercise} The same step without momentum
# :label: ex-momentum-same-step
#
# Train without momentum at the learning rate that has the same $\eta/(1-\mu)$ as the base. Does it reach the
# same error? Does it kill as many units?
# ```
#
# ````{solution} ex-momentum-same-step
# :class: dropdown
#
# ```shell
# python -m ff_utils train --hidden 300 300 300 300 --theta 16.8 --layer-reduction sum --epochs 3 --momentum 0 --lr 0.4
# ```
#
# It changes the error by {glue:text}`momentum_answer`, paired by seed. In the long run the step is the same; the first
# steps, which momentum starts gently, are ten times as long. The columns `layer1_dead_units` to
# `layer4_dead_units` of `metrics.csv` show which units die.
# ````
