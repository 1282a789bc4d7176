"""A handful of the fault campaign (`make faults`), and that no file a user is given can run code."""

import hashlib
import io
import pickle

import numpy as np
import pytest
import support
import torch
import yaml

from faults import damage, disk, kills
from faults.scene import Tally
from ff_utils import RunConfig, Store, UserError, train
from ff_utils.config import load_config
from ff_utils.results import FILES, read_run


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return kills.Reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def tally():
    """Of the cases of one test: there were some, and all went right."""
    tally = Tally()
    yield tally
    assert tally.counts and not tally.failures, "\n".join(tally.failures)


def middle(reference, phase, taking_space=False):
    """A point in the middle of a phase."""
    points = [i for i in reference.points_in(phase)
              if not taking_space or reference.ended.points[i][1] in disk.TAKES_SPACE]  # fmt: skip
    return points[len(points) // 2]


@pytest.mark.parametrize("phase", ["training", "checkpointing", "finishing"])
def test_killed_and_started_again(tally, reference, tmp_path, phase):
    kills.kill_at(tally, reference, tmp_path, middle(reference, phase))


def test_killed_while_collecting(tally, reference, tmp_path):
    kills.kill_collecting(tally, reference, tmp_path, older=True)


def test_two_at_once_with_a_cache_each(tally, reference, tmp_path):
    kills.twins(tally, reference, tmp_path, 0, shared_cache=False)


@pytest.mark.parametrize("phase", ["checkpointing", "finishing"])
def test_a_full_disk(tally, reference, tmp_path, phase):
    disk.full_at(tally, reference, tmp_path, middle(reference, phase, taking_space=True))


def test_a_full_disk_while_collecting(tally, reference, tmp_path):
    disk.full_while_collecting(tally, reference, tmp_path)


def test_damaged_files(tally, monkeypatch, tmp_path):
    support.skip_drawing(monkeypatch)
    damage.damage_run_folders(tally, tmp_path, flips=4, every=6)
    damage.damage_cache(tally, tmp_path, flips=4, every=6)


# -- files that would run code ------------------------------------------------------------------------------


class Attack:
    """Unpickling it creates the file `struck`."""

    def __init__(self, struck):
        self.struck = struck

    def __reduce__(self):
        return open, (str(self.struck), "w")


def test_a_checkpoint_runs_no_code(tmp_path, small):
    config, struck = RunConfig(**small), tmp_path / "struck"
    pickle.loads(pickle.dumps(Attack(struck))).close()
    assert struck.exists()  # It does where it is let.
    struck.unlink()
    buffer = io.BytesIO()
    torch.save({"epoch": 1, "network": Attack(struck)}, buffer)
    checkpoint = tmp_path / "cache" / "runs" / config.digest / "checkpoint.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    with pytest.raises(UserError, match=r"does not hold a checkpoint\. Remove it"):
        train(config, 2, progress=False)
    assert not struck.exists()


def sum_anew(folder):
    """Have the checksums of a run folder fit its files."""
    sums = "".join(f"{hashlib.sha256((folder / f).read_bytes()).hexdigest()}  {f}\n" for f in FILES)
    (folder / "SHA256SUMS").write_text(sums)


@pytest.mark.parametrize("name", ["config.yaml", "provenance.yaml"])
def test_yaml_runs_no_code(tmp_path, small, name):
    struck = tmp_path / "struck"
    text = f"theta: !!python/object/apply:builtins.open ['{struck}', 'w']\n"
    yaml.unsafe_load(text)["theta"].close()
    assert struck.exists()
    struck.unlink()
    run = support.store_run(RunConfig(**small), [{"val_one_pass_error": 10.0}])
    (run.path / name).write_text(text)
    sum_anew(run.path)
    with pytest.raises(UserError, match="python/object"):
        read_run(run.path)
    with pytest.raises(UserError, match="not valid YAML"):
        load_config(run.path / name)
    with pytest.warns(UserWarning, match="damaged"):
        assert Store().runs() == []
    assert not struck.exists()


def test_arrays_run_no_code(tmp_path, small):
    """Arrays of objects are pickles."""
    struck = tmp_path / "struck"
    run = support.store_run(RunConfig(**small), [{"val_one_pass_error": 10.0}])
    np.savez(run.path / "predictions.npz", test=np.array([Attack(struck)], dtype=object))
    sum_anew(run.path)
    with pytest.raises(UserError, match=r"damaged \(Object arrays cannot be loaded"):
        _ = read_run(run.path).predictions
    assert not struck.exists()
