"""CIFAR-10 and SVHN: read from their original layouts, and the same from every copy."""

import hashlib
import pickle

import numpy as np
import pytest
import scipy.io
import torch

from ff_utils import UserError, data, load
from ff_utils.labels import inject

DRAW = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def first_load(monkeypatch):
    monkeypatch.delenv("FF_DATA", raising=False)
    monkeypatch.setattr(data, "VALIDATION", 8)
    data._load.cache_clear()
    yield
    data._load.cache_clear()


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def svhn(tmp_path, monkeypatch):
    """A small SVHN as its two .mat files: images [32, 32, 3, n], labels [n, 1] with 10 for the digit 0."""
    from torchvision.datasets import SVHN

    folder, arrays, files = tmp_path / "cache/data/torchvision", {}, {}
    folder.mkdir(parents=True)
    for part, n in (("train", 40), ("test", 20)):
        x = DRAW.integers(0, 256, (32, 32, 3, n), dtype=np.uint8)
        y = DRAW.integers(1, 11, (n, 1), dtype=np.uint8)
        path = folder / f"{part}_32x32.mat"
        scipy.io.savemat(path, {"X": x, "y": y})
        arrays[part], files[part] = (x, y), ["", path.name, md5(path)]
    monkeypatch.setattr(SVHN, "split_list", files)
    return arrays


def test_svhn_in_its_own_layout(svhn, tmp_path, monkeypatch):
    splits = load("svhn")
    x, y = svhn["test"]
    for i in range(20):
        assert np.array_equal(splits.test.images[i].numpy(), x[:, :, :, i].transpose(2, 0, 1))
        assert splits.test.labels[i] == y[i, 0] % 10  # The digit 0, which is 10 in the file.
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [32, 8, 20]
    assert splits.train.images.dtype == splits.train.labels.dtype == torch.uint8
    data._load.cache_clear()
    (tmp_path / "cache/data/torchvision/train_32x32.mat").unlink()  # Read from its archive from now on.
    assert load("svhn").checksum == splits.checksum


def test_a_net_trains_on_svhn(svhn):
    from ff_utils import RunConfig
    from ff_utils.trainer import Trainer

    config = RunConfig(dataset="svhn", hidden=(20, 20), batch_size=8, pretext="jigsaw")
    trainer = Trainer(config, load("svhn"), torch.float32)
    assert trainer.network.inputs == 3072
    trainer.run_epoch()
    assert trainer.evaluate("test", search=True).label_search.shape == (20,)


def test_a_damaged_svhn_file_is_not_used(svhn, tmp_path, monkeypatch):
    from torchvision.datasets import svhn as module

    monkeypatch.setattr(module, "download_url", lambda *args, **kwargs: None)  # Nothing comes in its place.
    path = tmp_path / "cache/data/torchvision/train_32x32.mat"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"(?s)the svhn data is not on this machine .*put svhn\.npz into a folder"):
        load("svhn")


@pytest.fixture
def cifar(monkeypatch):
    """A small CIFAR-10, channel first."""
    arrays = {}
    for part, n in (("train", 40), ("test", 20)):
        arrays[f"{part}_images"] = DRAW.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
        arrays[f"{part}_labels"] = DRAW.integers(0, 10, n, dtype=np.uint8)
    monkeypatch.setitem(data.CHECKSUMS, "cifar10", data._checksum(data._in_order("cifar10", arrays)))
    return arrays


def test_cifar_is_the_same_whatever_the_order_of_its_copy(cifar, tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cache/data/torchvision/cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, part in (("batch", "train"), ("test", "test")):
        batch = {"data": cifar[f"{part}_images"].reshape(-1, 3072), "labels": cifar[f"{part}_labels"].tolist()}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    monkeypatch.setattr(CIFAR10, "train_list", [["batch", md5(folder / "batch")]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test", md5(folder / "test")]])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": "meta", "key": "label_names", "md5": md5(folder / "meta")})
    original = load("cifar10")

    shuffled = dict(cifar)
    for part, n in (("train", 40), ("test", 20)):
        order = DRAW.permutation(n)
        for key in (f"{part}_images", f"{part}_labels"):
            shuffled[key] = cifar[key][order]
    np.savez(tmp_path / "cifar10.npz", **shuffled)
    monkeypatch.setenv("FF_DATA", str(tmp_path))
    data._load.cache_clear()
    copy = load("cifar10")
    for part in ("train", "validation", "test"):
        assert torch.equal(getattr(original, part).images, getattr(copy, part).images)
        assert torch.equal(getattr(original, part).labels, getattr(copy, part).labels)
    assert original.train.images.shape == (32, 3, 32, 32)
    # Every image is still there, in all its channels, with its label.
    theirs = {image.tobytes(): label for image, label in zip(cifar["test_images"], cifar["test_labels"], strict=True)}
    ours = zip(copy.test.images.numpy(), copy.test.labels.tolist(), strict=True)
    assert {image.tobytes(): label for image, label in ours} == theirs


def test_other_images_are_not_cifar(cifar, tmp_path, monkeypatch):
    cifar["train_labels"][0] ^= 1
    np.savez(tmp_path / "cifar10.npz", **cifar)
    monkeypatch.setenv("FF_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"cifar10\.npz is not the cifar10 data set"):
        load("cifar10")


def test_the_label_replaces_the_first_pixels_of_the_first_channel(cifar, tmp_path, monkeypatch):
    np.savez(tmp_path / "cifar10.npz", **cifar)
    monkeypatch.setenv("FF_DATA", str(tmp_path))
    images = load("cifar10").test.images.float() / 255
    labelled = inject(images.flatten(1), torch.full((20,), 3)).view(images.shape)
    assert labelled[0, 0, 0, :10].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert torch.equal(labelled[:, 1:], images[:, 1:]) and torch.equal(labelled[:, 0, 1:], images[:, 0, 1:])
