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
# # The algorithm
#
# The Forward-Forward algorithm (FF) {cite:p}`hinton2022` trains a network without a backward pass. It
# replaces it by a second forward pass. Every layer gets an objective of its own and learns from its own
# input and output alone.
#
# **What you will see.** The two passes in one picture. The goodness of a layer and its local objective, each
# equation beside the code that computes it. The update in closed form, checked against automatic
# differentiation. A two-layer net trained on this page in a few seconds, with the goodness of positives and
# negatives drifting apart. And an experiment that shows why a layer hands on only the direction of its
# activities.
#
# Everything here runs on the small digits that come with scikit-learn. Real MNIST enters with the search
# log. The data and the rules of comparison are the subject of {doc}`02-data-and-protocol`.

# %% tags=["parameters"]
profile = "paper"  # smoke: fewer epochs; quick and paper are the same here
train = "never"  # no stored run is read here: the net always trains live

# %% tags=["hide-input"]
import torch
import torch.nn.functional as F
from IPython.display import SVG
from myst_nb import glue

from ff_utils import Trainer, load, recipe
from ff_utils.data import excerpt
from ff_utils.labels import inject
from ff_utils.network import Network
from ff_utils.parameters import Rates
from ff_utils.readout import all_codes, error_percent
from ff_utils.reporting import figures, style
from ff_utils.studies import collecting

style.apply()
collecting.check_parameters(profile, train)
torch.set_num_threads(1)  # Nets as small as these are quickest on one thread.
epochs = {"smoke": 12}.get(profile, 30)

# %% [markdown]
# ## Two passes, one objective per layer
#
# In supervised FF the label is part of the input. The first ten pixels of the image, which are black anyway,
# are overwritten with a one-hot code of a class. An image with its **true** label is {term}`positive`. The same
# image with a **wrong** label is {term}`negative`.
#
# {numref}`fig-ch01-passes` shows one training step. Both versions of the image go through the same weights.
# Each layer measures its own {term}`goodness` $g$. It moves its weights so that $g$ rises above a {term}`threshold`
# $\theta$ in the positive pass and falls below it in the negative pass. The next layer receives the
# activities at a fixed length. Nothing flows back.
#
# Only the label tells the two inputs apart. To separate them, a layer has to learn which labels go with
# which pixels.

# %% tags=["hide-input"] mystnb={"figure": {"caption": "One training step with the label in the input. The two passes share the weights of each layer. Layer $\\ell$ compares its goodness $g_\\ell$ with the threshold θ, pushes it up for the positive image and down for the negative one, and changes only its own weights $W_\\ell$. The next layer sees only the direction of $y$.", "name": "fig-ch01-passes"}, "image": {"alt": "Schematic: an image with its true label and the same image with a wrong label pass through three layers. Each layer has a gauge of its goodness with a threshold, and a loss of its own; the arrows between the losses are crossed out.", "width": "100%"}}
picture = excerpt("mnist", "train", [7]).images[0] / 255
SVG(figures.algorithm_svg(picture, true=3, wrong=8))

# %% [markdown]
# ## Goodness
#
# A layer computes $a = xW + b$ and $y = \mathrm{ReLU}(a)$. Its goodness is the sum of the squared
# activities,
#
# ```{math}
# :label: eq-goodness
# g = \sum_j y_j^2 .
# ```
#
# Other measures are possible. This one has a simple derivative, and it is the squared length of $y$. That
# second property will matter.


# %%
def layer(x, W, b):
    """Activities y [rows, units] and goodness g [rows] of one layer."""
    y = torch.relu(x @ W + b)
    return y, y.square().sum(1)


# %% [markdown]
# ## The local objective
#
# The layer reads its goodness as evidence. The probability it gives to "this input is positive" is a
# logistic function of $g$,
#
# ```{math}
# :label: eq-probability
# p = \sigma(z), \qquad z = \frac{g - \theta}{T} ,
# ```
#
# with a threshold $\theta$ and a {term}`temperature` $T$, which is 1 unless a chapter says otherwise. The loss is
# the cross-entropy of $p$ with the {term}`target` $t$, 1 for a positive and 0 for a negative row, averaged over the
# $2B$ rows that $B$ images give:
#
# ```{math}
# :label: eq-loss
# \mathcal{L} = -\frac{1}{2B} \sum_{n=1}^{2B} \bigl[\, t_n \log p_n + (1 - t_n) \log (1 - p_n) \,\bigr] .
# ```
#
# Every layer has such a loss. They can be summed or averaged over the layers. Since no loss reaches the
# weights of another layer, averaging over $L$ layers only divides every gradient by $L$.


