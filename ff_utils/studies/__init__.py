"""Each chapter's intervention, declared: a base, the settings that vary, the seeds, the length.

    study = get("theta", profile="quick")

A *profile* is the scale at which a study runs: `smoke` (scikit-learn's digits, tiny nets, seconds),
`quick` (MNIST, small nets, minutes) and `paper` (the published size). `collecting` brings the runs of a
study together, `cluster` trains them on many machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..errors import UserError
from . import exercises, gap, hinton, search, selfsup, speed
from .plan import PROFILES, Cell, Planned, Profile, Study

__all__ = ["PROFILES", "STUDIES", "Cell", "Planned", "Profile", "Study", "get", "profile_named", "schedule"]

#: All studies, in the order in which `study all` trains them, what decides most first.
#:
#: :meta hide-value:
STUDIES: dict[str, Callable[[Profile], Study]] = {
    "first-light": search.first_light,
    "pilot": search.pilot,
    "hard-momentum": search.hard_momentum,
    "epochs": search.epochs,
    "peer-normalization": search.peer_normalization,
    "jitter": search.jitter,
    "hard-negatives": search.hard_negatives,
    "theta": search.theta,
    "learning-rate": search.learning_rate,
    "weight-decay": search.weight_decay,
    "momentum": search.momentum,
    "number-format": search.number_format,
    "noise": search.noise,
    "shortlist": speed.shortlist,
    "speed-run": speed.speed_run,
    "ladder": gap.ladder,
    "hinton": hinton.hinton,
    "hinton-small": hinton.hinton_small,
    "additions": hinton.additions,
    "equal-time": hinton.equal_time,
    "full-length": hinton.full_length,
    "hinton-negatives": hinton.hinton_negatives,
    "gap-shifts": gap.gap_shifts,
    "gap-negatives": gap.gap_negatives,
    "gap-loss": gap.gap_loss,
    "pretext": selfsup.pretext,
    "references": selfsup.references,
    "mending": selfsup.mending,
    "ablation": selfsup.ablation,
    "backprop": selfsup.backprop,
    "unsupervised": selfsup.unsupervised,
    "sensitivity": selfsup.sensitivity,
    "pretext-svhn": selfsup.svhn,
    "exercises": exercises.exercises,
}


def profile_named(name: str) -> Profile:
    """The profile of this name. Raises `UserError` for one it does not know."""
    if name not in PROFILES:
        raise UserError(f"profile: no profile {name!r}; the profiles are {', '.join(PROFILES)}")
    return PROFILES[name]


def get(name: str, profile: str = "paper") -> Study:
    """The study `name` at the scale of `profile`. Raises `UserError` for a name it does not know."""
    if name not in STUDIES:
        raise UserError(f"no study {name!r}; the studies are {', '.join(STUDIES)}")
    return STUDIES[name](profile_named(profile))


def schedule(names: Iterable[str], profile: str = "paper") -> list[Planned]:
    """All runs of these studies, in the order in which they are worth the time.

    The first seed of every study, then their other seeds, then the greater lengths. A run that an earlier and
    longer one contains is left out.
    """
    studies = [get(name, profile) for name in names]
    rounds = [
        *(
            planned
            for first in (True, False)
            for study in studies
            for cell, planned in study.runs()
            if (planned.config.seed == cell.seeds[0]) == first
        ),
        *(planned for study in studies for _, planned in study.extended().runs()),
    ]
    reached: dict[tuple, int] = {}
    chosen = []
    for planned in rounds:
        run = planned.config, planned.dtype
        if reached.get(run, 0) < planned.epochs:
            reached[run] = planned.epochs
            chosen.append(planned)
    return chosen
