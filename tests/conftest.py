"""Every test runs with folders of its own."""

import pytest


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FF_RESULTS", str(tmp_path / "results"))


@pytest.fixture
def small():
    """The fields of a net that trains on the digits in a second."""
    return {"dataset": "digits", "hidden": (64, 48, 56), "theta": 4.0, "batch_size": 50, "lr": 0.05}
