"""The numbers of source A (Shirahama, Nakaya, Watanabe 2026), as its tables 1 and 2 and its section 6.3 give them.

Errors in percent by label search. Both tables rank runs by their test error at the last epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..config import RunConfig
from ..studies import Planned, Profile


@dataclass(frozen=True)
class Row:
    """One run of the source: its setting, and its validation and test errors (None: not given)."""

    epochs: int
    jitter: int
    theta: float
    lr: float
    validation: float | None
    test: float | None
    hard: bool = True
    peer_normalization: float = 0.0

    def __str__(self) -> str:
        jitter = f"jitter ±{self.jitter}" if self.jitter else "no jitter"
        return f"{self.epochs} epochs, {jitter}, θ {self.theta:g}, lr {self.lr:g}"

    def planned(self, profile: Profile, seed: int = 0) -> Planned:
        """The run of ours that corresponds to it at the scale of `profile`."""
        base: RunConfig = profile.hard if self.hard else profile.base
        changes = {"jitter": self.jitter, "seed": seed}
        if self.peer_normalization:
            changes["peer_normalization"] = self.peer_normalization
        if (self.theta, self.lr) != (112, 0.04):  # Else the profile's own base, which may differ from the source's.
            changes |= {"theta": profile.theta(self.theta), "lr": self.lr}
        return Planned(base.vary(**changes), profile.milestones[self.epochs])


# The best run of each series, and the ten best runs.
TABLE_1 = (
    Row(60, 0, 116, 0.04, 2.84, 2.55),
    Row(80, 0, 112, 0.04, 2.63, 2.58),
    Row(100, 0, 112, 0.04, 2.52, 2.53),
    Row(120, 0, 112, 0.04, 2.40, 2.43),
    Row(200, 2, 112, 0.04, 2.05, 2.35),
    Row(500, 2, 112, 0.04, 1.77, 2.12),
)
TABLE_2 = (
    Row(500, 2, 112, 0.04, 1.77, 2.12),
    Row(200, 2, 112, 0.04, 2.05, 2.35),
    Row(120, 0, 112, 0.04, 2.40, 2.43),
    Row(120, 0, 112, 0.04, 2.53, 2.45),
    Row(500, 2, 112, 0.04, 2.42, 2.52),
    Row(100, 0, 112, 0.04, 2.52, 2.53),
    Row(60, 0, 116, 0.04, 2.84, 2.55),
    Row(60, 0, 112, 0.05, 2.91, 2.57),
    Row(60, 0, 112, 0.035, 2.87, 2.58),
    Row(80, 0, 112, 0.04, 2.63, 2.58),
)
# The steps of the search that its figure 2 compares, without giving their settings or numbers: the first two from the
# text, at the setting of its best runs, and then the matching rows of table 1.
STEPS = {
    "baseline": Row(60, 0, 112, 0.04, None, 3.19, hard=False),
    "peer normalisation": Row(60, 0, 112, 0.04, None, 3.01, hard=False, peer_normalization=0.03),
    "hard negatives": TABLE_1[0],
    "long training": TABLE_1[3],
    "jitter": TABLE_1[5],
}


@dataclass(frozen=True)
class System:
    """What a public implementation of Forward-Forward reports on MNIST: its test error in percent, as words."""

    name: str
    net: str
    epochs: str
    error: str


FIELD = (
    System("Hinton (2022)", "4 × 2000", "60", "1.36"),
    System("Hinton (2022), jitter ±2", "4 × 2000", "500", "0.64"),
    System("Hinton's code, run by others", "3 × 1000", "not known", "1.44, 1.47, 1.65"),
    System("loeweX/Forward-Forward", "3 × 1000", "100", "1.45"),
    System("jesper-olsen/ff-py", "3 × 1000", "125", "1.30, 1.33"),
    System("jesper-olsen/forward-forward-rs, jitter ±1, dropout", "3 × 1000", "200", "0.71"),
    System("the same, trained on all 60,000 images", "3 × 1000", "200", "0.69"),
    System("Shirahama et al. (2026)", "4 × 2000", "120", "2.43"),
    System("Shirahama et al. (2026), jitter ±2", "4 × 2000", "500", "2.12"),
    System("cybertronai/hinton-problems", "2 × 500", "30", "3.60"),
    System("mpezeshki/pytorch_forward_forward", "2 × 500", "1000 a layer", "6.84"),
)
