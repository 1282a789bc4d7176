"""The drawings of the first chapters.

Every function draws one figure with pyplot and returns nothing, so that a notebook shows it once; tensors
go in, and nothing is computed here but what a drawing needs. Colours are seaborn's "colorblind" palette;
where positives and negatives meet, they also differ in position, marker or hatching.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from torch import Tensor

from ..labels import CLASSES, NEUTRAL, code_values
from .style import GREY, LAYERS, LINES, MARK, NEGATIVE, PIXELS, POSITIVE, WIDTH, draw_image

# -- images and labels ------------------------------------------------------------------------------


def _code_name(code: int) -> str:
    return "neutral" if code == NEUTRAL else f"label {code}"


def _strip(ax: Axes, code: int, left: float, bottom: float, width: float, height: float, fontsize: float = 7) -> None:
    """The ten label pixels of `code` as ten cells with the class of each below it."""
    side = width / CLASSES
    for c, value in enumerate(code_values()[code].tolist()):
        cell = Rectangle((left + c * side, bottom), side, height, fc=PIXELS(value), ec="#9a9a9a", lw=0.6)
        ax.add_patch(cell)
        x, y = left + (c + 0.5) * side, bottom - 0.12 * height
        lit = value == 1
        ax.text(x, y, c, ha="center", va="top", fontsize=fontsize, color="black" if lit else GREY,
                fontweight="bold" if lit else "normal")  # fmt: skip


def draw_samples(rows: dict[str, tuple[Tensor, Tensor]]) -> None:
    """One row of images [n, height, width] (uint8) for each name, with their labels [n] above them."""
    n = max(len(labels) for _, labels in rows.values())
    _, axes = plt.subplots(len(rows), n, figsize=(WIDTH, 0.98 * len(rows)), squeeze=False)
    for line, (name, (images, labels)) in zip(axes, rows.items(), strict=True):
        for ax, image, label in zip(line, images, labels, strict=True):
            draw_image(ax, image / 255)
            ax.set_title(f"{int(label)}", loc="center", pad=2)
        line[0].set_ylabel(name)


def draw_labelled(images: Tensor, codes: Sequence[int]) -> None:
    """Labelled `images` [n, 28, 28] in 0..1, and above each its ten label pixels enlarged."""
    _, axes = plt.subplots(1, len(codes), figsize=(WIDTH, 2.45))
    for ax, image, code in zip(axes, images, codes, strict=True):
        side = image.shape[-1]
        ax.imshow(np.asarray(image), cmap=PIXELS, vmin=0, vmax=1, interpolation="none", extent=(0, side, 0, side))
        _strip(ax, code, 0, side + 4.4, side, side / CLASSES, fontsize=7.5)
        for x, to in ((0, 0), (CLASSES, side)):
            ax.plot([x, to], [side, side + 1.9], color=GREY, lw=0.7)
        ax.plot([0, CLASSES, CLASSES, 0, 0], [side, side, side - 1, side - 1, side], color=MARK, lw=1.4)
        ax.set(xlim=(-0.4, side + 0.4), ylim=(-0.4, side + 8.5), aspect="equal")
        ax.axis("off")
        ax.set_title(_code_name(code), loc="center", pad=3)


def draw_shifts(images: Tensor, reach: int) -> None:
    """A grid of the (2·reach+1)² shifts of one image: [shifts, height, width] in 0..1, in a `Shifter`'s order."""
    side = 2 * reach + 1
    fig, axes = plt.subplots(side, side, figsize=(4.6, 4.75), layout="constrained")
    fig.get_layout_engine().set(w_pad=0.015, h_pad=0.015)
    names = [f"{step:+d}" if step else "0" for step in range(-reach, reach + 1)]
    # The first of them is the one moved furthest to the right and down.
    for i, (ax, image) in enumerate(zip(axes.flat, images.flip(0), strict=True)):
        draw_image(ax, image)
        row, column = divmod(i, side)
        if row == 0:
            ax.set_title(names[column], loc="center", pad=3)
        if column == 0:
            ax.set_ylabel(names[row], rotation=0, ha="right", va="center")
        if (row, column) == (reach, reach):
            ax.spines[:].set(visible=True, color=MARK, linewidth=2.5)
    fig.supxlabel("pixels to the right", fontsize=9.5)
    fig.supylabel("pixels down", fontsize=9.5)


