"""What chapters say of runs: choices, differences, tables; and "open" where runs are missing."""

from dataclasses import replace

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import support

from ff_utils import RunConfig, Store, studies
from ff_utils.data import excerpt
from ff_utils.reporting import catalogue, charts, comparing, diagnostics, plans, published, report, summary
from ff_utils.reporting.comparing import ONE_PASS, TEST, VALIDATION
from ff_utils.reporting.uncertainty import Estimate, mcnemar, range_of_two, seeds_needed
from ff_utils.selfsup import report as tables
from ff_utils.selfsup import words
from ff_utils.studies import collecting

LABELS = np.arange(360, dtype=np.uint8) % 10


@pytest.fixture
def study():
    """A study on the digits with three values and two seeds, compared after two epochs."""
    small = replace(studies.PROFILES["smoke"], sweep=2, seeds=(0, 1))
    return studies.search.weight_decay(small)


@pytest.fixture
def store(monkeypatch):
    """Store the run of a cell: errors at epoch 2, and as many wrong predictions from image `start` on."""
    support.skip_drawing(monkeypatch)

    def keep(config, error, start=0, epochs=2):
        wrong = LABELS.copy()
        wrong[start : start + round(3.6 * error)] += 1
        predictions = {"val_label_search_2": wrong, "val_labels": LABELS}
        last = {VALIDATION: error, TEST: error + 1, ONE_PASS: error + 2}
        dead = {f"layer{i}_dead_units": 1.0 for i in (1, 2, 3)}
        rows = [{VALIDATION: 50.0, ONE_PASS: 60.0}] * (epochs - 1) + [last | dead]
        diagnosed = {"negative_counts": np.ones((epochs, 10, 10)) - np.eye(10)}
        for i in (1, 2, 3):
            active = np.array([0.0, 1.0, 0.5, 0.5] * 25)
            diagnosed |= {
                f"active_{epochs}_layer{i}": active,
                f"activity_{epochs}_layer{i}": active * 3,
            }
        return support.store_run(config, rows, predictions, diagnosed)

    return keep


def collected(study, store, errors):
    """The study with these errors: one list over seeds for each cell, None where the run is missing."""
    for cell, values in zip(study.cells, errors, strict=True):
        for seed, error in zip(cell.seeds, values, strict=True):
            if error is not None:
                store(cell.config.vary(seed=seed), error)
    return collecting.collect(study)


def test_the_choice_is_the_best_and_what_cannot_be_told_from_it(study, store):
    found = collected(study, store, [[5.0, 5.2], [5.0, 5.6], [20.0, 20.2]])
    assert comparing.choose(found) == (0.0, [0.0])  # Standard error 0.1; the next mean is 0.2 away.
    assert comparing.picks(found) == {0: 0.0, 1: 0.0}
    assert comparing.best_nonzero(found) == 1e-4


def test_a_choice_compares_only_seeds_that_all_cells_have(study, store):
    found = collected(study, store, [[5.0, None], [4.0, 9.0], [20.0, 1.0]])
    assert comparing.choose(found)[0] == 1e-4  # By seed 0 alone, where its error is 4.
    assert list(comparing.picks(found)) == [0]
    none = collected(study, store, [[None, None], [None, None], [None, None]])
    assert len(none.table) == 5


def test_nothing_is_chosen_while_a_value_is_missing(study, store):
    found = collected(study, store, [[5.0, 5.0], [4.0, 4.0], [None, None]])
    assert comparing.choose(found) == (None, [])
    words = report.in_words(found)
    assert words["best"] == words["tied"] == words["picks"] == "open"
    assert words["base_error"].startswith("5.00 %")
    assert "open" in report.result_table(found).to_string()
    assert "--profile smoke" in plans.status(found).data


def test_what_there_is_at_paper_scale(store):
    study = studies.get("momentum", "paper")
    store(study.base.vary(momentum=0.5), 5.0, epochs=study.cells[0].epochs)
    table = report.at_paper_scale("momentum")
    assert [str(name) for name in table.index] == ["0.5", f"{len(study.cells) - 1} of {len(study.cells)} cells: open"]
    assert table["validation error (%)"].iloc[0].startswith("5.00")
    assert table["epochs"].iloc[0] == str(study.cells[0].epochs)


def test_a_change_is_paired_by_seed(study, store):
    found = collected(study, store, [[5.0, 9.0], [4.0, 8.0], [20.0, 20.0]])
    change = comparing.change(found, {"weight_decay": 0.0}, {"weight_decay": "chosen"})
    assert (change.mean, change.low, change.high, change.seeds) == (-1.0, -1.0, -1.0, 2)


