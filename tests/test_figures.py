"""The figures: what is drawn is what was measured."""

from dataclasses import replace

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import support
import yaml

from ff_utils import studies
from ff_utils.reporting import budget, charts, diagnostics, scorecard, speed, timed
from ff_utils.reporting.comparing import ONE_PASS, TEST, VALIDATION
from ff_utils.reporting.uncertainty import over_seeds
from ff_utils.selfsup import figures
from ff_utils.studies import collecting


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    support.skip_drawing(monkeypatch)
    yield
    plt.close("all")


@pytest.fixture
def collected():
    """The learning rate on the digits: of both seeds and of each rate the validation error after 1 and 2 epochs."""
    small = replace(studies.PROFILES["smoke"], sweep=2, seeds=(0, 1))
    study = studies.search.learning_rate(small)
    for i, cell in enumerate(study.cells):
        for seed in cell.seeds:
            rows = [{VALIDATION: 50.0 + i, ONE_PASS: 70.0 + i}, {VALIDATION: 10.0 + i + seed, ONE_PASS: 20.0 + i}]
            support.store_run(cell.config.vary(seed=seed), rows)
    return collecting.collect(study)


def lines(axes):
    """What its lines show by their labels: {label: (x, y)}."""
    return {line.get_label(): tuple(np.asarray(part, float) for part in line.get_data()) for line in axes.lines}


def test_errors_against_the_factor(collected):
    charts.draw_errors(collected, label="learning rate")
    axes, rates = plt.gca(), np.array(collected.study.keys)
    means = {bars.get_label(): bars.lines[0].get_data() for bars in axes.containers}
    for name, base in (("label search", 10.5), ("one-pass", 20.0)):
        at, drawn = means[name]
        assert list(at) == list(rates) and list(drawn) == [base + i for i in range(len(rates))]
    bars = axes.containers[0].lines[2][0].get_segments()
    assert all(
        bar[1, 1] - bar[0, 1] == pytest.approx(2 * 0.5) for bar in bars
    )  # Of 10 and 11 the standard error is 0.5.
    seeds = axes.collections[1].get_offsets()
    assert sorted(map(tuple, seeds)) == sorted((r, 10.0 + i + s) for i, r in enumerate(rates) for s in (0, 1))


def test_learning_curves(collected):
    charts.draw_learning(collected, VALIDATION, label="learning rate")
    drawn = [line.get_data() for line in plt.gca().lines if len(line.get_xdata()) == 2]
    assert len(drawn) == len(collected.study.keys)
    for i, (epochs, errors) in enumerate(drawn):
        assert list(epochs) == [1, 2] and list(errors) == [50.0 + i, 10.5 + i]


def test_changes_against_a_reference(collected):
    first, *others = collected.study.keys
    charts.draw_changes(collected, first)
    drawn = [bars.lines[0].get_data() for bars in plt.gca().containers]
    assert [(float(x[0]), int(y[0])) for x, y in drawn] == [(i + 1.0, i) for i in range(len(others))]


def test_a_curve_beside_the_source():
    rows = [{VALIDATION: 9.0 - epoch, ONE_PASS: 19.0 - epoch} for epoch in range(4)]
    rows[3][TEST] = 6.5
    run = support.store_run(studies.PROFILES["smoke"].base, rows)
    charts.draw_curve(run, 4, published={3: (None, 5.0), 4: (5.5, 4.5)})
    for axes in plt.gcf().axes:
        drawn = lines(axes)
        np.testing.assert_equal(drawn["validation, label search"], ([1, 2, 3, 4], [9, 8, 7, 6]))
        np.testing.assert_equal(drawn["test, label search"], ([4], [6.5]))
        np.testing.assert_equal(drawn["validation, the source's"], ([4], [5.5]))
        np.testing.assert_equal(drawn["test, the source's"], ([3, 4], [5.0, 4.5]))
        (low, high), (left, right) = axes.get_ylim(), axes.get_xlim()
        assert low < 4.5 and high > 7 and left <= 3 and right >= 4


def test_steps_of_the_search():
    table = pd.DataFrame({"val": [np.nan, 2.8], "test": [3.2, 2.6], "our val": [3.1, np.nan], "our test": [3.3, 2.5]})
    charts.draw_steps(table)
    for axes, part in zip(plt.gcf().axes, ("val", "test"), strict=True):
        widths = [bar.get_width() for bar in axes.patches]
        np.testing.assert_equal(widths, [*table[part], *table[f"our {part}"]])
        assert [bar.get_fill() for bar in axes.patches] == [False, False, True, True]
        texts = [text.get_text().strip() for text in axes.texts]
        assert texts == (["", "3.10", "2.80", "open"] if part == "val" else ["3.20", "3.30", "2.60", "2.50"])


def test_seeds_with_both_kinds_of_interval():
    errors = [2.0, 2.2, 2.7]
    charts.draw_seeds({"three": errors, "none": []}, 10_000)
    axes = plt.gca()
    sampling, seeds = (bars.lines[2][0].get_segments()[0] for bars in axes.containers)
    estimate = over_seeds(errors, 10_000)
    assert seeds[:, 0] == pytest.approx([estimate.low, estimate.high])
    assert np.ptp(sampling[:, 0]) == pytest.approx(2 * 1.96 * 100 * (0.023 * 0.977 / 10_000) ** 0.5, rel=1e-4)
    assert list(lines(axes)["seeds"][0]) == errors


