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
# # Should you use FF? A proof of concept on your own images
#
# Whether Forward-Forward is the right choice depends on the data. A summary of {cite:t}`brenig2023` advises to find out on a
# small representative sample: train both methods under equal conditions, compare how well what they learned
# transfers, look at the clusters, and see how much the result depends on the settings. This page does that for
# any folder of images and ends in a recommendation.
#
# **What you will see.** Which of your images were used. Forward-Forward and backprop on the same pretext task,
# with the same net and the same number of tries. What a linear classifier makes of their features, with intervals.
# Pictures of the embeddings, the sensitivity to the learning rate, time and memory. And a recommendation in plain
# words, with its reasons.
#
# ## How to run it
#
# Put the images into one sub-folder per class. Any format that Pillow reads will do, grey or colour, of any size; a
# few dozen images per class give a first impression, but rarely a decision. Then:
#
# ```shell
# papermill notebooks/44-own-images.ipynb report.ipynb -p images path/to/folder
# ```
#
# Without a folder the page shows scikit-learn's 1,797 handwritten digits. Everything is trained live; no stored
# run is read.

# %% tags=["parameters"]
images = ""  # a folder with one sub-folder per class; "": the digits
task = "rotation"  # rotation, flip, flip4 or jigsaw
limit = 2000  # images at most, equally many of each class
epochs = None  # of training; None: as the profile has it
seeds = None  # runs of each method at its chosen rate; None: likewise
profile = "quick"  # smoke: a quick look; quick and paper are the same
train = "auto"  # no stored run is read here: the nets always train live

# %% tags=["hide-input"]
import pandas as pd
import torch
from myst_nb import glue

from ff_utils import load
from ff_utils.reporting import style
from ff_utils.selfsup import figures as drawings
from ff_utils.selfsup import judging, own
from ff_utils.selfsup.folder import read_folder
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
smoke = profile == "smoke"
epochs = epochs or (4 if smoke else 40)
seeds = seeds or (2 if smoke else 3)
rates = (1.0,) if smoke else own.RATES

# %% [markdown]
# ## The images
#
# What can't be used is left out and listed with its reason: files that are no images or are damaged, images beyond
# a size that would take too long, copies of others, classes with too few. Of every image in a folder the middle square is
# taken and scaled to 32 × 32 pixels, so sizes may be mixed.

# %% tags=["hide-input", "nbval-ignore-output"]
if images:
    folder = read_folder(images, limit)
    splits, names = folder.splits, folder.names
    skipped, notes = folder.skipped, folder.notes
    classes = folder.table
else:
    splits, names = load("digits"), tuple(map(str, range(10)))
    skipped, notes = (
        (),
        ("scikit-learn's digits: grey, 8 × 8 pixels, enlarged to 28 × 28",),
    )
    parts = (splits.train, splits.validation, splits.test)
    counts = torch.bincount(torch.cat([p.labels for p in parts]).long())
    classes = pd.DataFrame({"files": counts, "used": counts}, index=names)
for note in notes:
    print(note)
print(f"{len(skipped)} skipped")
for name, reason in skipped[:20]:
    print(f"  {name}: {reason}")
if len(skipped) > 20:
    print(f"  … and {len(skipped) - 20} more")

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Images of each class, how many were used, and the number that stands for the class in pictures.", "name": "tab-own-classes"}}
classes["number"] = [
    str(names.index(name)) if name in names else "" for name in classes.index
]
classes

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "One of the images in some classes of the pretext task. The net is shown the image and has to tell the class.", "name": "fig-own-task"}, "image": {"alt": "One image changed in several ways by the pretext task."}}
from ff_utils.pretext import Pretext

ways = Pretext(task, tuple(splits.train.images.shape[1:])).classes
drawings.draw_tasks(splits.train.images[0], {task: list(range(min(ways, 6)))})

# %% tags=["hide-input"]
glue("own_images", images or "scikit-learn's digits", display=False)
glue("own_classes", len(names), display=False)
for part in ("train", "validation", "test"):
    glue(f"own_{part}", f"{len(getattr(splits, part)):,}", display=False)
glue("own_task", task, display=False)
glue("own_ways", ways, display=False)
glue("own_epochs", epochs, display=False)
glue("own_seeds", seeds, display=False)
glue("own_width", own.WIDTH, display=False)
glue("own_layers", own.LAYERS, display=False)
glue("own_rates", ", ".join(f"{rate:g}" for rate in rates), display=False)
glue("own_matters", f"{judging.MATTERS:g}", display=False)

# %% [markdown]
# The data, {glue:text}`own_images`, has {glue:text}`own_classes` classes ({numref}`tab-own-classes`).
# {glue:text}`own_train` images are for training, {glue:text}`own_validation` for every choice,
# {glue:text}`own_test` are looked at once, at the end. {numref}`fig-own-task` shows the pretext task.
#
# ## Equal conditions
#
# | what | the same for all |
# |---|---|
# | net | {glue:text}`own_layers` hidden layers of {glue:text}`own_width` units, the same first weights |
# | pretext task | {glue:text}`own_task`, {glue:text}`own_ways` classes, drawn anew for every image and epoch |
# | budget | {glue:text}`own_epochs` epochs, the same batches in the same order |
# | tuning | learning rates of {glue:text}`own_rates` times the usual one, chosen on validation |
# | seeds | {glue:text}`own_seeds` at the rate chosen |
# | readout | the same linear classifier on what layers 2 and up make of the unchanged images |
#
# Three contestants: **Forward-Forward** with the pretext class as its label; **Forward-Forward with hybrid
# negatives**, which needs no pretext task (a negative is one image in some regions and another in the rest); and
# **backprop** on the pretext class. Beside them stand what comes for free, the raw pixels and an untrained net, and
# backprop on the true classes.

