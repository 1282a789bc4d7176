"""The data sets: where they come from, what is refused, and the shifts."""

import struct
import sys
from urllib.error import URLError

import numpy as np
import pytest
import torch

from ff_utils import UserError, data, load
from ff_utils.data import Shifter

KEYS = ("train_images", "train_labels", "test_images", "test_labels")
IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture
def arrays(monkeypatch):
    """A small data set that passes for MNIST: 30 training images, of which 8 for validation, and 10 for test."""
    draw = np.random.default_rng(0)
    shapes = ((30, 28, 28), (30,), (10, 28, 28), (10,))
    arrays = {
        key: draw.integers(0, 256 if "images" in key else 10, shape, dtype=np.uint8)
        for key, shape in zip(KEYS, shapes, strict=True)
    }
    monkeypatch.setitem(data.CHECKSUMS, "mnist", data._checksum(arrays))
    monkeypatch.setattr(data, "VALIDATION", 8)
    return arrays


@pytest.fixture(autouse=True)
def every_load_is_a_first_one(monkeypatch):
    monkeypatch.delenv("FF_DATA", raising=False)
    data._load.cache_clear()
    yield
    data._load.cache_clear()


@pytest.fixture
def archive(arrays, tmp_path, monkeypatch):
    """The data set as mnist.npz in the folder FF_DATA, compressed as the one of this project is: by LZMA."""
    import zipfile

    monkeypatch.setenv("FF_DATA", str(tmp_path))
    path = tmp_path / "mnist.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        for key, array in arrays.items():
            with file.open(f"{key}.npy", "w") as member:
                np.save(member, array)
    return path


@pytest.fixture
def no_network(monkeypatch):
    from torchvision.datasets import mnist

    def fail(url, **_):
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setattr(mnist, "download_and_extract_archive", lambda url, *args, **kwargs: fail(url))


def write_idx(arrays, folder):
    """The data set as the original files."""
    folder.mkdir(parents=True)
    for name, key in zip(IDX_FILES, KEYS, strict=True):
        array = arrays[key]
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / name).write_bytes(header + array.tobytes())


def assert_holds(splits, arrays):
    for part, images, labels in (
        (splits.train, arrays["train_images"][:22], arrays["train_labels"][:22]),
        (splits.validation, arrays["train_images"][22:], arrays["train_labels"][22:]),
        (splits.test, arrays["test_images"], arrays["test_labels"]),
    ):
        assert part.images.dtype == part.labels.dtype == torch.uint8
        assert np.array_equal(part.images.numpy(), images)
        assert np.array_equal(part.labels.numpy(), labels)


def test_an_archive_in_the_data_folder(archive, arrays):
    assert_holds(load("mnist"), arrays)


@pytest.mark.parametrize("wrong", ["nowhere", "mnist.npz"])
def test_a_data_folder_that_is_none(wrong, archive, tmp_path, monkeypatch):
    monkeypatch.setenv("FF_DATA", str(tmp_path / wrong))
    with pytest.raises(UserError, match=rf"FF_DATA is .*{wrong}, and that is no folder; name the one that holds mnist"):
        load("mnist")