def test_which_labels_become_negatives():
    counts = np.ones((2, 10, 10)) - np.eye(10)
    counts[1, 3] = [0, 0, 0, 0, 0, 27, 0, 0, 0, 9]
    config = studies.PROFILES["smoke"].base
    run = support.store_run(config, [{VALIDATION: 1.0}] * 2, diagnostics={"negative_counts": counts})
    diagnostics.draw_counts(run, (1, 2))
    first, second, _ = plt.gcf().axes
    shares = [axes.images[0].get_array() for axes in (first, second)]
    assert shares[0][3, 3] == 0 and shares[0][3, 4] == pytest.approx(100 / 9)
    assert shares[1][3, 5] == 75 and shares[1][3, 9] == 25


def test_the_engine_against_its_limit(monkeypatch, tmp_path):
    """Fractions are limit by engine, at a width and at a batch size."""
    monkeypatch.setenv("FF_RESULTS", str(tmp_path))
    folder = tmp_path / "speed/some-processor"
    folder.mkdir(parents=True)
    (folder / "machine.yaml").write_text(yaml.safe_dump({"processor": "Some"}))
    rows = [(n, w, b, 10.0 * w, 5.0 * w + b) for n in ("random", "label_search") for w, b in ((250, 256), (2000, 64))]
    table = pd.DataFrame(rows, columns=["negatives", "width", "batch", "engine", "limit"])
    table.to_csv(folder / "scaling.csv", index=False)
    speed.draw_scaling()
    by_width, by_batch = plt.gcf().axes
    for axes, (at, fraction) in ((by_width, (250, 1506 / 2500)), (by_batch, (64, 10064 / 20000))):
        shown = [lines(axes)[speed.SAMPLERS[name]] for name in ("random", "label_search")]
        np.testing.assert_allclose(shown, [[[at], [fraction]]] * 2)


def test_errors_against_the_time_of_training():
    study = studies.get("speed-run", "smoke")
    for i, cell in enumerate(study.cells):
        rows = [{VALIDATION: 9.0 + i, "train_seconds": 2.0 + i}, {VALIDATION: 5.0, TEST: 6.0, "train_seconds": 1.0}]
        support.store_run(cell.config, [row | {"seconds": 9.0} for row in rows])
    found = collecting.collect(study)
    timed.draw_times(found)
    curves = lines(plt.gca())
    for i, key in enumerate(study.keys):
        np.testing.assert_equal(curves[f"aim {key}"], ([2.0 + i, 3.0 + i], [9.0 + i, 5.0]))
    assert list(timed.time_to_accuracy(found)["training (s)"]) == [3 + i for i in range(len(study.keys))]


def test_transfer_is_drawn_as_an_accuracy():
    config = studies.PROFILES["smoke"].base
    nets = {
        name: [
            support.store_run(config.vary(seed=seed, theta=theta), [
                {f"test_transfer_layer{i}_error": 10.0 * i + seed for i in range(1, len(config.hidden) + 1)}
            ])
            for seed in (0, 2)
        ]
        for name, theta in (("one", 1.0), ("two", 2.0))
    }  # fmt: skip
    figures.draw_layers(nets)
    for name in nets:
        layers, accuracy = lines(plt.gca())[name]
        assert list(accuracy) == [100 - 10.0 * i - 1 for i in layers]


def test_claims_beside_what_was_measured(monkeypatch):
    measure = {"study": "learning-rate", "cell": {"lr": 0.04}, "epoch": 20, "metric": VALIDATION}
    rule = {"band": [1.0, 4.0], "partly": [0.0, 5.0]}
    run, missing = (
        scorecard.Claim(name, "A, table", f"{name} (a note)", "level", 2.5, measure | {"cell": {"lr": lr}}, rule)
        for name, lr in (("this", 0.04), ("that", 0.08))
    )
    cell = next(cell for cell in studies.get("learning-rate", "paper").cells if cell.settings["lr"] == 0.04)
    support.store_run(cell.config, [{VALIDATION: 50.0}] * 19 + [{VALIDATION: 3.0}])
    scorecard.draw_levels([run, missing])
    axes = plt.gca()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["A: this", "A: that"]
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(1.0, 3.0)] * 2
    (ours,) = (bars for bars in axes.containers if bars.get_label() == "ours, 95 %")
    estimate = over_seeds([3.0], 10_000)
    assert list(ours.lines[0].get_xdata()) == [3.0]
    assert ours.lines[2][0].get_segments()[0][:, 0] == pytest.approx([estimate.low, estimate.high])
    assert [text.get_text() for text in axes.texts] == ["ours: not run yet"]


def test_the_time_of_the_book_against_the_workers():
    budget.draw_workers([3600.0 * n for n in (4, 3, 2, 1)])
    drawn = lines(plt.gca())
    assert list(drawn["runs as they are"][1][:3]) == [10, 5, 4]
    assert list(drawn["evenly divided"][1][:3]) == [10, 5, 2.5]
    assert set(drawn["longest run"][1]) == {4}