# %%
def local_loss(g, t, theta, T=1.0):
    """The loss of one layer, from goodness g [rows] and targets t [rows]."""
    return F.binary_cross_entropy_with_logits((g - theta) / T, t)


# %% [markdown]
# ## From layer to layer
#
# The next layer gets the {term}`direction` of $y$ and not its length. The length *is* the goodness, and a layer that
# could read it would have its answer for free. {ref}`A later section <sec-ch01-direction>` shows this on
# trained weights. Two conventions for the fixed length are in use:
#
# ```{math}
# :label: eq-direction
# \hat y = \frac{y}{\lVert y \rVert_2} \quad \text{(length 1)}, \qquad
# \hat y = \frac{y}{\sqrt{\tfrac{1}{N} \sum_j y_j^2}} \quad \text{(mean square 1)} .
# ```
#
# The first is used by the study this book replicates {cite:p}`shirahama2026`, the second by Hinton's
# published code. They differ by the factor $\sqrt{N}$ for $N$ units, so they call for different learning
# rates. Layer normalisation {cite:p}`ba2016` is a relative of the second; here no mean is subtracted. On
# this page the mean square is 1, for the input image as well.
#
# No gradient passes between layers. In code this is one `detach()`. It makes every layer's loss a function
# of that layer's weights alone.


# %%
def direction(y):
    """y scaled to mean square 1; an all-zero row stays zero."""
    return y / y.square().mean(1, keepdim=True).clamp_min(1e-12).sqrt()


def total_loss(x, weights, t, theta, greedy=True):
    """The sum of the local losses. `greedy`: no gradient between layers."""
    total = 0.0
    for W, b in weights:
        y, g = layer(x, W, b)
        total = total + local_loss(g, t, theta)
        x = direction(y.detach() if greedy else y)
    return total


# %% [markdown]
# ## The update in closed form
#
# A loss that ends where its layer ends needs no automatic differentiation. Take one row and apply the chain
# rule four times:
#
# $$
# \frac{\partial \mathcal{L}}{\partial z} = \frac{p - t}{2B}, \qquad
# \frac{\partial z}{\partial g} = \frac{1}{T}, \qquad
# \frac{\partial g}{\partial y_j} = 2 y_j, \qquad
# \frac{\partial y_j}{\partial a_j} = [\,a_j > 0\,] .
# $$
#
# The last factor is 0 or 1. Where it is 0, $y_j$ is 0 as well, so the factor changes nothing and drops out.
# What remains is
#
# ```{math}
# :label: eq-update
# \frac{\partial \mathcal{L}}{\partial a_j} = \frac{(p - t)\, y_j}{T B} , \qquad
# \frac{\partial \mathcal{L}}{\partial W} = x^{\top} \frac{\partial \mathcal{L}}{\partial a} , \qquad
# \frac{\partial \mathcal{L}}{\partial b} = \sum_{\text{rows}} \frac{\partial \mathcal{L}}{\partial a} .
# ```
#
# The update is Hebbian in form. The weight between input $i$ and unit $j$ moves by the product of the two
# activities. A single number per row, $p - t$, sets sign and size: it is negative for positives and positive
# for negatives, and it vanishes for a row the layer already gets right with certainty.


# %%
@torch.no_grad()
def closed_form(x, y, g, t, theta, T=1.0):
    """The gradient of `local_loss` with respect to W and to b."""
    p = torch.sigmoid((g - theta) / T)
    B = len(t) / 2
    delta = (p - t)[:, None] * y / (T * B)
    return x.T @ delta, delta.sum(0)


# %% [markdown]
# The next cell checks the formula against `autograd`, in double precision, on a net of three layers with
# random weights and a batch of a hundred digits. Half of the rows carry the true labels, half of them wrong
# ones.

