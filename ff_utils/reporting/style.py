"""The one figure style of the book: widths, colours, axes, and what a figure without runs says.

Colours are seaborn's "colorblind" palette; where positives and negatives meet, they also differ in position, marker or
hatching.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator
from torch import Tensor

WIDTH = 7.2  # Inches: the width of a page's text.
_palette = sns.color_palette("colorblind").as_hex()
POSITIVE, NEGATIVE, MARK, GREY = _palette[0], _palette[3], _palette[1], "#6b6b6b"
LAYERS = [_palette[i] for i in (2, 4, 5, 7)]  # None of the colours of positives and negatives.
LINES = ["-", "--", "-.", ":"]
PIXELS = sns.color_palette("mako", as_cmap=True)  # Lightness alone orders it, in print as well.


def apply() -> None:
    """Set the style of the book's figures and tables. Called once at the head of a chapter."""
    pd.set_option("display.max_colwidth", None)  # No text of a table is cut short,
    pd.set_option("display.max_rows", None)  # and no row left out.
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    mpl.rcParams.update(
        {
            "figure.dpi": 144,
            "figure.figsize": (WIDTH, 3.0),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.family": "DejaVu Sans",
            "font.size": 9.5,
            "axes.labelsize": 9.5,
            "axes.titlesize": 9.5,
            "axes.titlelocation": "left",
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "xtick.major.width": 0.8,
            "ytick.major.width": 0.8,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "svg.hashsalt": "figures",  # The same drawing gives the same file.
        }
    )


def draw_image(ax: Axes, image: Tensor) -> None:
    """Draw `image` [height, width], values in 0..1."""
    ax.imshow(np.asarray(image), cmap=PIXELS, vmin=0, vmax=1, interpolation="none")
    ax.set(xticks=[], yticks=[])
    sns.despine(ax=ax, left=True, bottom=True)


def say_open(axes: Axes, lacking: str = "open: no run of this figure is in the results") -> None:
    """Say on an empty figure what it lacks: its runs."""
    axes.text(0.5, 0.5, lacking, ha="center", transform=axes.transAxes)
    axes.set_axis_off()


def epoch_ticks(axis: Axis) -> None:
    """Round epochs."""
    axis.set_major_locator(MaxNLocator(nbins=7, integer=True, steps=[1, 2, 5, 10]))


def error_ticks(axis: Axis) -> None:
    """Round numbers on a logarithmic axis of errors, no closer than can be read."""
    low, high = axis.get_view_interval()
    ticks: list[float] = []
    for tick in (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30, 50, 90):
        if low <= tick <= high and (not ticks or np.log(tick / ticks[-1]) > 0.08 * np.log(high / low)):
            ticks.append(tick)
    axis.set_ticks(ticks)
    axis.set_major_formatter("{x:g}")
    axis.set_ticks([], minor=True)
