"""How soon: the least time to an error rate, and what a cheaper search for negatives costs in error."""

from __future__ import annotations

from ..config import RunConfig
from ..recipes import recipe
from .plan import Cell, Profile, Study


def _speed_base(profile: Profile) -> RunConfig:
    """Source B's recipe at half the width, made quicker: twice the rate, averaged weights."""
    return recipe("hinton", dataset=profile.base.dataset, hidden=(profile.width // 2,) * 3,
                  theta=profile.width / 2, lr=0.002, weight_averaging=0.999)  # fmt: skip


def speed_run(profile: Profile) -> Study:
    """The least time to an error rate: one schedule for each aim, chosen on validation."""
    base = _speed_base(profile).vary(jitter=1)
    # From which epoch to which the rate falls, and how long the average of the weights reaches back.
    schedules = {"2.5 %": (2, 6, 0.998), "1.5 %": (6, 18, 0.999), "1.36 %": (10, 26, 0.999)}
    cells = [
        Cell({"aim": aim}, base.vary(decay_from=start, decay_to=end, weight_averaging=averaging),
             profile.pick(smoke=2, quick=2, paper=end), profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2)))
        for aim, (start, end, averaging) in schedules.items()
    ]  # fmt: skip
    return Study("speed-run", "How soon is an error rate reached?", "aim", profile, tuple(cells), base)


def shortlist(profile: Profile) -> Study:
    """Exact label search against a search among the two labels that the head thinks most likely."""
    base = _speed_base(profile).vary(decay_from=5, decay_to=10, shortlist=2)
    cells = [
        Cell({"negatives": name}, base.vary(negatives=name), profile.pick(smoke=2, quick=2, paper=10),
             profile.pick(smoke=(0,), quick=(0,), paper=(0, 1, 2)))
        for name in ("label_search", "shortlist")
    ]  # fmt: skip
    return Study("shortlist", "Does a search among two labels do as well as among nine?", "negatives", profile,
                 tuple(cells), base)  # fmt: skip