# %%
digits = load("digits")
config = recipe(
    "hinton",
    hidden=(32, 32, 32),
    theta=20,
    momentum=0,
    weight_decay=0,
    peer_normalization=0,
)
start = torch.Generator().manual_seed(0)
network = Network(config, 784, 10, torch.float64, start)
weights = [
    tuple(p.value.clone().requires_grad_() for p in (part.weight, part.bias))
    for part in network.layers
]

images = digits.train.images[:100].flatten(1)
labels = digits.train.labels[:100].long()
codes = torch.stack([labels, (labels + 3) % 10])  # true labels, then wrong ones
x = direction(torch.cat([inject(images.double() / 255, row) for row in codes]))
t = torch.cat([torch.ones(100), torch.zeros(100)]).double()

total_loss(x, weights, t, theta=20).backward()

below = x
for i, (W, b) in enumerate(weights, 1):
    y, g = layer(below, W, b)
    by_W, by_b = closed_form(below, y, g, t, theta=20)
    assert torch.allclose(by_W, W.grad, rtol=1e-6, atol=1e-9)
    assert torch.allclose(by_b, b.grad, rtol=1e-6, atol=1e-9)
    print(f"layer {i}: the closed form equals autograd")
    below = direction(y).detach()

# %% [markdown]
# The engine of this book, `ff_utils.network`, uses the same formula, with a few identities that save work.
# One step of plain gradient descent must therefore move its weights by the learning rate times the gradient
# above.

# %%
lr = 0.01
rates = [Rates.of(lr, 0.0, 0.0, "coupled", 0.0, like=t)] * 3
pixels = network.pixels(images)
network.update(pixels, network.forward(pixels, codes), rates, rates)

for moved, (W, b) in zip(network.layers, weights, strict=True):
    assert torch.allclose(moved.weight.value, W - lr * W.grad, rtol=1e-9)
    assert torch.allclose(moved.bias.value, b - lr * b.grad, rtol=1e-9)
print("the engine makes the same step in all three layers")

# %% [markdown]
# What does `detach()` do to the gradient? Without it, the first layer would also serve the losses of the
# layers above. We compare its two gradients.

# %% tags=["nbval-ignore-output"]
greedy = [W.grad.clone() for W, _ in weights]
for W, b in weights:
    W.grad = b.grad = None
total_loss(x, weights, t, theta=20, greedy=False).backward()

change = [
    float((W.grad - own).norm() / own.norm())
    for (W, _), own in zip(weights, greedy, strict=True)
]
assert change[0] > 0.01 and change[2] < 1e-12
glue("ch01_detach", 100 * change[0], display=False)
for i, c in enumerate(change, 1):
    print(f"layer {i}: the gradient changes by {c:.1%} of its length")

# %% [markdown]
# In this untrained net, the gradient of the first layer changes by {glue:text}`ch01_detach:.0f` % of its
# length. That of the last layer does not change: no loss lies above it. FF gives this part of the gradient
# up. What it buys is that no layer waits for another, and that a layer need not know what follows it.
#
# ## Peer normalisation
#
# One failure is easy to foresee. A unit that is off for all images contributes nothing to the goodness, and
# equation {eq}`eq-update` gives it no gradient. In the first layer, whose input never changes, it stays dead. Other units may be on for everything. *Peer
# normalisation* {cite:p}`hinton2022` pulls every unit's mean activity $m_j$ towards the mean of its layer,
# $\bar m$, by an extra loss term
#
# ```{math}
# :label: eq-peer
# \mathcal{L}_{\text{peer}} = -\lambda \sum_j (\bar m - m_j)\, \langle a_j \rangle_{\text{positive}} .
# ```
#
# The means $m_j$ are running averages and count as constants. The angle brackets average over the positive
# rows of the batch. The term acts on $a_j$ and not on $y_j$, so it reaches units that are off. A unit that
# is quieter than its peers is pushed up, a louder one down.
#
# ## A net, live
#
# Now we train. The net has two layers of 300 units. It follows the recipe of Hinton's code at half the
# learning rate, with wrong labels drawn at random. Before the first epoch and after each, we show it the 360
# validation images under all ten labels and keep the goodness of both layers.