def test_a_data_folder_without_the_file_is_named_before_downloading(tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("FF_DATA", str(tmp_path))
    with pytest.warns(UserWarning, match=r"FF_DATA is .*, which has no mnist\.npz"), pytest.raises(UserError):
        load("mnist")


SHAPES = {
    "floating point": lambda arrays: {"train_images": arrays["train_images"] / 255},
    "a label less": lambda arrays: {"train_labels": arrays["train_labels"][1:]},
    "flat": lambda arrays: {"test_images": arrays["test_images"].reshape(10, -1)},
    "empty": lambda arrays: {"test_images": arrays["test_images"][:0], "test_labels": arrays["test_labels"][:0]},
    "too few": lambda arrays: {name: arrays[name][:8] for name in ("train_images", "train_labels")},
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES)
def test_a_data_set_without_a_checksum_has_to_have_its_form(change, arrays, tmp_path, monkeypatch):
    monkeypatch.setenv("FF_DATA", str(tmp_path))
    np.savez(tmp_path / "svhn.npz", **arrays)
    assert_holds(load("svhn"), arrays)
    data._load.cache_clear()
    np.savez(tmp_path / "svhn.npz", **arrays | change(arrays))
    with pytest.raises(UserError, match=r"svhn\.npz is not the svhn data set: its t.* images are .*Replace it"):
        load("svhn")


def test_the_data_folder_comes_before_the_cache(archive, arrays, tmp_path):
    cached = tmp_path / "cache/data/mnist.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"not even an archive")
    assert_holds(load("mnist"), arrays)


def test_the_cache_is_used_where_the_data_folder_has_no_such_file(archive, arrays, tmp_path):
    cached = tmp_path / "cache/data/mnist.npz"
    cached.parent.mkdir(parents=True)
    archive.rename(cached)
    assert_holds(load("mnist"), arrays)


def test_torchvision_reads_the_original_files_once(arrays, tmp_path, monkeypatch, no_network):
    write_idx(arrays, tmp_path / "cache/data/torchvision/MNIST/raw")
    assert_holds(load("mnist"), arrays)

    data._load.cache_clear()
    monkeypatch.setitem(sys.modules, "torchvision", None)  # Importing it now fails.
    assert_holds(load("mnist"), arrays)
    assert [path.name for path in (tmp_path / "cache/data").glob("*mnist*.np*")] == ["mnist.npz"]


def test_what_another_process_has_downloaded_meanwhile_is_used(arrays, tmp_path, monkeypatch):
    """One that waited for the lock looks again."""

    class Other:  # Has the lock, and finishes before it gives it up.
        def __init__(self, path):
            self.path = path

        def __enter__(self):
            (tmp_path / "cache/data").mkdir(parents=True)
            np.savez(self.path.removesuffix(".lock") + ".npz", **arrays)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(data, "FileLock", lambda path: Other(str(path)))
    monkeypatch.setattr(data, "_download", lambda *_: pytest.fail("downloaded again"))
    assert_holds(load("mnist"), arrays)


def test_an_unknown_name():
    names = "mnist, fashion_mnist, cifar10, svhn, digits"
    with pytest.raises(UserError, match=f"no data set 'nmist'; the data sets are {names}"):
        load("nmist")


@pytest.mark.parametrize("name, raw", [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_no_file_and_no_network(name, raw, no_network, tmp_path):
    with pytest.raises(UserError) as caught:
        load(name)
    message = str(caught.value)
    assert "can't be downloaded" in message
    assert f"put {name}.npz into a folder and name that folder in FF_DATA" in message
    assert str(tmp_path / "cache/data/torchvision" / raw / "raw") in message


def test_damaged_original_files(arrays, tmp_path, no_network):
    raw = tmp_path / "cache/data/torchvision/MNIST/raw"
    write_idx(arrays, raw)
    (raw / IDX_FILES[0]).write_bytes((raw / IDX_FILES[0]).read_bytes()[:1000])
    with pytest.raises(UserError, match="torchvision"):
        load("mnist")


def test_other_original_files(arrays, tmp_path, no_network):
    arrays["train_labels"][0] ^= 1
    write_idx(arrays, tmp_path / "cache/data/torchvision/MNIST/raw")
    with pytest.raises(UserError, match=r"torchvision is not the mnist data set .*Remove it"):
        load("mnist")
    assert not (tmp_path / "cache/data/mnist.npz").exists()


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_truncated_archive(archive, share):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"mnist.npz can't be read .*Replace it, or name another folder in FF_DATA"):
        load("mnist")


def test_any_damaged_byte_is_noticed_or_harmless(archive, arrays):
    """Some bytes of a zip archive mean nothing; none may let other data through or end in a traceback."""
    content, refused = archive.read_bytes(), 0
    places = np.random.default_rng(1).integers(0, len(content), 150)
    ends = range(len(content) - 100, len(content))  # Of the archive's table of contents.
    for place in (*range(100), *places, *ends):
        archive.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        data._load.cache_clear()
        try:
            assert_holds(load("mnist"), arrays)
        except UserError as error:
            assert "mnist.npz" in str(error) and "Replace it" in str(error)
            refused += 1
    assert refused > 150


def test_other_content(archive, arrays):
    arrays["test_labels"][3] ^= 1
    np.savez(archive, **arrays)
    with pytest.raises(UserError, match=r"mnist.npz is not the mnist data set .*Replace it"):
        load("mnist")


def test_an_archive_without_an_array(archive, arrays):
    del arrays["test_labels"]
    np.savez(archive, **arrays)
    with pytest.raises(UserError, match="test_labels"):
        load("mnist")


def test_something_else_under_its_name(archive):
    np.save(archive.with_suffix(""), np.zeros(3))
    archive.with_suffix(".npy").replace(archive)
    with pytest.raises(UserError, match=r"mnist.npz can't be read"):
        load("mnist")


def test_a_full_disk_while_the_archive_is_written(arrays, tmp_path, monkeypatch, no_network):
    def full(file, **_):
        file.write(b"half an archive")
        raise OSError(28, "No space left on device")

    write_idx(arrays, tmp_path / "cache/data/torchvision/MNIST/raw")
    with monkeypatch.context() as broken:
        broken.setattr(np, "savez_compressed", full)
        with pytest.raises(UserError, match="the disk is full"):
            load("mnist")
    left = {path.name for path in (tmp_path / "cache/data").iterdir()}
    assert left == {"torchvision", "mnist.lock"}  # No half-written archive.
    assert_holds(load("mnist"), arrays)


# -- digits -----------------------------------------------------------------------------------------


def test_the_digits_are_divided_without_overlap_and_without_loss():
    from sklearn.datasets import load_digits

    splits = load("digits")
    parts = (splits.train, splits.validation, splits.test)
    assert [len(part) for part in parts] == [1077, 360, 360]
    bundle = load_digits()
    ours = [
        (label, *image[3:27:3, 3:27:3].flatten().tolist())
        for part in parts
        for image, label in zip(part.images, part.labels.tolist(), strict=True)
    ]
    theirs = [
        (label, *(image * 255 / 16).round().astype(int).flatten().tolist())
        for image, label in zip(bundle.images, bundle.target.tolist(), strict=True)
    ]
    assert sorted(ours) == sorted(theirs)  # Every image once, so no two parts share one.
    assert all(len(part.labels.unique()) == 10 for part in parts)


def test_the_digits_are_always_the_same():
    first = load("digits")
    data._load.cache_clear()
    second = load("digits")
    assert first is not second and first.checksum == second.checksum
    for part in ("train", "validation", "test"):
        assert torch.equal(getattr(first, part).images, getattr(second, part).images)
        assert torch.equal(getattr(first, part).labels, getattr(second, part).labels)


def test_the_digits_leave_the_label_pixels_free():
    splits = load("digits")
    for part in (splits.train, splits.validation, splits.test):
        assert part.images.shape[1:] == (28, 28)
        assert (part.images.flatten(1)[:, :10] == 0).all()
        assert part.images.max() == 255


# -- shifts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(28, 28), (3, 9, 11)], ids=["grey", "colour"])
def test_all_shifts_equal_padding_and_cropping(shape):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8))
    height, width = shape[-2:]
    shifter = Shifter(images, 2)
    assert shifter.count == 25
    edges = [(0, 0)] * (len(shape) - 2) + [(2, 2), (2, 2)]
    rows = torch.tensor([3, 1, 1])
    for shift in range(25):
        top, left = divmod(shift, 5)
        padded = np.pad(images.numpy(), [(0, 0), *edges])
        cropped = padded[..., top : top + height, left : left + width]
        shifted = shifter(rows, torch.full((3,), shift))
        assert shifted.dtype == torch.uint8
        assert np.array_equal(shifted.view(3, *shape).numpy(), cropped[rows])


