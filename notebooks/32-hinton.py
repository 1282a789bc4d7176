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
# # Hinton's result, and the field
#
# Hinton reports 1.36 % test error for four layers of 2,000 units after 60 epochs, and 0.64 % with shifted images after
# 500 {cite:p}`hinton2022`. The code that he published is a smaller net with details of its own. Others have
# run and ported it.
#
# **What you will see.** Our replication of both, as far as it has run, and of the code at the size at which others
# ran it. Then the field in one table: what the public implementations that we know of report, with their nets and their
# lengths of training, and our runs beside.

# %% tags=["parameters"]
profile = "paper"  # smoke, quick or paper: from seconds to hours
train = "auto"  # never, missing, all (from scratch) or auto

# %% tags=["hide-input"]
from myst_nb import glue

from ff_utils import studies
from ff_utils.reporting import (
    charts,
    comparing,
    diagnostics,
    plans,
    report,
    scorecard,
    style,
)
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
study = studies.get("hinton", profile)
small = studies.get("hinton-small", profile)
quick_recipe = studies.get("speed-run", profile)

# %% [markdown]
# ## Hypothesis
#
# What the paper reports can be reached with what its author's code does: inputs and activities of mean square 1, a
# threshold equal to the width, negatives drawn from the softmax head, {term}`peer normalisation`, and a learning rate that
# falls to 0 over the second half. Our bands for it stand in the {doc}`scorecard <98-scorecard>`; they were
# committed before the runs.
#
# ## Intervention
#
# The recipe of the code at the size of the paper, once for 60 epochs and once with jitter ±2 for 500
# ({numref}`tab-hinton-plan`). And the same at the size of the code ({numref}`tab-hinton-small-plan`).

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The runs at the size of the paper.", "name": "tab-hinton-plan"}}
plans.cells(study)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The runs at the size of the published code. The second is how the two ports of one repository train it, the third how another port does. The negative label `one_pass_sampled` is drawn from the probabilities of the softmax head, `random` from all wrong ones alike.", "name": "tab-hinton-small-plan"}}
plans.cells(small)

# %% tags=["nbval-ignore-output"]
collected = collecting.collect(study, train)
of_code = collecting.collect(small, train)
fast = collecting.collect(quick_recipe, "never")
long = collecting.collect(studies.get("full-length", profile), "never")
# The replicated study's baseline, at the same size and length.
baseline = collecting.collect(
    studies.get("peer-normalization", profile), "never"
)
plans.overview([collected, of_code, fast])

# %% tags=["hide-input"]
plans.timing(collected)

# %% tags=["hide-input"]
plans.timing(of_code)

# %% [markdown]
# ## Result

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Errors at the last epoch in percent, with 95 % intervals: over seeds where there are several, over the sampled images where there is one.", "name": "tab-hinton-result"}}
report.result_table(collected)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The same at the size of the code.", "name": "tab-hinton-small-result"}}
report.result_table(of_code, choice=False)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Validation error over the epochs at the size of the paper. From the middle on the learning rate falls to 0.", "name": "fig-hinton-learning"}, "image": {"alt": "Learning curves of Hinton's recipe, without and with shifted images."}}
charts.draw_learning(collected, comparing.VALIDATION, label="jitter (pixels)")

# %% tags=["hide-input"]
errors = comparing.estimates(collected, comparing.TEST)
for name, metrics in (
    ("", (comparing.TEST, "test_one_pass_error")),
    ("_val", (comparing.VALIDATION, comparing.ONE_PASS)),
):
    ends = (
        comparing.measured(collected, {"jitter": 0}, metric)
        for metric in metrics
    )
    one_pass = report.points(comparing.difference(*ends))
    glue(f"hinton_one_pass{name}", one_pass, display=False)
uniform = comparing.estimates(of_code, "test_one_pass_error")
glue(
    "hinton_uniform_one_pass",
    report.interval(uniform.get("uniform negatives")),
    display=False,
)
code = comparing.estimates(of_code, comparing.TEST)
verdicts = scorecard.table(
    [c for c in scorecard.load_claims() if c.id.startswith("B-")]
)
for claim in ("B-one-pass-worse", "B-code-uniform"):
    glue(f"hinton_{claim}", verdicts.loc[claim, "verdict"], display=False)
for name, found, claim in (
    ("plain", errors.get(0), "B-ep60"),
    ("jitter", errors.get(2), "B-ep500-jitter"),
    ("code", code.get("the code"), "B-code"),
    (
        "ports",
        code.get("as in the ports, twice the weight decay"),
        "B-code-ports",
    ),
):
    verdict = verdicts.loc[claim, "verdict"]
    text = report.interval(found) if found else "not run yet"
    if found and verdict != "not run":
        text += f", {verdict}"
    glue(f"hinton_{name}", text, display=False)
of_long = comparing.estimates(long, comparing.TEST)
shifted = [of_long[key] for key in of_long.index if "jitter" in key]
shifted += [errors[jitter] for jitter in errors.index if jitter]
glue("hinton_field_plain", report.interval(code.get("the code")), display=False)
glue(
    "hinton_field_shifted",
    ", ".join(map(report.interval, shifted)) or "open",
    display=False,
)