def test_a_change_of_one_seed_is_paired_by_image(study, store):
    store(study.cells[0].config, 10.0, start=0)  # 36 images wrong
    store(study.cells[1].config, 5.0, start=30)  # 18 images wrong, 6 of them as before
    change = comparing.change(collecting.collect(study), {"weight_decay": 0.0}, {"weight_decay": 1e-4})
    sd = 100 * ((30 + 12 - 18**2 / 360) / 359 / 360) ** 0.5
    assert change.mean == -5.0 and change.high - change.mean == pytest.approx(1.96 * sd, rel=1e-4)
    assert change.one_seed


def test_one_seed_cannot_say_how_far_dead_units_vary(study, store):
    for cell in study.cells:
        store(cell.config, 10.0)
    change = comparing.change(collecting.collect(study), {"weight_decay": 0.0}, {"weight_decay": 1e-4}, "dead_units")
    assert change.mean == 0 and change.low == -np.inf
    assert report.points(change) == "+0.00 points (one seed, no interval)"


def test_how_heads_fare():
    config = studies.get("hard-negatives", "quick").base
    rows = [{"val_one_pass_error": 90.0 - i, "layer3_neutral_alike": 99.87 + 0.01 * i} for i in range(3)]
    table = diagnostics.heads({"base": support.store_run(config, rows), "other": None})
    assert table.loc["base", ["error, epoch 1", "error, epoch 2", "layer 3"]].tolist() == ["90.0 %", "89.0 %", "0.9989"]
    assert "error, epoch 5" not in table and table.loc["other", "layer 1"] == "open"


def test_half_life_of_a_weight():
    config = studies.PROFILES["quick"].base.vary(weight_decay=1e-3, lr=0.04, momentum=0.9)
    steps = diagnostics.decay_half_life(config, 50_000) * 196
    assert (1 - 0.4 * 1e-3) ** steps == pytest.approx(0.5, abs=1e-3)
    decoupled = config.vary(weight_decay_form="decoupled")
    assert diagnostics.decay_half_life(decoupled, 50_000) == pytest.approx(steps / 196 * 10)
    assert diagnostics.decay_half_life(config.vary(weight_decay=0.0), 50_000) == np.inf


def test_units_and_negatives_of_a_run(study, store):
    run = store(study.base, 5.0)
    table = diagnostics.unit_table({"base": run, "other": None})
    assert table.loc["base layer 1", "dead (%)"] == "25.0"
    assert table.loc["base layer 1", "on for over 95 % of the images (%)"] == "25.0"
    assert table.loc["other", "dead (%)"] == "open"
    assert diagnostics.effective_negatives(run) == pytest.approx([9.0, 9.0])
    assert "(11 %)" in diagnostics.frequent_negatives({"base": run}, 3).loc[1, "base"]


def test_cost_grows_with_the_labels_that_are_searched():
    study = studies.get("hard-negatives", "quick")
    table = diagnostics.cost_table(study, collecting.collect(study))
    cost = table["times the least"].astype(float)
    assert cost["random"] == 1 < cost["shortlist"] < cost["label_search"] < 5


def test_epochs_that_a_longer_run_went_on_from_count_once(monkeypatch):
    support.skip_drawing(monkeypatch)
    base = studies.PROFILES["smoke"].base
    for config, epochs in ((base, 5), (base, 2), (base.vary(seed=1), 3)):
        support.store_run(config, [{VALIDATION: 2.5}] * epochs)
    assert len(Store().runs()) == 3
    assert sorted(run.epochs for run in catalogue.trajectories(Store())) == [3, 5]


def test_ours_stand_beside_the_source(monkeypatch):
    support.skip_drawing(monkeypatch)
    profile = studies.PROFILES["paper"]
    row = published.TABLE_1[3]
    config = row.planned(profile).config
    rows = [{VALIDATION: 2.5}] * 119 + [{VALIDATION: 2.4, TEST: 2.5}]
    support.store_run(config, rows)
    table = summary.beside([row, published.TABLE_1[5]], profile)
    assert table.loc[str(row), "source: test"] == "2.43" and table.loc[str(row), "ours: test"].startswith("2.50\u00a0[")
    assert table["ours: test"].iloc[1] == "open"
    chosen = summary.chosen_table(profile)
    assert chosen.loc["120 epochs, no jitter", "test, chosen on validation"] == "2.50"
    assert chosen.loc["500 epochs, jitter", "chosen on validation"] == "open"


