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
# # How low does it go?
#
# The best public figures for Hinton's code at its own size, three layers of 1,000 units trained on 50,000 images, are
# 1.30 % without shifts, after 125 epochs, and 0.71 % with them, after 200 ({numref}`tab-field`). This chapter trains the same net,
# for {glue:text}`records_short` epochs without shifts and {glue:text}`records_long` or {glue:text}`records_longest` with
# them, with the additions that long training calls for, and looks at what it still gets wrong.
#
# **What you will see.** Learning curves of whole runs, their errors with intervals, and the remaining mistakes as
# pictures.

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
study = studies.get("full-length", profile)

# %% [markdown]
# ## Hypothesis
#
# {doc}`33-additions` changes one thing at a time in a few epochs. In long training other things count. Steps of a
# constant size no longer get anywhere, which averaged weights might mend. And the net learns its training images by heart,
# which dropout and shifted images make harder. Our bars stand in the {doc}`scorecard <98-scorecard>` as
# `own-record-plain`, `own-record-pixels`, `own-record-jitter` and `own-record-longest`: the best public figures. They
# were committed before the runs, `own-record-longest` three minutes after its run had started.
#
# ## Intervention
#
# The recipe of the code ({numref}`tab-records-plan`). Its rate is constant for half of the epochs and then falls to
# 0. A jitter of ±1 draws from 9 shifts, one of ±2 from 25. In the names of the cells `averages` stands for averaged weights, `hardest negatives` for those of
# a label search, `dropout` is the fraction of
# units whose activity is not handed on, `pixels` that of the image's pixels that are set to 0. Every layer still
# learns from its own goodness alone.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cells of this study.", "name": "tab-records-plan"}}
plans.cells(study)

# %% tags=["nbval-ignore-output"]
collected = collecting.collect(study, train)
plans.status(collected)

# %% tags=["hide-input"]
plans.timing(collected)

# %% [markdown]
# ## Result

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Errors at the last epoch in percent, with 95 % intervals: over seeds where there are several, over the sampled images where there is one.", "name": "tab-records"}}
report.result_table(collected)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Validation error over the epochs for some of the cells. From the middle on the learning rate falls to 0. Runs with the same changes coincide until the shorter one's rate begins to fall.", "name": "fig-records-learning"}, "image": {"alt": "Learning curves of the cells of this study."}}
longest = max(study.cells, key=lambda cell: cell.epochs).settings["change"]
some = (
    "none",
    "averages",
    "averages, dropout 0.1",
    "averages, pixels 0.2, dropout 0.3",
    "averages, dropout 0.1, jitter ±1",
    "averages, dropout 0.1, jitter ±2",
    longest,
)
charts.draw_learning(
    collected.only(some),
    comparing.VALIDATION,
    label="addition",
    log_epochs=True,
)

# %% tags=["hide-input"]
validation = comparing.estimates(collected, comparing.VALIDATION)
test = comparing.estimates(collected, comparing.TEST)
shifted = {key for key in study.keys if "jitter" in key}
for name, keys in (("plain", set(study.keys) - shifted), ("shifted", shifted)):
    known = {key: validation[key].mean for key in keys if key in validation}
    best = min(known, key=known.get, default=None)
    shown = {None: "open", "none": "none, the unchanged code"}.get(best, best)
    glue(f"records_{name}", shown, display=False)
    glue(
        f"records_{name}_validation",
        report.interval(validation.get(best)),
        display=False,
    )
    glue(f"records_{name}_test", report.interval(test.get(best)), display=False)
lengths = {cell.settings["change"]: cell.epochs for cell in study.cells}
glue("records_short", lengths["none"], display=False)
glue("records_long", lengths["averages, dropout 0.1, jitter ±1"], display=False)
glue("records_longest", lengths[longest], display=False)
changes = {
    key: comparing.change(collected, {"change": "none"}, {"change": key})
    for key in study.keys
    if key not in shifted and key != "none"
}
run_so_far = [key for key, found in changes.items() if found]
helpful = [key for key in run_so_far if changes[key].sign < 0]
glue(
    "records_additions",
    "which of the additions lower the validation error is open"
    if not run_so_far
    else "the additions that lower the validation error, with an interval that "
    "excludes 0, are " + "; ".join(helpful)
    if helpful
    else "none of the additions that have run lowers the validation error "
    "with an interval that excludes 0",
    display=False,
)
names = [f"averages, dropout 0.1, jitter ±{pixels}" for pixels in (1, 2)]
at_end = [
    comparing.measured(collected, {"change": name}, comparing.VALIDATION)
    for name in (*names, longest)
]
for name, ends in (("further", at_end[:2]), ("longer", at_end[1:])):
    step = report.points(comparing.difference(*ends))
    glue(f"records_{name}_validation", step, display=False)
glue(
    "records_steps_seeds",
    report.seeds_in_words(comparing.difference(*at_end[1:])),
    display=False,
)
verdicts = scorecard.table(
    [c for c in scorecard.load_claims() if c.id.startswith("own-record")]
)
for claim in verdicts.index:
    glue(claim, verdicts.loc[claim, "verdict"], display=False)
