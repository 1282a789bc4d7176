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
# # Pretext tasks
#
# So far the label was the digit's class. Most images have no label. A *pretext task* makes one: the image is changed in
# one of a few known ways, and the net has to tell which. {cite:t}`brenig2023` train Forward-Forward and backprop on
# such tasks and compare what they learn. Their finding: Forward-Forward does the task about as well, and what it has
# learned is of less use for anything else. (On jigsaw {numref}`tab-pretext-result` has it further behind.) This chapter
# looks at the tasks; the next at what carries over.
#
# **What you will see.** The three tasks, as the net sees them. How the class of the task enters the image in grey and in
# colour. A backprop twin with the same layers, first weights, batches and optimiser. And the accuracy of both on each
# task, beside the source's.
#
# ```{note}
# The figures of this source are known to us second-hand, from a summary that is not free of contradictions.
# They are marked "C" in tables. Its batch size, threshold and seeds are not known, so we can't repeat its own recipe.
# ```

# %% tags=["parameters"]
profile = "quick"  # smoke, quick or paper: from seconds to days
train = "auto"  # never, missing, all (from scratch) or auto

# %% tags=["hide-input"]
import torch
from myst_nb import glue

from ff_utils import studies
from ff_utils.data import excerpt
from ff_utils.labels import inject
from ff_utils.pretext import TASKS, Pretext
from ff_utils.reporting import comparing, plans, style
from ff_utils.selfsup import figures as drawings
from ff_utils.selfsup import report as tables
from ff_utils.selfsup import words
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
study = studies.get("pretext", profile)

# %% [markdown]
# ## The tasks
#
# All of them move pixels and change none. A way of changing an image is a permutation of its pixels, so a batch is
# changed by one indexing operation. {numref}`fig-pretext-tasks` shows one image under each.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One image under the tasks. Rotation has four classes, flip two (or four with both axes), jigsaw all 24 orders of the four tiles, of which the first six are shown. Class 0 leaves the image as it is.", "name": "fig-pretext-tasks"}, "image": {"alt": "Four rows: a handwritten digit turned by quarter turns, mirrored left to right, mirrored along both axes, and with its four tiles in several orders."}}
image = excerpt("mnist", "train", [0]).images[0]
drawings.draw_tasks(
    image,
    {
        task: list(range(min(6, Pretext(task, (28, 28)).classes)))
        for task in TASKS
    },
)

# %% [markdown]
# (sec-short-cut)=
# *A short cut.* MNIST's digits are centred by their mass at pixel 14, but a quarter turn or a mirror turns about the middle
# of the frame, at 13.5. So the class of these tasks can be read from which side of the middle the centre of mass lies on,
# without a look at the digit.

# %% tags=["hide-input"]
images = excerpt("mnist", "train", range(20)).images


def sides(pictures):
    """Whether each centre of mass lies below the middle, and right of it."""
    mass = pictures.float()
    offsets = torch.arange(28) - 13.5
    return torch.stack(
        [(mass.sum(2) @ offsets) > 0, (mass.sum(1) @ offsets) > 0], 1
    )


for task in ("rotation", "flip", "flip4"):
    pretext = Pretext(task, (28, 28))
    dot = torch.zeros(1, 28, 28, dtype=torch.uint8)
    dot[0, 14, 14] = 255  # Where the mass of a digit lies.
    right = 0
    for kind in range(pretext.classes):
        here = sides(pretext(images, torch.full((20,), kind)))
        expected = sides(pretext(dot, torch.tensor([kind])))
        right += int((here == expected).all(1).sum())
    told = f"{right} of {20 * pretext.classes}"
    glue(f"pretext_cut_{task}", told, display=False)

# %% [markdown]
# We show the rule 20 digits in every way of the task. It gets {glue:text}`pretext_cut_rotation` rotations right,
# {glue:text}`pretext_cut_flip` mirrored or not, and {glue:text}`pretext_cut_flip4` on both axes. (Of all 60,000 training
# images, 99.99 % of the rotations: a single trial.) The net sees pixels and not the centre of mass, but a weighted sum of
# pixels is all it takes. Jigsaw has no such short cut: above or below and left or right make four cases, and the tiles
# have 24 orders. Shifted training images take the short cut away ({doc}`43-mending`).
#
# The class of the task enters as any label does: one-hot in the first pixels, as many as there are classes. A colour
# image is flattened channel first, so these are pixels of its first channel's first row.