# %%
config = recipe(
    "hinton",
    dataset="digits",
    hidden=(300, 300),
    theta=300,
    negatives="random",
    batch_size=50,
    lr=0.0005,
    decay_from=epochs // 2,
    decay_to=epochs,
)
trainer = Trainer(config, digits, dtype=torch.float32, device="cpu")

network = trainer.network
pixels = network.pixels(digits.validation.images.flatten(1))
truth = digits.validation.labels.long()


def look():
    """Goodness of the validation images: [layers, labels, images]."""
    goodness = network.forward(pixels, all_codes(network, len(truth))).goodness
    return torch.stack(goodness).view(2, 10, len(truth))


history = [look()]
for _ in range(epochs):
    trainer.run_epoch()
    history.append(look())
history = torch.stack(history)  # [epochs + 1, layers, labels, images]

# %% [markdown]
# For each image one of the ten labels is true and nine are wrong. This splits the goodness into positives
# and negatives.

# %%
is_true = F.one_hot(truth, 10).T.bool()  # [labels, images]
positive, negative = history[:, :, is_true], history[:, :, ~is_true]

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Goodness of the validation images by epoch, in each layer. Lines are means, bands hold 80 % of the rows; epoch 0 is the untrained net. Positives carry the true label, negatives each of the nine wrong ones.", "name": "fig-ch01-drift"}, "image": {"alt": "Two line charts, one for each layer. The goodness of positives and negatives starts at the same value below the threshold, rises together, and then separates to both sides of the threshold, earlier in the first layer than in the second."}}
figures.draw_drift(positive, negative, config.per_layer("theta"))

# %% tags=["remove-cell", "nbval-ignore-output"]
gap = (positive.mean(-1) - negative.mean(-1)).tolist()  # [epochs + 1][layers]
assert min(gap[-1]) > 10 > max(abs(g) for g in gap[0])

glue("ch01_start", float(positive[0].mean()), display=False)
for i in (0, 1):
    half = next(epoch for epoch, g in enumerate(gap) if g[i] > gap[-1][i] / 2)
    glue(f"ch01_gap{i + 1}", float(gap[-1][i]), display=False)
    glue(f"ch01_half{i + 1}", half, display=False)
glue("ch01_epochs", epochs, display=False)

# %% [markdown]
# {numref}`fig-ch01-drift` shows what the objective does. At the start, positives and negatives have the same
# goodness, {glue:text}`ch01_start:.0f` on average over both layers. That is about half the number of units,
# as it must be: the first weights give each $a_j$ a variance near 1, and the ReLU halves its mean square.
#
# Both classes are below the threshold, so at first both rise, and beyond it. They swing back to the threshold
# and part there.
#
# The two layers do not learn in step. Half of the final gap of {glue:text}`ch01_gap1:.0f` between the means
# is there after {glue:text}`ch01_half1` epochs in the first layer. The second layer has half of its
# {glue:text}`ch01_gap2:.0f` after {glue:text}`ch01_half2`. It works on directions that the first layer is
# still changing.
#
# Means hide the overlap. {numref}`fig-ch01-histograms` shows the whole distributions.

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "The distribution of goodness over the validation images, before the first epoch and after the last. The dotted line is the threshold θ.", "name": "fig-ch01-histograms"}, "image": {"alt": "Four histograms of goodness. Before training those of positives and negatives coincide in both layers. After training the positives lie mostly above the threshold and the negatives mostly below, with some overlap."}}
ends = [0, -1]
figures.draw_histograms(
    positive[ends], negative[ends], config.per_layer("theta")
)

# %% [markdown]
# ## From goodness to a label
#
# To classify an image, try the ten labels and keep the one with the highest score
#
# ```{math}
# :label: eq-score
# S(c) = \sum_{\ell = 2}^{L} g_\ell\bigl(\mathrm{Inject}(x, c)\bigr), \qquad \hat c = \arg\max_c S(c) .
# ```
#
# This is {term}`label search`, and $S(c)$ the {term}`score` of label $c$. $\mathrm{Inject}(x, c)$ writes label $c$ into image $x$. The first layer is left
# out of the sum, as in both sources; in a net of two layers the second one decides alone. A positive need
# not clear the threshold for this. It is enough that the true label beats the nine others *on the same
# image*.