# %% tags=["nbval-ignore-output"]
result = own.compare(splits, task, epochs, seeds, rates)
table = judging.table(result)
assert set(own.CONTESTANTS) <= set(table.index)

# %% [markdown]
# ## Result

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Accuracies in percent on the test images; in brackets the 95 % interval from the sampling of these images. The spread over seeds is on the same images, that over learning rates on the validation images. Time and memory on this machine: the seconds of one training, and the most that one step holds beside the net.", "name": "tab-own-result"}}
table

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Sensitivity: transfer accuracy on the validation images over the learning rate, one seed each.", "name": "fig-own-rates"}, "image": {"alt": "Transfer accuracy over the relative learning rate, one line for each contestant."}}
drawings.draw_rates(
    {
        name: {
            rate: 100 - run.errors["val_transfer"] for rate, run in runs.items()
        }
        for name, runs in result.grid.items()
    }
)

# %% [markdown]
# {numref}`tab-own-result` has the numbers, {numref}`fig-own-rates` the sensitivity. {numref}`fig-own-planes` shows
# the test images as the last layer of each net arranges them. Tight clusters of one class that lie apart help
# a nearest-neighbour search; a linear classifier can do without them. {numref}`tab-own-clusters` measures both.

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "The test images, 1,000 at most, in the last hidden layer of each contestant, in the plane by t-SNE. Colours are classes; each class's number, that of the table of classes, stands at its centre.", "name": "fig-own-planes"}, "image": {"alt": "Three scatter plots, one per contestant, of the test images coloured by class."}}
labels = result.labels[:1000]
drawings.draw_planes(
    {name: runs[0].features[:1000] for name, runs in result.seeds.items()},
    labels,
)

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Clusters of the true classes in the last layer: their silhouette (from −1 to 1: how much nearer an image lies to its own class than to the next), the share of the variance within classes (tightness) and between them (spread), and over how many directions the images spread.", "name": "tab-own-clusters"}}
from ff_utils.selfsup import embedding

rows = {}
for name, runs in result.seeds.items():
    features = runs[0].features[:1000]
    within, between = embedding.scatter(features, labels)
    rows[name] = {
        "silhouette": f"{embedding.silhouette(features, labels):.3f}",
        "within": f"{100 * within / (within + between):.0f} %",
        "between": f"{100 * between / (within + between):.0f} %",
        "directions": f"{embedding.dimension(features):.1f}",
    }
pd.DataFrame(rows).T

# %% [markdown]
# ## Recommendation

# %% tags=["hide-input", "nbval-ignore-output"]
from IPython.display import Markdown

advice, reasons = judging.recommend(result)
Markdown(f"**{advice}**\n\n" + "\n".join(f"- {line}" for line in reasons))

# %% [markdown]
# How the recommendation comes about. First: does either method beat what is free, with an interval that excludes 0?
# What is free is the better, on validation, of raw pixels and an untrained net. If neither beats it, neither is
# recommended; if only one does, the other is not.
#
# Then the better of the two kinds of Forward-Forward on validation is compared with backprop on the test images, image
# by image. It takes an interval that excludes 0 and a difference of at least {glue:text}`own_matters` points to
# recommend one for its transfer. Otherwise the page says that transfer does not decide it.
#
# ## What it does not say
#
# - A fully connected net on small images is a weak learner of images. The question here is which way of training
#   serves it better, and not how good the best method would be on your data.
# - Both methods are trained by the same engine, which keeps all layers of a batch in memory. Forward-Forward could
#   do with one layer at a time; on hardware made for it the memory would be less.
# - A pretext task has to mean something on your images. Rotation says little where there is no upright, as in
#   microscopy or in views from above; jigsaw or the hybrid negatives are the better test there.
# - Intervals cover the sampling of the test images, at the mean of the seeds. They do not cover another draw of seeds
#   (the untrained net has one), nor a sample that is not representative.
#
# ## Try it yourself
#
# ```{exercise} Another task
# :label: ex-own-task
#
# Run the page with `-p task jigsaw` or `-p task flip`. Does the recommendation change?
# ```
#
# ````{solution} ex-own-task
# :class: dropdown
#
# ```shell
# papermill notebooks/44-own-images.ipynb report.ipynb -p task jigsaw
# ```
#
# A task whose classes hardly depend on what the image shows teaches little. If the recommendation hangs on the
# task, say so when you report it.
# ````
#
# ```{exercise} How many images does it take?
# :label: ex-own-limit
#
# With a folder of your own, halve and double `limit`; the digits ignore it. When does the interval become narrow enough
# to decide?
# ```
#
# ````{solution} ex-own-limit
# :class: dropdown
#
# ```shell
# papermill notebooks/44-own-images.ipynb report.ipynb -p images path/to/folder -p limit 4000
# ```
#
# The width falls with the square root of the number of test images: four times as many halve it.
# ````