# %%
colour = torch.zeros(2, 3, 32, 32)
labelled = inject(colour.flatten(1), torch.tensor([2, 4]), classes=4)
print(labelled.view(2, 3, 32, 32)[:, 0, 0, :6])  # class 2; the neutral label
assert labelled.view(2, 3, 32, 32)[:, 1:].sum() == 0

# %% [markdown]
# In training the class is drawn anew for every image and epoch. Each validation and test image is asked one question,
# drawn once and for all: every run has the same, and runs can be compared image by image.
#
# ## Hypothesis
#
# 1. *Comparable.* The pretext class is a label like another, and Forward-Forward has learned labels in all chapters so
#    far. Its error should be near that of backprop, and nearer on easy tasks than on hard ones.
# 2. *Not equal.* A net that is trained as a whole can give the layers different jobs. Forward-Forward asks the same of
#    every layer. Jigsaw, with its 24 classes, is where it should show.
#
# ## Intervention
#
# *Forward-Forward* is trained by the recipe of Hinton's code ({doc}`03-theta` shows why: in it all layers learn), with
# the pretext class as its label. *Backprop* is its twin: the same layers, first weights, normalisation, batches and
# optimiser, trained through a softmax on the last layer. It sees the image under the neutral label.
#
# What differs are the objective, the gradients, and what belongs to one method only ({numref}`tab-pretext-roles`): the
# negatives, peer normalisation, weight decay, the layers that are read, and the learning rate. How much hangs on that
# rate is in {doc}`43-mending`. {numref}`tab-pretext-plan` lists what is trained.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The cells of this study. Runs of one seed share their initial weights, their order of images and their random numbers.", "name": "tab-pretext-plan"}}
plans.cells(study)

# %% tags=["hide-input"] mystnb={"figure": {"caption": "The role of each hyperparameter. Of what each method has of its own: Forward-Forward's value, then backprop's.", "name": "tab-pretext-roles"}}
tables.roles(study)

# %% tags=["nbval-ignore-output"]
collected = collecting.collect(study, train)
svhn = collecting.collect(studies.get("pretext-svhn", profile), "never")
plans.status(collected)

# %% tags=["hide-input"]
plans.timing(collected)

# %% [markdown]
# ## Result

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Accuracy on the pretext task, in percent of the test images, with 95 % intervals: over seeds where there are several, else over the sampling of images. Forward-Forward is read out by label search, backprop by its softmax. The difference is Forward-Forward less backprop. Columns marked C: the source, second-hand.", "name": "tab-pretext-result"}}
tables.settings_table([collected, svhn], "pretext")

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Validation error on rotation over the epochs: Forward-Forward by label search and backprop by its softmax. Lines are means over seeds, the shade spans all seeds.", "name": "fig-pretext-learning"}, "image": {"alt": "Two learning curves, one for each method."}}
drawings.draw_pretext_learning(collected)

# %% tags=["hide-input"]
data = study.base.dataset
found = {
    method: comparing.measured(
        collected,
        {"dataset": data, "task": "rotation", "algorithm": method},
        metric,
    )
    for method, metric in tables.PRETEXT.items()
}
glue("pretext_ff", tables.percent(found["forward_forward"]), display=False)
glue("pretext_bp", tables.percent(found["backprop"]), display=False)
glue(
    "pretext_gap",
    tables.gap(found["forward_forward"], found["backprop"]),
    display=False,
)
glue("pretext_data", tables.DATASETS[data], display=False)
glue("pretext_epochs", study.cells[0].epochs, display=False)
small = words.pretext(collected)
glue("pretext_order", small["order"], display=False)
glue("pretext_behind", small["behind"], display=False)
glue("pretext_jigsaw_gap", small["jigsaw_gap"], display=False)
if found["forward_forward"]:
    assert tables.estimate(found["forward_forward"]).mean > 50, "chance is 25 %"

# %% [markdown]
# On rotation of {glue:text}`pretext_data`, after {glue:text}`pretext_epochs` epochs, Forward-Forward reaches
# {glue:text}`pretext_ff` and backprop {glue:text}`pretext_bp`: a difference of {glue:text}`pretext_gap`.
# Task by task, the nearest first, the differences are: {glue:text}`pretext_order` ({numref}`tab-pretext-result`). Forward-Forward
# is behind, with an interval that excludes 0, in {glue:text}`pretext_behind`.
#
# ## Interpretation
#
# The pretext class needs no change to the algorithm. It is written into the image like any label, and a wrong one makes
# a negative. {numref}`fig-pretext-learning` shows how both methods get there.
#
# What the comparison does not say is what the layers have learned on the way. A net can tell a rotation by very little:
# where the mass lies, where the ink is dense, which way a stroke ends. Whether it knows a 4 from a 9 is another question.