# %% tags=["nbval-ignore-output"]
answers = history.argmax(2)  # what each layer alone would say
errors = 100 * (answers != truth).double().mean(-1)

found = trainer.evaluate("validation", search=True)
error = error_percent(found.label_search, digits.validation.labels)
assert abs(error - errors[-1, 1]) < 1e-9
assert error < 45, "label search should be far below chance, which is 90 %"
print(f"validation error by label search: {error:.1f} %")

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "Validation error by epoch when one layer alone picks the label. In this net of two layers, label search is what the second layer says.", "name": "fig-ch01-errors"}, "image": {"alt": "Line chart of the validation error by epoch for each layer. Both start near the 90 percent of chance and end near or below 10 percent; the first layer falls some epochs before the second.", "width": "80%"}}
figures.draw_errors(
    {"layer 1 alone": errors[:, 0], "layer 2 alone: label search": errors[:, 1]}
)

# %% tags=["remove-cell", "nbval-ignore-output"]
test = trainer.evaluate("test", search=True)
glue("ch01_error", error, display=False)
glue(
    "ch01_test_error",
    error_percent(test.label_search, digits.test.labels),
    display=False,
)
glue("ch01_start_error", float(errors[0, 1]), display=False)
glue("ch01_first_error", float(errors[-1, 0]), display=False)
glue("ch01_one_image", 100 / len(truth), display=False)

# %% [markdown]
# The error falls from {glue:text}`ch01_start_error:.0f` % to {glue:text}`ch01_error:.1f` % in
# {glue:text}`ch01_epochs` epochs ({numref}`fig-ch01-errors`). The test images, looked at once and now, give
# {glue:text}`ch01_test_error:.1f` %. The first layer alone reaches {glue:text}`ch01_first_error:.1f` % on the
# validation images.
#
# One image is {glue:text}`ch01_one_image:.2f` points here. These numbers show that the method works. They
# are too coarse to rank anything.

# %% [markdown]
# (sec-ch01-direction)=
# ## Why only the direction is handed on
#
# Suppose the first layer has learned. For a positive image its goodness is high: $y$ is long. For a negative
# image $y$ is short. Hand $y$ on as it is, and the second layer receives the answer as the *length* of its
# input. It can pass the length on without having learned anything.
#
# We test this with the trained first layer and a second layer that is **untrained**. Its weights are random
# numbers. Whatever it can tell apart must come from its input.

# %% tags=["nbval-ignore-output"]
chance = torch.Generator().manual_seed(1)
wrong = (truth + torch.randint(1, 10, truth.shape, generator=chance)) % 10
y = trainer.network.forward(pixels, torch.stack([truth, wrong])).activities[0]
untrained = torch.randn(300, 300, generator=chance) / 300**0.5

# The goodness of positives and of negatives.
whole = layer(y, untrained, 0)[1].chunk(2)
only_direction = layer(direction(y), untrained, 0)[1].chunk(2)

shares = [
    100 * float((p > n).double().mean()) for p, n in (whole, only_direction)
]
assert shares[0] > 80 and abs(shares[1] - 50) < shares[0] - 50
glue("ch01_whole", shares[0], display=False)
glue("ch01_direction", shares[1], display=False)
glue("ch01_pairs", len(truth), display=False)
half = 1.96 * (shares[1] * (100 - shares[1]) / len(truth)) ** 0.5
glue("ch01_direction_low", shares[1] - half, display=False)
glue("ch01_direction_high", shares[1] + half, display=False)

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"figure": {"caption": "The goodness of a second layer with random weights, behind the trained first layer. Left: it gets the activities as they are. Right: it gets their direction only. A pair is one image with its true label and with a wrong one.", "name": "fig-ch01-direction"}, "image": {"alt": "Two pairs of histograms. With whole activities handed on, positives have clearly higher goodness than negatives although the second layer is untrained. With only the direction handed on, the two histograms overlap."}}
figures.draw_lengths(whole, only_direction, shares)