def test_paired_tests_count_images(study, store):
    found = collected(study, store, [[10.0, 10.0], [10.0, 10.0], [20.0, 20.0]])
    groups = {
        name: comparing.measured(found, {"weight_decay": value}) for name, value in (("none", 0.0), ("much", 1e-2))
    }
    table = summary.paired_tests(groups, "none", "much")
    assert table["only much wrong"].tolist() == [36, 36] and table["only none wrong"].tolist() == [0, 0]
    assert summary.paired_sd(groups["none"]) == 0
    assert "open" in summary.paired_tests({"none": {}, "much": {}}, "none", "much").to_string()


def test_resolution_of_the_published_steps():
    table = summary.resolution_table(0.1)
    assert table.loc["80 → 100 epochs", "step (points)"] == "−0.05"
    assert float(table.loc["80 → 100 epochs", "in SD by images"]) < 1
    assert int(table.loc["80 → 100 epochs", "seeds needed"]) > 20
    assert (summary.resolution_table(None)["seeds needed"] == "open").all()


def test_the_spread_over_seeds_against_that_of_the_images():
    run = support.store_run(studies.PROFILES["quick"].base, [{VALIDATION: 2.5}])

    def row(errors):
        return {seed: comparing.Measured(run, 1, VALIDATION, error) for seed, error in enumerate(errors)}

    steady, wild = row([2.0, 2.001, 2.002]), row([2.0, 8.0, 14.0])
    groups = {"steady": steady, "wild": wild, "one": row([2.0]), "none": {}}
    assert summary.seeds_against_images(groups) == "wider in 1, narrower in 1 of 2"
    assert summary.seeds_against_images({"one": row([2.0])}) == "open in all"
    table = summary.spread_table(groups)
    assert table.loc["wild", "SD over seeds"].startswith("6.00") and table.loc["one", "SD over seeds"] == ""


def test_seeds_needed_against_known_power():
    # A paired t-test on n = 34 differences finds half a standard deviation with 80 % power (tables of Cohen).
    assert seeds_needed(0.5, 1.0) == 34
    assert seeds_needed(1e-6, 1.0) is None and seeds_needed(0.5, 0.0) == 2
    assert seeds_needed(14.2, 1.0) == 2


def test_mcnemar_is_the_exact_sign_test():
    a, b = np.zeros(100, bool), np.zeros(100, bool)
    a[:8], b[8:10] = True, True
    assert mcnemar(a, b) == pytest.approx(2 * sum(45 * (k == 2) + 10 * (k == 1) + (k == 0) for k in range(3)) / 1024)
    assert mcnemar(a, a) == 1


def test_the_range_of_two_seeds_needs_seeds():
    spread = range_of_two([2.0, 2.1, 2.2])
    assert spread.mean == pytest.approx(2.77 * 0.1, abs=1e-3) and spread.low < spread.mean < spread.high
    with pytest.raises(ValueError, match="at least two"):
        range_of_two([2.0])


def test_differences_in_words():
    assert report.points(Estimate(-0.18, -0.4, 0.04, 3)) == "−0.18 points (−0.40 to +0.04)"
    assert report.points(None) == "open"


@pytest.mark.parametrize("name", [name for name in studies.STUDIES if studies.get(name).cells])
def test_tables_and_figures_without_runs_say_open(name):
    study = studies.get(name)
    none = collecting.collect(study)
    assert none.table.empty and none.missing
    assert "open" in report.result_table(none).to_string()
    assert "python -m ff_utils study" in plans.status(none).data
    for draw in (
        lambda: charts.draw_errors(none, label="x"),
        lambda: charts.draw_learning(none, VALIDATION, label="x"),
        lambda: charts.draw_effective_rate({"x": none}),
    ):
        draw()
        texts = [text.get_text() for text in plt.gca().texts]
        assert any("open" in text for text in texts)
        plt.close()
    assert plans.roles(study)["hyperparameter"].is_unique
    plans.cells(study), plans.timing(none)


@pytest.mark.parametrize("show", [lambda: report.at_paper_scale("theta"), lambda: tables.at_paper_scale("transfer")])
def test_nothing_at_paper_scale_is_one_open_row(show):
    table = show()
    count, of, total, rows, said = table.index[0].split()
    assert len(table) == 1 and (count, of, rows[-1], said) == (total, "of", ":", "open")


def test_figures_of_missing_runs_say_open():
    for draw in (
        lambda: diagnostics.draw_activity({"x": None}),
        lambda: diagnostics.draw_counts(None, (1, 2)),
        lambda: diagnostics.draw_concentration({"x": None}),
        lambda: charts.draw_curve(None, 10),
        lambda: charts.draw_seeds({"x": []}, 360),
        lambda: diagnostics.draw_goodness({}),
        lambda: charts.draw_steps(summary.steps(studies.PROFILES["paper"])),
    ):
        draw()
        assert any("open" in text.get_text() for axes in plt.gcf().axes for text in axes.texts)
        plt.close()