def test_every_image_of_a_batch_has_its_own_shift():
    images = torch.arange(1, 26, dtype=torch.uint8).view(1, 5, 5)
    shifter = Shifter(images, 1)
    together = shifter(torch.zeros(9, dtype=torch.long), torch.arange(9))
    assert len({tuple(image.tolist()) for image in together}) == 9
    assert together[4].tolist() == images.flatten().tolist()  # The middle one moves nothing.


def test_training_draws_all_shifts_alike(monkeypatch, small):
    from ff_utils import RunConfig
    from ff_utils.trainer import Trainer

    trainer, drawn = Trainer(RunConfig(**small, jitter=2), load("digits"), torch.float32), []
    shifter = trainer.shifter

    def spy(rows, shifts):
        drawn.append(shifts)
        return shifter(rows, shifts)

    trainer.shifter = spy
    spy.count = shifter.count
    for _ in range(4):
        trainer.run_epoch()
    counts = torch.bincount(torch.cat(drawn), minlength=25).double()
    expected = 4 * len(trainer.labels) / 25
    assert len(counts) == 25
    assert ((counts - expected) ** 2 / expected).sum() < 52  # 24 degrees of freedom: one seed in 1,000.
    first, second = (torch.cat(drawn[i * len(drawn) // 4 : (i + 1) * len(drawn) // 4]) for i in (0, 1))
    assert (first != second).any()  # Anew in every epoch.


def test_enumerated_shifts_meet_every_image_once_in_a_round(small):
    from ff_utils import RunConfig
    from ff_utils.trainer import Trainer

    trainer = Trainer(RunConfig(**small, jitter=2, jitter_form="enumerated"), load("digits"), torch.float32)
    rounds = [torch.stack([trainer.draws(epoch).shifts for epoch in range(start, start + 25)]) for start in (1, 26)]
    for shifts in rounds:
        assert (shifts.sort(0).values == torch.arange(25)[:, None]).all()
    assert (rounds[0] != rounds[1]).any(0).float().mean() > 0.99  # Another order in each round,
    assert (rounds[0][:, 0] != rounds[0][:, 1]).any()  # and for each image.