# -- the algorithm ----------------------------------------------------------------------------------


def algorithm_svg(image: Tensor, true: int, wrong: int, layers: int = 3) -> str:
    """The two passes of label-in-input training as a vector drawing: one SVG document.

    `image` [28, 28] in 0..1; `true` and `wrong`: the labels written into it.
    """
    fig = plt.figure(figsize=(WIDTH + 0.8, 4.7), layout="none")
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, 100), ylim=(0, 59), aspect="equal")
    ax.axis("off")
    rows = {"positive pass": (40.0, true, POSITIVE, 0.86), "negative pass": (20.5, wrong, NEGATIVE, 0.3)}
    size, left = 11.0, 5.5
    columns = [26.0 + i * 25.5 for i in range(layers)]
    width, threshold = 13.0, 0.56
    rng = np.random.default_rng(3)

    def arrow(start, end, color, shape="-|>", **options):
        options = {"lw": 1.6, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11} | options
        ax.add_patch(FancyArrowPatch(start, end, arrowstyle=shape, color=color, **options))

    def box(x, y, w, h, **options):
        ax.add_patch(FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0,rounding_size=0.9", **options))

    for i, x in enumerate(columns, 1):
        box(x, 12.2, width, 40.3, fc="#f3f3f3", ec="#9a9a9a", lw=1.0, zorder=0)
        ax.text(x + width / 2, 54.0, f"layer {i}:  $W_{i}, b_{i}$", ha="center", fontsize=9.5)

    for name, (middle, label, color, level) in rows.items():
        bottom = middle - size / 2 - 1.2
        pixels = np.asarray(image).copy()
        pixels[0, :CLASSES] = code_values()[label]
        ax.imshow(pixels, cmap=PIXELS, vmin=0, vmax=1, interpolation="none",
                  extent=(left, left + size, bottom, bottom + size), zorder=1)  # fmt: skip
        top, pixel = bottom + size, size / len(pixels)
        marked = Rectangle((left, top - pixel), CLASSES * pixel, pixel, fc="none", ec=MARK, lw=1.0, zorder=2)
        ax.add_patch(marked)
        _strip(ax, label, left - 1, top + 3.1, size + 2, 1.3, fontsize=6)
        for x, to in ((left, left - 1), (left + CLASSES * pixel, left + size + 1)):
            ax.plot([x, to], [top, top + 1.6], color=GREY, lw=0.6)
        kind = "true" if label == true else "wrong"
        ax.text(left + size / 2, top + 5.0, f"{kind} label {label}", ha="center", fontsize=9, color=color)
        ax.text(1.6, bottom + size / 2, name, rotation=90, ha="center", va="center", fontsize=9.5, color=color,
                fontweight="bold")  # fmt: skip
        arrow((left + size + 1.2, middle), (columns[0] - 0.7, middle), color)

        for i, x in enumerate(columns):
            # Units, more of them active in the positive pass; below them a gauge of their goodness.
            activity = np.clip(rng.uniform(0, 1, (2, 7)) * (0.5 + level) - 0.25, 0.0, 1.0)
            for line, values in enumerate(activity):
                for j, value in enumerate(values):
                    ax.plot(x + 1.7 + 1.6 * j, middle + 4.6 - 2.2 * line, "o", ms=6.2, mec=color, mew=0.9,
                            mfc=mpl.colors.to_rgba(color, value) if value > 0 else "white")  # fmt: skip
            gauge, start = width - 2.6, x + 1.3
            ax.add_patch(Rectangle((start, middle - 2.4), gauge, 1.7, fc="white", ec="#9a9a9a", lw=0.8))
            ax.add_patch(Rectangle((start, middle - 2.4), gauge * level, 1.7, fc=color, ec="none"))
            ax.plot([start + gauge * threshold] * 2, [middle - 3.1, middle], color="black", lw=1.3)
            sign = "+" if level > threshold else "-"
            ax.text(start, middle - 5.0, f"$g_{i + 1}^{{{sign}}}$", fontsize=9.5, va="center")
            ax.text(start + gauge * threshold, middle - 4.7, "θ", fontsize=9, ha="center", va="center")
            push = 1 if level > threshold else -1
            tip = start + gauge * (threshold + push * (0.36 if push > 0 else 0.27))
            arrow((start + gauge * (threshold + push * 0.1), middle - 4.9), (tip, middle - 4.9), color, lw=1.3)
            if i + 1 < layers:
                arrow((x + width + 0.7, middle), (columns[i + 1] - 0.7, middle), color)
                ax.text(x + width + 6.25, middle + 1.2, "direction", ha="center", fontsize=8.5, color=color)
                ax.text(x + width + 6.25, middle - 3.0, r"$y\,/\,\Vert y\Vert$", ha="center", fontsize=9, color=color)

    for i, x in enumerate(columns):
        box(x, 2.2, width, 5.4, fc="white", ec="black", lw=1.0)
        ax.text(x + width / 2, 4.9, f"loss {i + 1}", ha="center", va="center", fontsize=9.5)
        arrow((x + 4.3, 12.0), (x + 4.3, 7.9), "black", lw=1.2)
        arrow((x + 8.7, 7.9), (x + 8.7, 12.0), "black", lw=1.2, linestyle=(0, (3, 1.6)))
        ax.text(x + 3.4, 9.9, "$g$", ha="right", va="center", fontsize=9)
        ax.text(x + 9.6, 9.9, rf"$\Delta W_{i + 1}$", ha="left", va="center", fontsize=9)
        if i + 1 < layers:
            middle = x + width + 6.25
            arrow((columns[i + 1] - 0.7, 4.9), (x + width + 0.7, 4.9), "#9a9a9a", lw=1.2, linestyle=(0, (3, 1.6)))
            for slope in (-1, 1):
                ax.plot([middle - 1.3, middle + 1.3], [4.9 - 1.3 * slope, 4.9 + 1.3 * slope], color="black", lw=2.2)
            ax.text(middle, 7.6, "no gradient", ha="center", fontsize=8.5)
    ax.text(columns[-1] + width + 0.8, rows["positive pass"][0], "…", fontsize=14, va="center")
    ax.text(columns[-1] + width + 0.8, rows["negative pass"][0], "…", fontsize=14, va="center")

    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    return buffer.getvalue()


def draw_drift(positive: Tensor, negative: Tensor, theta: Sequence[float]) -> None:
    """Goodness by epoch: for each layer the mean and the band that holds 80 % of the images.

    `positive` and `negative` [epochs, layers, rows]; epoch 0 is the untrained net.
    """
    layers = positive.shape[1]
    _, axes = plt.subplots(1, layers, figsize=(WIDTH, 3.0), sharey=True)
    epochs = np.arange(len(positive))
    for i, ax in enumerate(axes):
        for values, color, line, name in (
            (positive, POSITIVE, "-", "positive"),
            (negative, NEGATIVE, "--", "negative"),
        ):
            of_layer = np.asarray(values[:, i])
            low, high = np.quantile(of_layer, [0.1, 0.9], axis=1)
            ax.fill_between(epochs, low, high, color=color, alpha=0.18, lw=0)
            ax.plot(epochs, of_layer.mean(1), line, color=color, label=name)
        ax.axhline(theta[i], color="black", lw=1.0, ls=":", label="threshold θ")
        ax.set(title=f"layer {i + 1}", xlabel="epoch", xlim=(0, len(epochs) - 1))
    axes[0].set_ylabel("goodness $g$")
    axes[-1].legend(loc="lower right")


def draw_histograms(positive: Tensor, negative: Tensor, theta: Sequence[float]) -> None:
    """How goodness is distributed before and after training: `positive`, `negative` [2, layers, rows]."""
    layers = positive.shape[1]
    _, axes = plt.subplots(2, layers, figsize=(WIDTH, 3.9), sharex="col")
    for i in range(layers):
        both = np.concatenate([np.asarray(positive[:, i]).ravel(), np.asarray(negative[:, i]).ravel()])
        bins = np.linspace(both.min(), both.max(), 48)
        for ax, when, p, n in zip(axes[:, i], ("before", "after"), positive[:, i], negative[:, i], strict=True):
            _two_histograms(ax, p, n, bins)
            ax.axvline(theta[i], color="black", lw=1.0, ls=":")
            ax.set_title(f"layer {i + 1}, {when} training")
        axes[1, i].set_xlabel("goodness $g$")
    axes[0, -1].legend(loc="upper center")
    axes[0, 0].annotate("θ", (theta[0], 1), xycoords=("data", "axes fraction"), xytext=(-3, -2),
                        textcoords="offset points", ha="right", va="top")  # fmt: skip


def _two_histograms(ax: Axes, positive: Tensor, negative: Tensor, bins: np.ndarray) -> None:
    for values, color, name, hatch in (
        (negative, NEGATIVE, "negative", "////"),
        (positive, POSITIVE, "positive", None),
    ):
        values = np.asarray(values)
        ax.hist(values, bins, density=True, histtype="stepfilled", fc=mpl.colors.to_rgba(color, 0.25), ec=color,
                hatch=hatch, lw=1.2, label=name)  # fmt: skip
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def draw_errors(errors: dict[str, Sequence[float]]) -> None:
    """Error curves by epoch, in percent, with chance level; epoch 0 is the untrained net."""
    _, ax = plt.subplots(figsize=(WIDTH * 0.8, 2.9))
    ax.axhline(90, color="black", lw=1.0, ls=":")
    last = 0
    for (name, values), color, line in zip(errors.items(), LAYERS, LINES, strict=False):
        ax.plot(range(len(values)), values, line, color=color, label=name)
        last = max(last, len(values) - 1)
    ax.annotate("chance", (last, 90), xytext=(0, -3), textcoords="offset points", ha="right", va="top")
    ax.set(xlabel="epoch", ylabel="validation error (%)", xlim=(0, last), ylim=(0, 103))
    ax.legend(loc="center right")


def draw_lengths(raw: tuple[Tensor, Tensor], direction: tuple[Tensor, Tensor], shares: tuple[float, float]) -> None:
    """What an untrained second layer makes of the first: its goodness on raw activities and on directions.

    Each of `raw` and `direction`: goodness [rows] of positives and of negatives; `shares`: the percentage of
    pairs in which the positive is the greater.
    """
    _, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.6))
    titles = ("handed on whole, $y$", "only the direction, $y/\\mathrm{rms}(y)$")
    for ax, (positive, negative), title, share in zip(axes, (raw, direction), titles, shares, strict=True):
        both = np.concatenate([np.asarray(positive), np.asarray(negative)])
        _two_histograms(ax, positive, negative, np.linspace(both.min(), both.max(), 45))
        ax.set(title=title, xlabel="goodness of an untrained second layer")
        note = f"positive greater\nin {share:.0f} % of pairs"
        ax.text(0.99, 0.95, note, transform=ax.transAxes, ha="right", va="top", fontsize=9)
    axes[0].legend(loc="upper left")


