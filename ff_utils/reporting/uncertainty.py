"""How far to trust an error rate: intervals over seeds, sampling of images, paired comparisons.

All errors are in percent; all standard deviations and intervals in percentage points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy import stats

from .formats import in_figures

NORMAL_95 = NormalDist().inv_cdf(0.975)  # Half of a 95 % interval, in standard deviations.


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval.

    With one seed the interval is that of the sampled images alone (`one_seed`), and without bounds for what is not
    an error of images; with several it is Student's t over the seeds, and does not contain the sampling of the images.
    """

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def one_seed(self) -> bool:
        return self.seeds == 1

    @property
    def sign(self) -> int:
        """−1 or 1 where the interval lies on one side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    @property
    def bounded(self) -> bool:
        return bool(np.isfinite(self.high - self.low))

    @property
    def standard_error(self) -> float:
        quantile = NORMAL_95 if self.one_seed else stats.t.ppf(0.975, self.seeds - 1)
        return (self.high - self.low) / 2 / quantile

    @property
    def p_value(self) -> float:
        """The two-sided p-value of "the mean is 0", from the distribution that the interval comes from."""
        if self.mean == 0:
            return 1.0
        with np.errstate(divide="ignore"):
            ratio = abs(np.float64(self.mean) / self.standard_error)
        return float(2 * (stats.norm.sf(ratio) if self.one_seed else stats.t.sf(ratio, self.seeds - 1)))

    def __str__(self) -> str:
        return self.text()

    def text(self, digits: int = 2, signed: bool = False) -> str:
        """Mean and interval, without a break between them, for the narrow columns of tables."""
        mean, low, high = (in_figures(end, digits, signed) for end in (self.mean, self.low, self.high))
        return mean + (f"\u00a0[{low},\u00a0{high}]" if self.bounded else "")

    def of_an_error(self) -> Estimate:
        """The same with its interval cut off at 0 and 100 %, which an error can't leave."""
        return Estimate(self.mean, max(0.0, self.low), min(100.0, self.high), self.seeds)


def binomial_sd(error: float, images: int) -> float:
    """The standard deviation of an error rate of `error` percent measured on `images` images."""
    share = error / 100
    return 100 * float(np.sqrt(share * (1 - share) / images))


def over_seeds(errors: Sequence[float], images: int | None) -> Estimate:
    """The mean of one error per seed and its interval. Raises `ValueError` without any.

    `images`: how many it is an error of; None for what is no error of images.
    """
    values = np.asarray(errors, float)
    if values.size == 0:
        raise ValueError("no values to average")
    mean = float(values.mean())
    if values.size == 1:
        half = NORMAL_95 * binomial_sd(mean, images) if images else np.inf
    else:
        half = float(stats.t.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))
    return Estimate(mean, mean - half, mean + half, int(values.size))


def seed_sd(errors: Sequence[float]) -> Estimate:
    """The standard deviation of a single run's error over seeds, with its 95 % interval (χ²).

    Raises `ValueError` with fewer than two seeds.
    """
    if len(errors) < 2:
        raise ValueError("a spread over seeds needs at least two of them")
    freedom, sd = len(errors) - 1, float(np.std(errors, ddof=1))
    low, high = (sd * float(np.sqrt(freedom / stats.chi2.ppf(q, freedom))) for q in (0.975, 0.025))
    return Estimate(sd, low, high, len(errors))


def range_of_two(errors: Sequence[float]) -> Estimate:
    """How far two runs that differ in their seed alone may lie apart: 2.77 standard deviations, at 95 %."""
    sd, factor = seed_sd(errors), NORMAL_95 * 2**0.5
    return Estimate(factor * sd.mean, factor * sd.low, factor * sd.high, sd.seeds)


def seeds_needed(difference: float, sd: float, power: float = 0.8) -> int | None:
    """How many seeds each of two settings needs to show `difference`, if paired differences scatter with `sd`.

    The smallest n at which a two-sided paired t-test at 5 % finds it with probability `power`; None above 1,000.
    """
    if sd == 0:
        return 2
    for n in range(2, 1001):
        shift = abs(difference) / sd * n**0.5
        bar = stats.t.ppf(0.975, n - 1)
        # A difference found with the wrong sign is far less likely than any power worth having.
        if stats.nct.sf(bar, n - 1, shift) >= power:
            return n
    return None


def mcnemar(wrong_a: np.ndarray, wrong_b: np.ndarray) -> float:
    """The p-value of "equally many errors" on the same images: exact, from the images only one gets wrong."""
    only_a, only_b = int((wrong_a & ~wrong_b).sum()), int((wrong_b & ~wrong_a).sum())
    return float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def paired_difference(wrong_a: np.ndarray, wrong_b: np.ndarray) -> tuple[float, float]:
    """Error of b minus error of a on the same images, and the standard deviation of it, by the sampling of the images.

    `wrong_a`, `wrong_b` [images]: whether each is wrong, or over several seeds the share of them that is.
    """
    changes = 100 * (wrong_b.astype(float) - wrong_a)
    return float(changes.mean()), float(changes.std(ddof=1) / np.sqrt(len(changes)))