# %% [markdown]
# ## At paper scale
#
# The source's nets have four layers of 2000 units and train for 60 epochs. {numref}`tab-pretext-paper` shows what there is at
# that size, whatever profile the page was executed with. `python -m ff_utils study pretext`
# trains what is open.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "Accuracy on the pretext task with 4 × 2000 units after 60 epochs, in percent of the test images, with 95 % intervals. With one seed these cover the sampling of the images. Columns marked C: the source, second-hand.", "name": "tab-pretext-paper"}}
tables.at_paper_scale("pretext")

# %% tags=["hide-input"]
whole = collecting.collect(studies.get("pretext", "paper"), "never")
for name, text in words.pretext(whole).items():
    glue(f"pretext_paper_{name}", text, display=False)
source = tables.published("pretext", "mnist", "jigsaw")
glue("pretext_source_ff", source["forward_forward"], display=False)
glue("pretext_source_bp", source["backprop"], display=False)

# %% [markdown]
# *Comparable* {glue:text}`pretext_paper_first`. Of the settings that both were trained on at this size, Forward-Forward
# is at most one point behind, which is how we read *near*, in {glue:text}`pretext_paper_near`. It is furthest behind on
# {glue:text}`pretext_paper_furthest`: {glue:text}`pretext_paper_furthest_gap`. With an interval that excludes 0 it is
# behind in {glue:text}`pretext_paper_behind`.
#
# *Nearer on easy tasks* {glue:text}`pretext_paper_easier`: it should be furthest from backprop on jigsaw, which has the
# most classes. From the nearest setting to the furthest, Forward-Forward less backprop is: {glue:text}`pretext_paper_order`.
#
# *Not equal* was to show on jigsaw. There the second hypothesis {glue:text}`pretext_paper_second`:
# {glue:text}`pretext_paper_jigsaw_ff` against {glue:text}`pretext_paper_jigsaw_bp`, a difference of
# {glue:text}`pretext_paper_jigsaw_gap`. In the small nets it is {glue:text}`pretext_jigsaw_gap`.
#
# The source has {glue:text}`pretext_source_ff` % and {glue:text}`pretext_source_bp` % on jigsaw. Why its nets and ours
# differ so much on this task we can't tell: its recipe is only partly known.

# %% [markdown]
# ## Next step
#
# The nets are frozen, and a linear classifier is asked for the digit: {doc}`41-transfer`.
#
# ## Deviations
#
# - The source trains with Adam at 1e-4 and, in the words of the summary, on the unsquared length of the activities. We
#   train with momentum and the sum of squares, as all other chapters do, and by the recipe of Hinton's code.
# - Its nets are 4 × 2000, trained for 60 epochs. So are ours in the `paper` profile; the `quick` ones have 300 units a
#   layer, a few epochs and a constant rate, where the rate of the others falls to 0 over the second half.
# - Validation and test images have one fixed question each; the source does not say how it evaluates.
# - Fashion-MNIST {cite:p}`xiao2017` and CIFAR-10 {cite:p}`krizhevsky2009` are planned at full size only; what has not run yet counts as
#   open in {numref}`tab-pretext-paper`.
# - SVHN {cite:p}`netzer2011` can't be had on the machine that trained the book. Its cells are open; this fills them where there is a network:
#
#   ```shell
#   python -m ff_utils study pretext-svhn
#   ```
#
# ## Try it yourself
#
# ```{exercise} What gives a flip away?
# :label: ex-pretext-flip
#
# A well-formed 0 or 8, and many a 1, look the same when mirrored. How can nets tell so many of them?
# ```
#
# ````{solution} ex-pretext-flip
# :class: dropdown
#
# By where the centre of mass lies ({ref}`the short cut <sec-short-cut>`). Train with shifts, which take it away:
#
# ```shell
# python -m ff_utils train --recipe hinton --hidden 300 300 300 300 --theta 300 --epochs 3 --pretext flip --jitter 2
# ```
# ````
#
# ```{exercise} A task of your own
# :label: ex-pretext-own
#
# Add a task that swaps the two halves of the image. How many classes has it, and how well is it learned?
# ```
#
# ````{solution} ex-pretext-own
# :class: dropdown
#
# A task is a function from the grid of pixel numbers to a list of changed grids:
#
# ```python
# from ff_utils.pretext import TASKS
#
# TASKS["halves"] = lambda grid: [grid, grid.roll(grid.shape[-1] // 2, -1)]
# ```
#
# To name it in a `RunConfig`, add it to the field `pretext` as well: a stored run has to say what it was.
# ````
