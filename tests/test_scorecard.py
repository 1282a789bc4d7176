"""The verdicts follow from the stored runs by the rules at the head of claims.yaml."""

import math
from dataclasses import replace

import pytest
import support
import yaml
from scipy import stats

from ff_utils import UserError, studies
from ff_utils.files import project_folder
from ff_utils.reporting import scorecard
from ff_utils.reporting.scorecard import Claim, judge, load_claims, table
from ff_utils.reporting.uncertainty import Estimate, over_seeds, paired_difference, range_of_two

TEST = "test_label_search_error"


def claim(kind, measure=None, **rule):
    measure = {"study": "first-light", "cell": {"recipe": "paper"}, "epoch": 2, "metric": TEST} | (measure or {})
    return Claim("id", "A", "statement", kind, 2.0, measure, {"negligible": 0.1} | rule)


@pytest.fixture
def errors(tmp_path, monkeypatch):
    """Store runs of the study first-light with these test errors at epoch 2, by seed: errors([2.0, 2.1], cell)."""
    support.skip_drawing(monkeypatch)

    def store(values, cell=1):
        study = studies.get("first-light", "paper")
        for seed, value in enumerate(values):
            config = study.cells[cell].config.vary(seed=seed)
            support.store_run(config, [{TEST: None}, {TEST: value}] + [{TEST: None}] * 58)

    return store


def test_the_claims_of_the_book_are_complete_and_unique():
    claims = load_claims()
    assert len({c.id for c in claims}) == len(claims) > 40
    for c in claims:
        if c.kind == "level":
            (low, high), (lower, higher) = c.rule["band"], c.rule["partly"]
            assert lower <= low <= c.published <= high <= higher, c.id
        if c.kind in ("at_least", "at_most"):
            assert isinstance(c.rule["bound"], (int, float)), c.id
    assert len(table(claims)) == len(claims)


def test_without_runs_a_claim_is_not_run():
    assert judge(claim("level", band=[1, 3], partly=[0, 4])).word == "not run"
    assert judge(claim("level", {"study": "no such study"}, band=[1, 3], partly=[0, 4])).word == "not run"


@pytest.mark.parametrize(
    "value, word", [(2.0, "reproduced"), (3.0, "reproduced"), (3.5, "partly"), (4.5, "not reproduced")]
)
def test_a_level_is_judged_by_its_bands(errors, value, word):
    errors([value])
    verdict = judge(claim("level", band=[1, 3], partly=[0, 4]))
    assert verdict.word == word and verdict.one_seed and len(verdict.runs) == 1


@pytest.mark.parametrize(
    "values, kind, word",
    [
        ([1.0], "at_most", "reproduced"),
        ([2.0], "at_most", "undecided"),
        ([3.0], "at_most", "not reproduced"),
        ([3.0], "at_least", "reproduced"),
        ([1.9, 1.91, 1.92], "at_most", "reproduced"),
        ([1.0, 2.0, 3.5], "at_most", "undecided"),
    ],
)
def test_a_bound_is_judged_by_the_whole_interval(errors, values, kind, word):
    errors(values)
    assert judge(claim(kind, bound=2.0)).word == word


@pytest.mark.parametrize(
    "after, band, word",
    [
        ([2.0, 2.1, 2.2], [-2, -0.5], "reproduced"),
        ([2.9, 3.0, 3.1], [-2, -0.5], "partly"),
        ([4.0, 4.1, 4.2], [-2, -0.5], "not reproduced"),
        ([3.0, 3.1, 3.2], [-2, -0.5], "not reproduced"),
        ([2.0, 3.1, 4.4], [-2, -0.5], "undecided"),
        ([2.9, 3.15, 3.3], [-2, -0.5], "undecided, not the size claimed"),
    ],
)
def test_a_difference_is_paired_by_seed(errors, after, band, word, monkeypatch):
    # A third cell with three seeds, as a study that decides a claim has.
    whole = studies.STUDIES["first-light"]

    def three_seeds(profile):
        study = whole(profile)
        return replace(study, cells=tuple(replace(c, epochs=2, seeds=(0, 1, 2)) for c in study.cells))

    monkeypatch.setitem(studies.STUDIES, "first-light", three_seeds)
    errors([3.0, 3.1, 3.2], cell=1)
    errors(after, cell=2)
    ends = {"from": {"recipe": "paper"}, "to": {"recipe": "paper, loss averaged"}, "cell": {}}
    assert judge(claim("difference", ends, band=band)).word == word


def test_estimates_against_known_numbers():
    estimate = over_seeds([1.0, 2.0, 3.0], None)  # t = 4.303 for two degrees of freedom
    assert (estimate.mean, estimate.high) == (2.0, pytest.approx(2 + 4.303 / 3**0.5, abs=1e-3))
    one = over_seeds([2.5], 10_000)
    assert one.high - one.mean == pytest.approx(1.96 * 0.156, abs=1e-3)
    for found in (estimate, one):
        assert found.mean - found.low == pytest.approx(found.high - found.mean)
    assert over_seeds([2.5], None).low == -math.inf  # What is no error of images has no interval from one seed.


