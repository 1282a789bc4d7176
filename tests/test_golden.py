"""A small run whose numbers are kept: where they move, `record.ENGINE_VERSION` has to go up."""

import pytest
import torch

from ff_utils import load, recipe
from ff_utils.readout import error_percent
from ff_utils.trainer import Trainer

# Engine version 1: of the third epoch the loss, the goodness of positives and negatives by layer, and the
# validation error by label search in percent. In float64, because every rounding grows by orders of magnitude in each
# epoch of so small a run: in float32 two processors part in the second.
GOLDEN = {
    "random": (15.240388, 100.06892, 96.887863, 99.748535, 99.513535, 88.61111),
    "label_search": (17.666664, 96.557945, 93.767845, 98.535866, 100.47008, 88.05556),
    "shortlist": (26.254199, 86.764832, 85.600769, 96.472130, 97.892708, 89.44444),
    "one_pass_sampled": (25.186024, 91.733589, 89.656326, 99.754715, 99.837952, 96.11111),
}


@pytest.mark.parametrize("negatives", ["random", "label_search", "shortlist", "one_pass_sampled"])
def test_the_engine_still_computes_what_it_did(negatives):
    config = recipe("hinton", dataset="digits", hidden=(100, 100), theta=100.0, batch_size=50, negatives=negatives)
    trainer = Trainer(config, load("digits"), torch.float64)
    for _ in range(3):
        metrics, _ = trainer.run_epoch()
    found = trainer.evaluate("validation", search=True)
    error = error_percent(found.label_search, trainer.validation.labels)
    assert [*metrics.values()] == pytest.approx(GOLDEN[negatives][:-1], rel=1e-4)
    assert error == pytest.approx(GOLDEN[negatives][-1], abs=0.3)  # One of the 360 images.
