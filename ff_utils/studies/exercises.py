"""What the exercises of the search log try out, so that their solutions can say what comes of it."""

from __future__ import annotations

from .plan import Cell, Profile, Study


def exercises(profile: Profile) -> Study:
    """Single changes to the small nets: to the base of the sweeps, and to that with hard negatives.

    Their chapters show them at every scale, so only the quick profile has them.
    """
    question, base, hard = "What comes of what the exercises try?", profile.base, profile.hard
    if profile.name != "quick":
        return Study("exercises", question, "exercise", profile, (), base)
    short, early, late = (profile.sweep, profile.milestones[60], profile.milestones[100])
    lr = base.per_layer("lr")[0]
    changes = {
        "base": (base, short),
        "first layer read": (base.vary(goodness_from=1), short),
        "θ falling": (base.vary(theta=(32.0, 16.0, 8.0, 4.0)), short),
        "θ rising": (base.vary(theta=(4.0, 8.0, 16.0, 32.0)), short),
        "deeper rates tenfold": (base.vary(lr=(lr, 10 * lr, 10 * lr, 10 * lr)), short),
        "coupled decay 0.001": (base.vary(weight_decay=0.001), short),
        "decoupled decay 0.01": (base.vary(weight_decay=0.01, weight_decay_form="decoupled"), short),
        "no momentum, ten times the rate": (base.vary(momentum=0.0, lr=10 * lr), short),
        "λ 0.1": (base.vary(peer_normalization=0.1), short),
        "λ 0.1, start 0": (base.vary(peer_normalization=0.1, peer_start=0.0), short),
        "warm-up 1": (hard, early),
        "warm-up 0": (hard.vary(warmup=0), early),
        "warm-up 3": (hard.vary(warmup=3), early),
        "hard": (hard, late),
        "falling rate": (hard.vary(decay_from=late // 2, decay_to=late), late),
        "jitter 2": (hard.vary(jitter=2), late),
        "jitter 4": (hard.vary(jitter=4), late),
    }
    cells = [Cell({"exercise": name}, config, epochs, profile.seeds) for name, (config, epochs) in changes.items()]
    return Study("exercises", question, "exercise", profile, tuple(cells), base)