def test_the_range_of_two_seeds_against_known_numbers():
    """With s = 0.1 from five seeds: χ² of four degrees of freedom has its 2.5 % ends at 0.4844 and 11.143."""
    found = range_of_two([2.0, 2.0 + 0.1 * 2**0.5, 2.0 - 0.1 * 2**0.5, 2.0, 2.0])
    assert found.mean == pytest.approx(1.96 * 2**0.5 * 0.1, rel=1e-4)
    assert found.low == pytest.approx(found.mean * (4 / 11.143) ** 0.5, rel=1e-3)
    assert found.high == pytest.approx(found.mean * (4 / 0.4844) ** 0.5, rel=1e-3)


def test_p_values_agree_with_the_t_test_and_with_the_interval():
    changes = [-0.31, -0.12, 0.05, -0.2]
    expected = stats.ttest_1samp(changes, 0).pvalue
    assert over_seeds(changes, None).p_value == pytest.approx(expected)
    assert Estimate(0.5, 0.0, 1.0, 1).p_value == pytest.approx(0.05)  # The interval ends at 0.
    assert Estimate(0.0, 0.0, 0.0, 1).p_value == 1 and Estimate(0.1, 0.1, 0.1, 1).p_value == 0
    assert Estimate(3.0, -math.inf, math.inf, 1).p_value == 1


def test_a_paired_difference_counts_the_images_only_one_gets_wrong():
    import numpy as np

    a, b = np.zeros(1000, bool), np.zeros(1000, bool)
    a[:30], b[20:60] = True, True  # 20 only in a, 30 only in b, 10 in both
    difference, sd = paired_difference(a, b)
    variance = (50 - 10**2 / 1000) / 999  # Of the changes −1, 0 and 1, of which 50 are not 0 and that sum to 10.
    assert difference == pytest.approx(1.0) and sd == pytest.approx(100 * (variance / 1000) ** 0.5)


@pytest.mark.parametrize("text", ["", "claims: []", "defaults: {metric: m, negligible: 1}\nclaims: [{id: x}]", "{"])
def test_a_broken_claims_file_is_refused(tmp_path, text):
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"claims\.yaml"):
        load_claims(path)


@pytest.mark.parametrize("best, word", [(0.0, "reproduced"), (1e-4, "partly"), (1e-2, "not reproduced")])
def test_a_choice(monkeypatch, best, word):
    measure = {"study": "weight-decay", "metric": "val_label_search_error"}
    one = Claim("id", "A", "statement", "choice", 0.0, measure, {"partly": [0.0, 1e-3]})
    monkeypatch.setattr(scorecard, "choose", lambda *_: (best, [best]))
    monkeypatch.setattr(scorecard, "complete", lambda *_: {best: Estimate(1, 1, 1, 1)})
    assert judge(one).word == word


def test_the_rules_name_every_kind():
    text = (project_folder() / "results" / "claims.yaml").read_text()
    assert {entry["kind"] for entry in yaml.safe_load(text)["claims"]} <= set(scorecard.KINDS)


@pytest.mark.parametrize(
    ("kind", "rule", "words"),
    [
        ("level", {"band": [1.75, 2.5]}, "1.75 to 2.50"),
        ("at_most", {"bound": 0.1}, "≤ 0.10"),
        ("at_least", {"bound": 0.4}, "≥ 0.40"),
        ("difference", {"band": [-0.6, -0.05]}, "−0.60 to −0.05, not 0"),
        ("difference", {"band": [-100, -1]}, "≤ −1.00, not 0"),
        ("difference", {"band": [0.1, 100]}, "≥ 0.10, not 0"),
        ("choice", {"partly": [1, 4]}, "2 among the best"),
    ],
)
def test_the_condition_of_a_claim_in_words(kind, rule, words):
    assert scorecard.condition(claim(kind, **rule)) == words


def test_a_bound_and_an_end_of_an_interval_beside_it_are_told_apart(monkeypatch):
    found = Estimate(0.0, -0.103, 0.103, 1)
    monkeypatch.setattr(scorecard, "_measured", lambda collected, measure: (found, ("a run",)))
    assert judge(claim("at_most", bound=0.1)).measured == "0.000\u00a0[−0.103,\u00a00.103]"


def test_a_difference_says_what_is_taken_from_what():
    ends = {"from": {"negatives": "label_search"}, "to": {"negatives": "one_pass_sampled"}}
    assert scorecard.compared(ends) == "drawn from the head less label search"
    ends = {"from": {"jitter": 0, "epoch": 120}, "to": {"jitter": 2, "epoch": 500}}
    assert scorecard.compared(ends) == "jitter 2, epoch 500 less jitter 0, epoch 120"
    methods = {"from": {"algorithm": "backprop", "metric": "test_softmax_error"},
               "to": {"algorithm": "forward_forward", "metric": "test_label_search_error"}}  # fmt: skip
    assert scorecard.compared(methods) == "Forward-Forward less backprop"
    assert scorecard.compared({"cell": {}}) == ""


@pytest.mark.parametrize(
    "statement, spelled",
    [("It helps", "It helps (second-hand)"), ("It helps (read as, a bit)", "It helps (read as, a bit; second-hand)")],
)
def test_what_is_noted_of_a_claim_stands_in_one_pair_of_brackets(statement, spelled):
    assert scorecard.spelled_out(replace(claim("level"), statement=statement, second_hand=True)) == spelled