# %% [markdown]
# {numref}`tab-hinton-result` and {numref}`fig-hinton-learning` have the size of the paper. At 60 epochs the paper has a
# test error of 1.36 %. Ours: {glue:text}`hinton_plain`. With shifted images, 500 epochs, the paper has 0.64 %. Ours:
# {glue:text}`hinton_jitter`.
#
# One pass through the softmax head instead of the search over labels changes the validation error by
# {glue:text}`hinton_one_pass_val` and the test error by {glue:text}`hinton_one_pass`. The paper says that it is less
# accurate; on the test error, which our claim names, that is {glue:text}`hinton_B-one-pass-worse`.
#
# At the size of the code ({numref}`tab-hinton-small-result`) others measured 1.44 to 1.65 %. Ours:
# {glue:text}`hinton_code`. With twice the weight decay, as in the two ports of one repository, which have 1.30 and
# 1.33 %: {glue:text}`hinton_ports`. With
# uniform negatives and the softmax readout, whose test error is {glue:text}`hinton_uniform_one_pass`:
# {glue:text}`hinton_B-code-uniform`.
#
# ## Interpretation: all layers learn
#
# Both recipes train four layers of 2,000 units for 60 epochs. What is in these layers at the end?
# {numref}`fig-hinton-goodness` and {numref}`tab-hinton-layers` put the replicated study's baseline beside Hinton's
# recipe, layer by layer. A layer that has learned brings positives above its threshold and negatives below.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Mean goodness of positives and negatives over the epochs, in units of θ. Top: the baseline of the replicated study, random negatives. Bottom: Hinton's recipe; mind its wider scale. Seed 0.", "name": "fig-hinton-goodness"}, "image": {"alt": "Eight panels, one for each layer of two nets. In the last layers of the upper net the two curves lie on each other."}}
pair = {
    "the study": baseline.run_of(peer_normalization=0.0),
    "Hinton": collected.run_of(jitter=0),
}
diagnostics.draw_goodness(pair)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "What each layer of the two nets has learned at the last epoch: its goodness gap in units of θ, and the error of a label search that uses this layer alone.", "name": "tab-hinton-layers"}}
diagnostics.layers_of(pair)

# %% tags=["hide-input"]
for name, run in pair.items():
    for layer in (1, len(study.base.hidden)):
        error = report.error_of(run, f"layer{layer}_error", digits=1)
        which = "first" if layer == 1 else "last"
        glue(f"hinton_{name.split()[-1]}_{which}", error, display=False)
if profile == "paper" and (run := pair["the study"]):
    # The text below says that its last layer has learned next to nothing.
    errors = [
        collecting.value(run, run.epochs, f"layer{k}_error")
        for k in range(1, 5)
    ]
    assert errors[3] > 80
    assert max(errors[:2]) < 20 < errors[2], "the text says: only two tell well"

# %% [markdown]
# On its own, the last layer of the study's net has a validation error of {glue:text}`hinton_study_last`; its first
# layer has {glue:text}`hinton_study_first`. A guess among ten labels would have 90 %. So of its four layers only the
# first two tell the labels well. Of Hinton's net the last layer alone has {glue:text}`hinton_Hinton_last`, the first
# {glue:text}`hinton_Hinton_first`. {doc}`30-costumes` has a likely reason: in Hinton's units the study's one learning rate
# is many times smaller for the deeper layers than for the first. {doc}`31-ladder` shows that in a few epochs other
# rates alone do not mend it.
#
# ## Interpretation: the field
#
# {numref}`tab-field` has the public figures of supervised nets that we know of, beside our runs. Errors of one run each have a sampling error
# of about 0.12 points. Two systems that are closer than 0.3 points can't be ranked from such numbers.
#
# So most of the plain runs of Hinton's code can't be ranked: others' 1.30 to 1.65 %, ours
# {glue:text}`hinton_field_plain`. Three runs of one and the same code lie up to 0.2 points apart. The replicated study
# and nets of 2 × 500 units have higher errors. What others trained long with shifted images has lower ones, 0.64 to
# 0.71 %. Our runs of that kind: {glue:text}`hinton_field_shifted`.
#
# Nets of other kinds are not in the table: convolutions, with the label spread over the whole image
# {cite:p}`scodellaro2025`, and blocks that predict the label themselves and need no negatives {cite:p}`zhao2025`.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Test errors on MNIST in percent. Of others: as they report them, mostly from one run; readouts are mixed, that of loeweX is one pass. Ours: mean and 95 % interval, over seeds where there are several, else over the sampling of the images. Record chapter: the next but one, with additions. Quick recipe: the speed chapter's, with shifts of one pixel and averaged weights.", "name": "tab-field"}}
report.field_table(
    {
        "Hinton's recipe": collected,
        "his code": of_code,
        "record chapter": long,
        "quick recipe": fast,
    }
)

# %% [markdown]
# ## Next step
#
# {doc}`33-additions` asks what can be added to the recipe.
#
# ## Deviations
#
# - The paper's own settings are known only from its author's code, which is for another size. Learning rate, weight
#   decay and the rest are the code's.
# - The figures of the paper are quoted second-hand.
# - 10,000 of the 60,000 training images are kept for validation, as in the code.
#
# ## Try it yourself
#
# ```{exercise} Averaged weights
# :label: ex-hinton-averaging
#
# Evaluate an exponential average of the weights instead of the weights themselves. How many epochs does that save?
# ```
#
# ````{solution} ex-hinton-averaging
# :class: dropdown
#
# ```shell
# python -m ff_utils train --recipe hinton --epochs 20 --weight-averaging 0.999
# ```
#
# Compare the column `val_label_search_error` of `metrics.csv` with that of the run without it.
# ````