def test_at_full_size_no_value_is_chosen_while_some_are_open(monkeypatch):
    support.skip_drawing(monkeypatch)
    name, cells = "peer-normalization", studies.get("peer-normalization", "paper").cells
    assert report.at_paper_scale_in_words(name) == "Too few of its cells have been trained to compare them."

    def keep(cell, error):
        errors = {VALIDATION: error, TEST: error + 1}
        support.store_run(cell.config, [{VALIDATION: 50.0}] * (cell.epochs - 1) + [errors])

    keep(cells[0], 3.0)
    keep(cells[1], 4.0)
    words = report.at_paper_scale_in_words(name)
    assert "no value is chosen" in words and "0.01: 4.00 %" in words
    for cell in cells[2:]:
        keep(cell, 5.0)
    assert "the lowest validation error is at 0, the base, with 3.00 %" in report.at_paper_scale_in_words(name)


def test_choices_are_made_on_validation_whatever_the_test_says(monkeypatch):
    support.skip_drawing(monkeypatch)
    study = studies.get("weight-decay", "smoke")
    for i, cell in enumerate(study.cells):
        errors = {VALIDATION: 5.0 + 10 * i, TEST: 50.0 - 10 * i}
        for seed in cell.seeds:
            support.store_run(cell.config.vary(seed=seed), [{}] * (cell.epochs - 1) + [errors])
    found, (first, second, _) = collecting.collect(study), study.keys
    assert comparing.choose(found)[0] == first and comparing.best_nonzero(found) == second
    assert comparing.best_cell(found).settings["weight_decay"] == first


def test_the_best_run_is_the_one_of_the_lowest_validation_error(monkeypatch):
    support.skip_drawing(monkeypatch)
    for seed, (validation, test) in enumerate(((3.0, 1.0), (2.0, 4.0))):
        support.store_run(RunConfig(seed=seed), [{VALIDATION: validation, TEST: test}])
    assert catalogue.best(Store()).config.seed == 1


@pytest.mark.parametrize(
    "signs, word",
    [((-1, -1), "holds"), ((-1, 1), "holds in part"), ((-1, 0), "holds in part"), ((1, 0), "fails"),
     ((0, 0), "is not shown")],
)  # fmt: skip
def test_the_verdict_on_several_differences(signs, word):
    assert words.verdict(*(Estimate(sign, sign - 0.5, sign + 0.5, 3) for sign in signs)) == word


def test_goodness_is_drawn_in_units_of_theta(monkeypatch):
    support.skip_drawing(monkeypatch)
    kinds = (("positive", 10), ("negative", 1))
    rows = [{f"layer{i}_goodness_{kind}": e * i * s for i in (1, 2) for kind, s in kinds} for e in (1, 2)]
    diagnostics.draw_goodness({"run": support.store_run(RunConfig(hidden=(10, 20), theta=(2.0, 4.0)), rows)})
    for axes in plt.gcf().axes:
        drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
        assert drawn["positive"] == [5, 10] and drawn["negative"] == [0.5, 1]
    plt.close("all")


def test_the_mistakes_that_a_page_pictures_come_with_the_book(monkeypatch):
    for name in ("FF_DATA", "FF_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    records = collecting.collect(studies.get("full-length", "paper"))
    best = comparing.best_cell(records)
    run, epoch = records.run_of(**best.settings), best.epochs
    shown = diagnostics.mistakes(run, epoch)
    kept = excerpt("mnist", "test", shown).labels.numpy()
    assert len(shown) and (kept == run.predictions["test_labels"][shown]).all()
    diagnostics.draw_mistakes(run, epoch)
    assert len([axes for axes in plt.gcf().axes if axes.images]) == len(shown)


def test_the_answer_of_an_exercise_compares_its_cell_with_another_at_their_end(store):
    assert report.answer("warm-up 3", "warm-up 1") == "open"
    cells = {cell.settings["exercise"]: cell for cell in studies.get("exercises", "quick").cells}
    for seed in (0, 1):
        for name, error in (("warm-up 1", 7.0 + seed), ("warm-up 3", 5.0 + seed)):
            store(cells[name].config.vary(seed=seed), error, epochs=5)
    assert report.answer("warm-up 3", "warm-up 1").startswith("−2.00 points (−2.00")