# -- data and protocol ------------------------------------------------------------------------------


def draw_negatives(shares: dict[str, Sequence[float]], true: int) -> None:
    """How often each label [10] becomes the negative of one image, one panel for each sampler."""
    _, axes = plt.subplots(1, len(shares), figsize=(WIDTH, 2.3), sharey=True)
    for ax, (name, share) in zip(axes, shares.items(), strict=True):
        ax.bar(range(CLASSES), np.asarray(share), color=NEGATIVE, width=0.75)
        ax.axvspan(true - 0.5, true + 0.5, color=POSITIVE, alpha=0.18, lw=0)
        ax.set(title=name.replace("_", " "), xlabel="label", xticks=range(CLASSES), ylim=(0, 1.03), xlim=(-0.6, 9.6))
        ax.tick_params(axis="x", labelsize=7.5, length=2)
    axes[0].set_ylabel("share of draws")
    axes[0].text(true, 1.0, "true", color=POSITIVE, ha="center", va="top", rotation=90, fontsize=9)


def draw_readouts(image: Tensor, goodness: Tensor, scores: Tensor, probabilities: Tensor, true: int) -> None:
    """Both readouts of one image [28, 28] in 0..1.

    `goodness` [layers, 10] under each label; `scores` [10], S(c); `probabilities` [10] of the softmax head.
    """
    fig = plt.figure(figsize=(WIDTH, 3.5))
    grid = fig.add_gridspec(2, 2, width_ratios=[1, 2.6], height_ratios=[1, 1])
    picture, head = fig.add_subplot(grid[0, 0]), fig.add_subplot(grid[1, 0])
    bars, map_ = fig.add_subplot(grid[0, 1]), fig.add_subplot(grid[1, 1])
    draw_image(picture, image)
    picture.set_title(f"true label {true}", loc="center")

    for ax, values in ((bars, scores), (head, probabilities)):
        values = np.asarray(values)
        chosen = values.argmax()
        colors = [POSITIVE if c == true else "#b8b8b8" for c in range(CLASSES)]
        drawn = ax.bar(range(CLASSES), values, color=colors, width=0.75)
        drawn[chosen].set(ec="black", lw=1.6)
        ax.set(xticks=range(CLASSES), xlim=(-0.6, 9.6))
        ax.tick_params(axis="x", length=2)
    low, high = float(scores.min()), float(scores.max())
    bars.set(title="label search: $S(c)$", ylim=(low - 0.25 * (high - low), high + 0.12 * (high - low)))
    bars.set_xticklabels([])
    head.set(title="one pass: softmax", ylim=(0, 1.05), xlabel="label $c$", yticks=[0, 1])
    head.tick_params(axis="x", labelsize=7.5)

    centred = np.asarray(goodness - goodness.mean(1, keepdim=True))
    reach = np.abs(centred).max()
    shown = map_.imshow(centred, cmap="PuOr", vmin=-reach, vmax=reach, aspect="auto")
    layers = len(centred)
    map_.set(xticks=range(CLASSES), xlabel="label $c$ written into the image", yticks=range(layers), xlim=(-0.6, 9.6))
    map_.set_yticklabels([f"layer {i}" for i in range(1, layers + 1)])
    map_.set_title("goodness of each layer, less its mean over the labels")
    sns.despine(ax=map_, left=True, bottom=True)
    map_.tick_params(length=0)
    for i, best in enumerate(centred.argmax(1)):
        map_.add_patch(Rectangle((best - 0.5, i - 0.5), 1, 1, fc="none", ec="black", lw=1.6))
    fig.colorbar(shown, ax=map_, pad=0.01, aspect=10)


def draw_sampling(rates: np.ndarray, errors: dict[int, np.ndarray], best_of: np.ndarray, optimism: np.ndarray) -> None:
    """Left: the standard error of an error rate [%] for test sets of several sizes. Right: how much too
    good the best of k equally good runs looks on average, in standard errors."""
    _, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.8))
    for (n, values), color, line in zip(errors.items(), LAYERS, LINES, strict=False):
        left.plot(rates, values, line, color=color, label=f"{n:,} images")
    left.set(xlabel="error rate (%)", ylabel="standard error (points)", xlim=(0, rates[-1]), ylim=(0, None))
    left.legend(loc="upper left")
    left.set_title("one run")
    right.plot(best_of, optimism, "o-", ms=4, color=LAYERS[1])
    right.set(xlabel="runs compared, $k$", ylabel="bias (standard errors)", title="the best of $k$ equal runs")
    right.set(xlim=(0, best_of[-1] + 1), ylim=(0, None))