best = comparing.best_cell(collected)
best_run = best and collected.run_of(**best.settings)
epochs = best.epochs if best else 0
wrong = best_run and collecting.wrong_images(best_run, epochs, comparing.TEST)
readouts = {
    "search": validation,
    "one_pass": comparing.estimates(collected, "val_one_pass_error"),
}
dropped = "averages, pixels 0.2, dropout 0.3"
for name, key in (("averages", "averages"), ("dropped", dropped)):
    for readout, found in readouts.items():
        glue(
            f"records_{name}_{readout}",
            report.interval(found.get(key)),
            display=False,
        )
dropping = {
    readout: comparing.change(
        collected, {"change": "averages"}, {"change": dropped}, metric
    )
    for readout, metric in (
        ("search", comparing.VALIDATION),
        ("one_pass", comparing.ONE_PASS),
    )
}
if profile == "paper" and all(dropping.values()):
    assert dropping["search"].low > 0, "the text says: no remedy"
    assert dropping["one_pass"].mean < dropping["search"].mean
glue("records_best", best.settings["change"] if best else "open", display=False)
glue(
    "records_mistakes",
    int(wrong.sum()) if wrong is not None else "open",
    display=False,
)
glue(
    "records_images",
    f"{len(wrong):,}" if wrong is not None else "open",
    display=False,
)

# %% [markdown]
# Without shifted images the cell with the least validation error is *{glue:text}`records_plain`*:
# {glue:text}`records_plain_validation`, and its test error {glue:text}`records_plain_test`. With shifted images it is
# *{glue:text}`records_shifted`*: {glue:text}`records_shifted_validation`, test {glue:text}`records_shifted_test`. The
# choice was made on validation, among the cells that have run ({numref}`tab-records`, {numref}`fig-records-learning`).
#
# *What the additions do.* Without shifts, {glue:text}`records_additions`. The shifted runs have
# {glue:text}`records_long` epochs or more instead of {glue:text}`records_short`, so shifts and length are not told apart.
#
# The errors we aimed at, the best public figures, with averages and dropout 0.1 ({numref}`tab-records` has ours):
#
# - 1.30 % without shifts: {glue:text}`own-record-plain`; with pixels and more units dropped,
#   {glue:text}`own-record-pixels`;
# - 0.71 % with shifts of one pixel and {glue:text}`records_long` epochs: {glue:text}`own-record-jitter`;
# - 0.71 % with shifts of two pixels and {glue:text}`records_longest` epochs: {glue:text}`own-record-longest`.
#
# *Undecided* means that the aim lies within the interval. That without shifts is from 125 epochs, our runs have {glue:text}`records_short`.
#
# *Dropping more raises the error of label search* (one seed each). With a fifth of the pixels and 0.3 of the units dropped, label search has a validation
# error of {glue:text}`records_dropped_search`; with averages alone {glue:text}`records_averages_search`. One pass is less
# affected: {glue:text}`records_dropped_one_pass` and {glue:text}`records_averages_one_pass`. One reading: a goodness is
# a sum of squares, and dropping adds variance to every activity, and squared it counts as goodness. On whole images that part
# is missing, so the learned threshold does not fit them. The head reads directions and not lengths.
#
# ## Interpretation: what is still wrong
#
# {numref}`fig-records-mistakes` shows test images that the best of these runs, *{glue:text}`records_best`*, gets wrong:
# {glue:text}`records_mistakes` of {glue:text}`records_images`. Look for yourself which ones you would have read as the
# net did.

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Test images that the best run (seed 0) gets wrong: true label → the net's. In the order of the data set, the first 90 where there are more.", "name": "fig-records-mistakes"}, "image": {"alt": "Handwritten digits that were misread, each with its true and its predicted label."}}
diagnostics.draw_mistakes(best_run, epochs)

# %% [markdown]
# ## Next step
#
# The part on {doc}`learning without labels <40-pretext>` leaves supervised training.
#
# ## Deviations
#
# - The ports of others ({numref}`tab-field`) train with their own shifts and dropout. Ours follow their description, not their code.
# - 10,000 of the 60,000 training images are kept for validation.
#
# ## Try it yourself
#
# ```{exercise} Longer, or shifted further?
# :label: ex-records-longer
#
# The longest cell differs from the one with shifts of one pixel in two things: its length and the reach of its shifts. Which
# of them counts? {numref}`tab-records` has a cell in between.
# ```
#
# ````{solution} ex-records-longer
# :class: dropdown
#
# Two pixels in place of one, with {glue:text}`records_long` epochs, change the validation error by
# {glue:text}`records_further_validation`. Then {glue:text}`records_longest` epochs in place of {glue:text}`records_long` change
# it by {glue:text}`records_longer_validation` ({glue:text}`records_steps_seeds`). Where an interval contains 0, the step can't be
# told from none, and other seeds may order the cells otherwise. More seeds are trained by
# `python -m ff_utils study full-length`.
# ````
