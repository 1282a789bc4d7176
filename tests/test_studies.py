"""The studies serve the claims, and are trained in the order that decides most first."""

import pytest
import support

from ff_utils import UserError, studies
from ff_utils.record import MILESTONES, searched
from ff_utils.reporting import scorecard
from ff_utils.reporting.published import STEPS, TABLE_1, TABLE_2
from ff_utils.reporting.summary import SEARCH
from ff_utils.studies import collecting

SEARCH_LOG = (*SEARCH, "noise", "number-format")
VALIDATION, TEST = "val_label_search_error", "test_label_search_error"


@pytest.mark.parametrize("profile", studies.PROFILES)
@pytest.mark.parametrize("name", SEARCH_LOG)
def test_cells_are_apart_and_one_is_the_base(name, profile):
    study = studies.get(name, profile)
    conditions = [(cell.config, cell.epochs, cell.dtype) for cell in study.cells]
    assert len(set(conditions)) == len(conditions) == len(study.keys)
    assert study.base_key is not None


NOT_BUILT = {"B-recurrent", "B-unsupervised-local"}
CLAIMS = [claim for claim in scorecard.load_claims() if claim.id not in NOT_BUILT]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_claims_name_cells_that_are_there(claim):
    measure = claim.measure
    study = studies.get(measure["study"])
    cells = [measure.get("cell", {}), {**measure.get("cell", {}), **measure.get("from", {})}]
    cells.append({**measure.get("cell", {}), **measure.get("to", {})})
    for wanted in cells:
        epoch = wanted.pop("epoch", measure.get("epoch")) or study.cells[0].epochs
        wanted = {name: value for name, value in wanted.items() if value != "chosen" and name != "metric"}
        fitting = [c for c in study.cells if all(c.settings.get(name) == value for name, value in wanted.items())]
        assert any(c.epochs >= epoch for c in fitting), (wanted, epoch)


def test_the_first_seed_of_everything_comes_first_and_longer_runs_last():
    planned = studies.schedule(studies.STUDIES, "paper")
    first = planned.index(next(p for p in planned if p.config.seed == 1))
    assert {p.config for p in planned[:first]} == {p.config for p in planned if p.config.seed == 0}
    hard = studies.PROFILES["paper"].hard
    assert planned.index((hard, 120, None)) < planned.index((hard.vary(jitter=2), 500, None))
    sweep = studies.get("momentum").cells[0]
    assert planned.index((sweep.config, 20, None)) < planned.index((sweep.config, 60, None))


def test_a_run_contained_in_a_longer_one_is_not_trained_again():
    planned = studies.schedule(["epochs", "hard-negatives"], "paper")
    hard = studies.PROFILES["paper"].hard
    assert [p.epochs for p in planned if p.config == hard] == [120]


@pytest.mark.parametrize("profile", studies.PROFILES)
def test_a_run_contained_in_a_longer_one_has_its_validation_error_there(profile):
    """Else a study whose own run is left out would stay open for good."""
    every = [planned for name in SEARCH_LOG for _, planned in studies.get(name, profile).runs()]
    longest = {(p.config, p.dtype): max(q.epochs for q in every if q.config == p.config) for p in every}
    contained = [p.epochs for p in every if p.epochs < longest[p.config, p.dtype]]
    assert contained and all(epochs in MILESTONES or searched(epochs) for epochs in contained)


@pytest.mark.parametrize("row", dict.fromkeys([*TABLE_1, *TABLE_2, *STEPS.values()]), ids=str)
def test_every_row_of_the_source_is_a_run_of_a_study(row):
    wanted = row.planned(studies.PROFILES["paper"])
    planned = studies.schedule(studies.STUDIES, "paper")
    assert any(p.config == wanted.config and p.epochs >= wanted.epochs for p in planned)


def test_an_unknown_study_is_refused_by_name():
    with pytest.raises(UserError, match="no study 'thet'"):
        studies.get("thet")


@pytest.fixture
def store(monkeypatch):
    """Store a run with `epochs` rows, its test error in those of `tested`."""
    support.skip_drawing(monkeypatch)

    def keep(config, epochs, tested=(), dtype="float32"):
        rows = [{VALIDATION: 10.0 - e / 10, TEST: 11.0 if e in tested else None} for e in range(1, epochs + 1)]
        return support.store_run(config, rows, dtype=dtype)

    return keep


def test_a_cell_takes_the_run_that_has_its_test_error(store):
    study = studies.get("momentum")
    config = study.cells[0].config
    store(config, 60, tested=[60])
    short = store(config, 20, tested=[20])
    collected = collecting.collect(study)
    assert collected.run_of(momentum=0.0).id == short.id
    assert collecting.collect(study.extended()).run_of(momentum=0.0).epochs == 60


def test_what_a_cell_leaves_open_is_the_base(store):
    study = studies.get("hard-negatives")
    for cell in study.cells:
        store(cell.config, 60, tested=[60])
    collected = collecting.collect(study)
    assert collected.run_of(negatives="label_search").config == study.base
    assert collected.run_of(negatives="label_search", theta=116, lr=0.04).config.theta == 116
    assert collected.run_of(negatives="no such") is None
    assert len(collected.missing) == 2 * len(study.cells)


def test_a_longer_cell_contains_a_shorter_one_of_the_same_run(store):
    study = studies.get("jitter")
    long = store(study.base.vary(jitter=2), 500, tested=[200, 500])
    collected = collecting.collect(study)
    assert collected.run_of(jitter=2).id == long.id
    assert collected.values(TEST)["series"].tolist() == [cell.settings["series"] for cell in study.cells[1:]]


def test_a_number_format_is_part_of_what_is_asked_for(store):
    study = studies.get("number-format")
    store(study.base, 20, tested=[20], dtype="float32")
    collected = collecting.collect(study)
    assert collected.table["number format"].tolist() == ["float32"]
    assert {p.dtype for p in collected.missing if p.config.seed == 0} == {"bfloat16"}


def test_dead_units_are_a_share_of_all_hidden_units(monkeypatch):
    support.skip_drawing(monkeypatch)
    config = studies.PROFILES["smoke"].base
    run = support.store_run(config, [{f"layer{i}_dead_units": 10.0 * i for i in (1, 2, 3)}, {}])
    assert collecting.value(run, 1, "dead_units") == pytest.approx(100 * 60 / 300)
    assert collecting.value(run, 2, "dead_units") is None
    assert collecting.value(run, 3, "dead_units") is None
