"""Every test runs with folders of its own, and all that a worker starts in one number format."""

import os

import pytest

from ff_utils.trainer import default_device, fastest_dtype

# Where the two are nearly as fast as each other, processes would measure different ones.
os.environ.setdefault("FF_DTYPE", str(fastest_dtype(default_device())).removeprefix("torch."))


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FF_RESULTS", str(tmp_path / "results"))


@pytest.fixture
def small():
    """The fields of a net that trains on the digits in a second."""
    return {"dataset": "digits", "hidden": (64, 48, 56), "theta": 4.0, "batch_size": 50, "lr": 0.05}