# %% [markdown]
# With whole activities, the untrained layer gives the positive the greater goodness in
# {glue:text}`ch01_whole:.0f` % of the pairs ({numref}`fig-ch01-direction`, left). With directions it does so
# in {glue:text}`ch01_direction:.0f` %, where a coin would get 50 % (right). With {glue:text}`ch01_pairs` pairs the 95 %
# interval is {glue:text}`ch01_direction_low:.0f` to {glue:text}`ch01_direction_high:.0f` %.
#
# So the normalisation takes away exactly what the layer below has already used. What is left is the pattern:
# *which* units are active, relative to each other. The second layer has to find its own evidence there.

# %% [markdown]
# ## Try it yourself
#
# ````{exercise} A layer that is too sure
# :label: ex-ch01-sure
#
# A positive row has $g = \theta + 20$ at $T = 1$. How much does it contribute to the update? Compare it with
# a row at $g = \theta$. What does a temperature of $T = 10$ change?
# ````
#
# ````{solution} ex-ch01-sure
# :class: dropdown
#
# Its factor is $p - t = \sigma(20) - 1 \approx -2 \cdot 10^{-9}$, against $-1/2$ at the threshold. The row is
# learned and practically drops out. With $T = 10$ the factor is $\sigma(2) - 1 \approx -0.12$, and the
# gradient carries another factor $1/T$. A high temperature keeps more rows in play.
# ````
#
# ````{exercise} Sum or mean
# :label: ex-ch01-mean
#
# Some codes use the *mean* of the squared activities as goodness. Which threshold $\theta'$ and which
# temperature $T'$ make it equivalent to the sum with $\theta$ and $T$, for $N$ units?
# ````
#
# ````{solution} ex-ch01-mean
# :class: dropdown
#
# The mean is $g' = g / N$. The logit stays the same if $(g' - \theta')/T' = (g - \theta)/T$, so
# $\theta' = \theta / N$ and $T' = T / N$. A threshold of 2 may suit the mean. For the sum over thousands of
# units it is far too low: nearly every row lies above it from the start.
# ````
#
# ````{exercise} Let the gradient through
# :label: ex-ch01-detach
#
# Train the two-layer net above with `total_loss(..., greedy=False)` in a loop of your own, with
# `torch.optim.SGD`. Does the error change? Is the result still FF?
# ````
#
# ````{solution} ex-ch01-detach
# :class: dropdown
#
# ```python
# torch.manual_seed(0)
# sizes = [784, 300, 300]
# weights = [
#     ((torch.randn(m, n) / m**0.5).requires_grad_(), torch.zeros(n, requires_grad=True))
#     for m, n in zip(sizes, sizes[1:])
# ]
# optimiser = torch.optim.SGD([w for pair in weights for w in pair], lr=0.0005, momentum=0.9)
# images, labels = digits.train.images.flatten(1) / 255, digits.train.labels.long()
# for epoch in range(30):
#     for rows in torch.randperm(len(labels)).split(50):
#         wrong = (labels[rows] + torch.randint(1, 10, rows.shape)) % 10
#         x = torch.cat([inject(images[rows], labels[rows]), inject(images[rows], wrong)])
#         t = torch.cat([torch.ones(len(rows)), torch.zeros(len(rows))])
#         optimiser.zero_grad()
#         total_loss(direction(x), weights, t, theta=300.0, greedy=False).backward()
#         optimiser.step()
#
# x = digits.validation.images.flatten(1) / 255
# with torch.no_grad():
#     scores = []
#     for label in range(10):
#         y, _ = layer(direction(inject(x, torch.full((len(x),), label))), *weights[0])
#         scores.append(layer(direction(y), *weights[1])[1])
# print(error_percent(torch.stack(scores).argmax(0), digits.validation.labels))
# ```
#
# Repeat it with a few seeds, and with `greedy=True`; compare the spread with the difference. With
# `greedy=False` the objective is still the goodness of every layer, but the learning is backpropagation: the
# first layer now needs the weights of the second.
# ````
#
# ## What comes next
#
# Two questions are open. How exactly are images, labels and wrong labels made, and what counts as a fair
# comparison? {doc}`02-data-and-protocol` answers both. After that the search log begins, with the one
# number that every layer needs: its threshold $\theta$.
