"""The cost of the book: every run counted once, and divided among workers as they are."""

import pytest
import support

from ff_utils import Store, studies
from ff_utils.reporting import budget
from ff_utils.studies import Planned


def test_every_run_is_counted_once_and_as_far_as_it_goes():
    """From the cells themselves: what any study trains of a configuration, in one format, is part of the longest."""
    expected = {}
    for name in studies.STUDIES:
        for cell in studies.get(name, "paper").cells:
            for seed in cell.seeds:
                run = cell.config.vary(seed=seed), cell.dtype
                expected[run] = max(cell.then or cell.epochs, expected.get(run, 0))
    found = budget.longest(list(studies.STUDIES))
    assert len(found) == len(expected)
    assert {(run.config, run.dtype): run.epochs for run in found} == expected


def test_runs_are_not_divided_among_workers():
    assert budget.makespan([4, 3, 2, 1], 1) == 10
    assert budget.makespan([3, 1, 4, 2], 2) == 5
    assert budget.makespan([4, 3, 2, 1], 9) == 4


def test_the_studies_add_up_to_the_book():
    table = budget.by_study(budget.Speed(1e12, 1, "a machine"), workers=4)
    assert table["runs"].iloc[:-1].sum() == table["runs"]["all"]
    assert table["epochs"].iloc[:-1].sum() == table["epochs"]["all"]


def test_the_speed_is_that_of_stored_runs_of_full_size(monkeypatch):
    support.skip_drawing(monkeypatch)
    expected = budget.stored_speed(Store())
    assert expected.runs == 0 and 1e9 < expected.per_second < 1e15
    base = studies.PROFILES["paper"].base
    machine = {"started": "2026-01-02T03:04:05", "device": "a machine", "threads": 2, "dtype": "float32"}
    for seed, seconds in enumerate((10.0, 20.0, 40.0)):
        Store().save(base.vary(seed=seed), [{"epoch": 1, "seconds": seconds}], {}, {}, machine)
    small = base.vary(hidden=(10, 10))
    Store().save(small, [{"epoch": 1, "seconds": 0.5}], {}, {}, machine)
    Store().save(small.vary(seed=1), [{"epoch": 1, "seconds": 0.1}], {}, {}, machine | {"threads": 1})
    search = base.vary(negatives="label_search")
    Store().save(search, [{"epoch": 1, "seconds": 15.0}], {}, {}, machine)
    Store().save(search.vary(seed=1), [{"epoch": 1, "seconds": 15.0}], {}, {}, machine | {"threads": 1})
    speed = budget.stored_speed(Store())
    assert speed.runs == 4
    of_random = budget.operations(Planned(base, 1))
    assert speed.per_second == pytest.approx((of_random / 10.0 + of_random / 20.0) / 2)
    unmeasured = base.vary(hidden=(20, 20))
    times = speed.seconds([Planned(base, 1), Planned(search, 2), Planned(small, 4), Planned(unmeasured, 1)])
    assert times == pytest.approx([20.0, 30.0, 2.0, budget.operations(Planned(unmeasured, 1)) / speed.per_second])
