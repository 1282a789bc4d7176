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
# # Scorecard
#
# The claims that we took from the sources, and some of our own, stand here with what we measured. All claims but two,
# with the bands within which they count as reproduced, were written down before the runs that decide them had ended, in
# `results/claims.yaml`; all but six before these runs had started. This page is generated from that file and the stored runs.
#
# Four of the six are our own. They were written down some minutes after their runs had started, and before any of the errors that they are
# about was measured: *own-record-longest*, *own-search-80*, *own-search-100* and *own-search-120*. The last three take
# the source's numbers as bars. Of that setting a run of 60 epochs was known, with a test error of
# {glue:text}`score_known`: below two of the bars already. The other two, *A-lr-0.05-val* and *A-lr-0.035-val*, were added for
# completeness when their runs were known; their bands follow from the formula below.
#
# A claim is **reproduced** or **not**, or reproduced **partly**. It is **undecided** where its runs leave it open, and
# **not run** where they are missing. A verdict on a single seed says so: its interval covers the sampling of 10,000
# images, not the spread over seeds.
#
# - A *level* is judged by its mean: *reproduced* inside the band, which is the published value
#   ± 2 √(sampling² + seeds²), *partly* inside twice that. Here *seeds* is a spread over seeds: 0.11 points, from others'
#   runs of Hinton's code; for source C, whose recipe is not known, 0.3, and 1 for the transfer of Forward-Forward. It is
#   judged in both directions: an error below its band is a miss too, if a welcome one.
#   A band is wider than any step of the search from one series to the next, so a *reproduced* level says nothing of a step.
# - A *bound* needs the whole interval on its side. It is *undecided* where the interval contains it.
# - A *difference* needs an interval without 0, and *partly* means that its size is not the one claimed. It is
#   *undecided* where its interval contains 0 and is not inside the range called negligible, which is ±0.10 points, less
#   where the claimed step is small, and 1 for dead units. *Not the size claimed* is added where the interval also excludes
#   the published size: a gap of that size is then ruled out, and only the sign is open.
# - A *choice* needs the claimed value among the best: those within one standard error of the lowest error. It is
#   *partly* reproduced where these lie near the claimed one, in a range that stands with the claim.
#
# Where a source names no number, or none that can be tested as it stands, the claim is marked *read as*, and the bound is
# ours. *Not stated* marks what a source leaves out and we assume. A claim with *may* is a reason that the source holds for
# possible and leaves to later work.
#
# In the column *reproduced if*, a range is a level, ≤ or ≥ a bound, and *… not 0* a difference: its mean in this range,
# its interval without 0. Of a difference the claim says in brackets what is taken from what.
#
# Claims whose name begins with *own* are aims that we set ourselves; their column *published* has
# the public figure or the trial run that they come from. The *published* of *B-code* and
# *B-code-ports* is the mean of others' runs. *Second-hand*: we know the number from a citation and not from the source
# itself.

# %% tags=["parameters"]
profile = "paper"  # the verdicts are always on runs at paper scale
train = "never"  # this page trains nothing

# %% tags=["hide-input"]
from myst_nb import glue

from ff_utils import studies
from ff_utils.reporting import comparing, report, scorecard, style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
claims = scorecard.load_claims()
verdicts = scorecard.table(claims)
words = verdicts["verdict"].str.split(",").str[0].value_counts()
glue("score_claims", len(claims), display=False)
for word in ("reproduced", "partly", "not reproduced", "undecided", "not run"):
    glue(
        f"score_{word.replace(' ', '_')}",
        int(words.get(word, 0)),
        display=False,
    )
assert words.sum() == len(claims)
planned = studies.Planned(studies.get("hard-momentum").cells[-1].config, 60)
known = collecting.matching(planned, collecting.stores("paper")[1])
error = report.error_of(known[0] if known else None, comparing.TEST, 60)
glue("score_known", error, display=False)

# %% [markdown]
# The verdicts on {glue:text}`score_claims` claims: {glue:text}`score_reproduced` reproduced,
# {glue:text}`score_partly` partly, {glue:text}`score_not_reproduced` not reproduced,
# {glue:text}`score_undecided` undecided, {glue:text}`score_not_run` not run yet. {numref}`tab-score-decided` has
# those whose runs are there, {numref}`tab-score-open` the others.
#
# ## What has been run

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The claims whose runs are there. Their names begin with the source: A is the replicated study, B is Hinton's paper and code, C the study of learning without labels. Errors in percent, differences in points and with their sign, measured values with their 95 % interval. A share of dead units has none from one seed, and stays undecided.", "name": "tab-score-decided"}}
decided = verdicts[verdicts["verdict"] != "not run"]
plateau = verdicts.loc["A-momentum-plateau", "measured"].split() or ["open"]
glue("score_momentum", plateau[0], display=False)
decided.drop(columns=["source", "runs", "study"])

# %% [markdown]
# The measured value of *A-momentum-plateau*, {glue:text}`score_momentum` points, meets the letter of its bound and says
# nothing of a plateau: without momentum the net is far from trained after 20 epochs ({doc}`06-momentum`).
#
# ## What is open

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The claims whose runs are missing, with the published value (errors in percent, differences in points) and the study that decides them: `python -m ff_utils study NAME` trains it. *Not built*: there is no such study.", "name": "tab-score-open"}}
verdicts[verdicts["verdict"] == "not run"][
    ["claim", "source", "published", "study"]
]
