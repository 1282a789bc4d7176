"""The comparison on a folder of one's own images: what is read, what is skipped and refused, what it concludes."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ff_utils import UserError
from ff_utils.selfsup import folder as folders
from ff_utils.selfsup import judging, own
from ff_utils.selfsup.folder import read_folder

ROOT = Path(__file__).resolve().parent.parent


def picture(number, size=(24, 20), colour=True):
    """A smooth random image that depends on `number` alone."""
    draw = np.random.default_rng(number)
    pixels = draw.integers(0, 256, (5, 4, 3 if colour else 1), dtype=np.uint8).repeat(1 if colour else 3, axis=2)
    return Image.fromarray(pixels).resize(size)


@pytest.fixture
def folder(tmp_path):
    """Two classes of 20 images each."""
    root = tmp_path / "images"
    for label, name in enumerate(("cats", "dogs")):
        (root / name).mkdir(parents=True)
        for i in range(20):
            picture(100 * label + i).save(root / name / f"{i}.png")
    return root


def test_every_image_is_read_once_and_lies_in_one_part(folder):
    found = read_folder(folder)
    parts = (found.splits.train, found.splits.validation, found.splits.test)
    assert [len(part) for part in parts] == [24, 8, 8]
    images = torch.cat([part.images for part in parts]).flatten(1)
    assert len({tuple(image.tolist()) for image in images}) == 40
    assert all(torch.bincount(part.labels.long()).unique().numel() == 1 for part in parts)  # As many of each class.
    assert found.names == ("cats", "dogs") and not found.skipped
    assert found.splits.train.images.shape == (24, 3, 32, 32)
    assert read_folder(folder).splits.checksum == found.splits.checksum
    cats = {tuple(np.asarray(folders.read_image(p, 32)).transpose(2, 0, 1).flatten()) for p in folder.glob("cats/*")}
    train = found.splits.train
    assert all(
        (tuple(i.flatten().tolist()) in cats) == (k == 0) for i, k in zip(train.images, train.labels, strict=True)
    )


def test_any_format_and_size_grey_or_colour(folder):
    for i, (suffix, mode) in enumerate(
        [("jpg", "RGB"), ("bmp", "RGB"), ("gif", "P"), ("webp", "RGB"), ("tiff", "L"), ("png", "1"), ("png", "LA"),
         ("png", "RGBA"), ("png", "I;16"), ("jpg", "CMYK"), ("tif", "F")]
    ):  # fmt: skip
        image = picture(900 + i, size=(30 + 7 * i, 61 - 3 * i))
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        else:
            image = image.convert(mode)
        image.save(folder / "cats" / f"more{i}.{suffix}")
    found = read_folder(folder)
    assert not found.skipped
    assert found.table.loc["cats", "used"] == 31


def test_the_middle_square_is_taken_upright_and_its_values_kept(tmp_path):
    pixels = np.zeros((10, 30), np.uint8)
    pixels[:, 10:20], pixels[:2, 10:20] = 200, 50
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    read = folders.read_image(path, 10)
    assert (read == pixels[:, 10:20, None]).all()
    sixteen = Image.fromarray(pixels.astype(np.uint16) * 257)
    sixteen.save(path)
    assert (folders.read_image(path, 10) == read).all()
    Image.fromarray((pixels / 255).astype(np.float32)).save(tmp_path / "fractions.tiff")
    assert np.abs(folders.read_image(tmp_path / "fractions.tiff", 10).astype(int) - read).max() <= 1
    exif = Image.Exif()
    exif[0x0112] = 3  # Upside down.
    Image.fromarray(pixels).rotate(180).save(tmp_path / "b.png", exif=exif)
    assert (folders.read_image(tmp_path / "b.png", 10) == read).all()
    clear = Image.fromarray(np.dstack([pixels * 0, pixels * 0, pixels * 0, pixels * 0]), "RGBA")
    clear.save(path)
    assert (folders.read_image(path, 10) == 255).all()  # Nothing, on white.


def test_grey_images_are_read_as_such(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(12):
            picture(ord(name) * 50 + i, colour=False).convert("RGB").save(tmp_path / name / f"{i}.png")
    assert read_folder(tmp_path, side=28).splits.train.images.shape[1:] == (28, 28)


def test_what_cannot_be_used_is_skipped_and_listed(folder, monkeypatch):
    (folder / "cats" / "notes.txt").write_text("not an image")
    (folder / "cats" / "empty.jpg").write_bytes(b"")
    whole = (folder / "dogs" / "0.png").read_bytes()
    (folder / "dogs" / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "dogs" / "copy.png").write_bytes(whole)
    Image.new("RGB", (1, 300)).save(folder / "dogs" / "line.png")
    Image.new("RGB", (400, 400)).save(folder / "dogs" / "huge.png")
    (folder / "dogs" / ".DS_Store").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    monkeypatch.setattr(folders, "MOST_PIXELS", 400 * 400 - 1)
    (folder / "few").mkdir()
    picture(1234).save(folder / "few" / "only.png")
    found = read_folder(folder)
    skipped = dict(found.skipped)
    assert skipped.pop("few") == "class left out: 1 usable images, at least 10 are needed"
    names = {Path(name).name: reason for name, reason in skipped.items()}
    copies = [name for name in names if name in ("copy.png", "0.png")]
    assert len(copies) == 1 and names.pop(copies[0]).startswith("looks the same as another")
    assert names.pop("notes.txt").startswith("not an image") and names.pop("empty.jpg").startswith("not an image")
    assert names.pop("half.png").startswith("can't be read")
    assert names.pop("huge.png").startswith("too large: 400 × 400 pixels")
    assert names.pop("line.png").startswith("too small: 1 × 300 pixels")
    assert not names
    assert found.names == ("cats", "dogs")
    assert found.table["used"].to_dict() == {"cats": 20, "dogs": 20, "few": 0}


def test_a_limit_is_shared_equally_by_the_classes(folder):
    found = read_folder(folder, limit=25)
    assert found.table["used"].tolist() == [12, 12] and found.table["files"].tolist() == [20, 20]


@pytest.mark.parametrize(
    "prepare, message",
    [
        (lambda root: root / "nowhere", "there is no folder .*nowhere"),
        (
            lambda root: root / "cats" / "0.png",
            r"0\.png is a file; give the folder that holds one sub-folder per class",
        ),
        (
            lambda root: (root / "new").mkdir() or root / "new",
            "is empty. Sort the images into one sub-folder per class",
        ),
        (lambda root: root / "cats", "cats has no sub-folders. Sort the images into one sub-folder per class"),
    ],
    ids=["missing", "file", "empty", "unsorted"],
)
def test_a_folder_that_is_no_data_set_is_refused(folder, prepare, message):
    with pytest.raises(UserError, match=message):
        read_folder(prepare(folder))


def test_one_class_too_many_classes_and_unreadable_ones_are_refused(folder, tmp_path):
    import shutil

    shutil.copytree(folder / "cats", tmp_path / "single" / "cats")
    with pytest.raises(UserError, match=r"has one class only \(cats\); at least two are needed"):
        read_folder(tmp_path / "single")
    for i in range(101):
        (tmp_path / "many" / str(i)).mkdir(parents=True)
    with pytest.raises(UserError, match="has 101 classes; this comparison takes at most 100"):
        read_folder(tmp_path / "many")
    for path in folder.glob("dogs/*"):
        path.write_bytes(b"rubbish")
    with pytest.raises(UserError, match=r"leaves 1 class with at least 10 usable images; two are needed. not an image"):
        read_folder(folder)


@pytest.mark.parametrize(
    "options, message",
    [({"limit": 19}, "19 images are fewer than 10"), ({"side": 27}, "side: 27 pixels; give an even")],
)
def test_options_that_mean_nothing_are_refused(folder, options, message):
    with pytest.raises(UserError, match=message):
        read_folder(folder, **options)


# -- the comparison -----------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(own, "WIDTH", 24)
    torch.set_num_threads(1)


def test_a_comparison_of_a_folder(folder, small):
    splits = read_folder(folder).splits
    result = own.compare(splits, "flip", epochs=2, seeds=2, rates=(0.5, 1.0), progress=False)
    for name in own.CONTESTANTS:
        assert [run.config.seed for run in result.seeds[name]] == [0, 1]
        best = min(result.grid[name].values(), key=lambda run: run.errors["val_transfer"])
        assert result.seeds[name][0] is best
        assert result.seeds[name][1].config.lr == best.config.lr  # The rate that validation chose.
        assert all(run.seconds > 0 and run.bytes > 0 for run in result.seeds[name])
    assert {own.PIXELS, own.UNTRAINED, own.SUPERVISED} == result.references.keys()
    shown = judging.table(result)
    assert list(shown.index) == [*own.CONTESTANTS, *result.references]
    advice, reasons = judging.recommend(result)
    assert advice.endswith(".") and len(reasons) >= 4


def test_a_task_that_does_not_fit_is_refused_before_anything_is_trained(folder):
    with pytest.raises(UserError, match="no task 'origami'"):
        own.compare(read_folder(folder).splits, "origami")
    with pytest.raises(UserError, match="epochs is 0"):
        own.compare(read_folder(folder).splits, epochs=0)


def made_up(forward, hybrid, back, pixels, n=400):
    """A comparison in which each is right on so many of n images."""
    labels = torch.zeros(n, dtype=torch.uint8)
    draw = np.random.default_rng(0)

    def predictions(right):
        found = torch.ones(n, dtype=torch.uint8)
        found[torch.from_numpy(draw.permutation(n)[: round(right * n)])] = 0
        return found

    def runs(right):
        found = predictions(right)
        errors = {"val_transfer": 100 * (1 - right), "test_transfer": 100 * (1 - right)}
        return [own.Trained(own.configuration(own.FORWARD, "flip"), errors, found, 1.0, 10, torch.zeros(n, 2))]

    seeds = dict(zip(own.CONTESTANTS, map(runs, (forward, hybrid, back)), strict=True))
    grid = {name: {1.0: found[0]} for name, found in seeds.items()}
    free = {own.PIXELS: own.Reference(1 - pixels, predictions(pixels)), own.UNTRAINED: own.Reference(1, predictions(0))}
    return own.Comparison("flip", grid, seeds, free, labels)


@pytest.mark.parametrize(
    "accuracies, advice",
    [
        ((0.95, 0.8, 0.8, 0.7), "Forward-Forward is worth using here: Forward-Forward carries over better"),
        ((0.8, 0.95, 0.8, 0.7), "Forward-Forward is worth using here: Forward-Forward, hybrid negatives carries"),
        ((0.8, 0.8, 0.95, 0.7), "Use backprop"),
        ((0.9, 0.9, 0.9, 0.7), "Transfer does not decide it"),
        ((0.9, 0.9, 0.9, 0.95), "Use neither"),
        ((0.935, 0.8, 0.95, 0.905), "Use backprop if any: Forward-Forward shows no gain"),
        ((0.95, 0.8, 0.935, 0.905), "Use Forward-Forward if any: backprop shows no gain"),
    ],
)
def test_the_recommendation_follows_from_the_numbers(accuracies, advice):
    assert judging.recommend(made_up(*accuracies))[0].startswith(advice)


def test_a_small_sample_says_how_many_images_it_would_take():
    _, reasons = judging.recommend(made_up(0.8, 0.8, 0.8, 0.5, n=60))
    (said,) = [reason for reason in reasons if "points wide with 60 test images" in reason]
    width, needed = float(said.split()[3]), int(re.search(r"With about ([\d,]+)", said)[1].replace(",", ""))
    spread = width / (2 * 1.96) * np.sqrt(60 / needed)  # Of the difference, in a sample of that size.
    assert (1.96 + 0.84) * spread == pytest.approx(judging.MATTERS, rel=0.05)


def test_a_difference_is_paired_and_its_interval_that_of_the_mean():
    labels = torch.zeros(100, dtype=torch.uint8)
    ours, theirs = (torch.zeros(100, dtype=torch.uint8) for _ in range(2))
    ours[:10], theirs[5:25] = 1, 1
    found = judging.difference([ours], [theirs], labels)
    by_image = [100] * 5 + [0] * 5 + [-100] * 15 + [0] * 75
    assert found.mean == -10
    assert found.high - found.mean == pytest.approx(1.96 * np.std(by_image, ddof=1) / 10, rel=1e-4)
    assert judging.difference([ours, theirs], [theirs, ours], labels).mean == 0  # Averaged over the runs.


def test_backprop_holds_what_it_needs_for_the_way_back(small):
    from ff_utils import load

    trainers = [
        own.trainer_class(config)(config, load("digits"), torch.float32)
        for config in (own.configuration(own.BACKPROP, "flip").vary(hidden=(300,) * n) for n in (3, 6))
    ]
    assert own.step_bytes(trainers[1]) > own.step_bytes(trainers[0]) > 50 * 300 * 4


def test_the_chapter_refuses_a_bad_folder_in_plain_words(folder, tmp_path):
    command = [sys.executable, ROOT / "book/notebooks.py", "execute", tmp_path / "out", "--only", "44-own-images"]
    done = subprocess.run([*command, "-p", "images", str(folder / "cats")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "has no sub-folders. Sort the images into one sub-folder per class" in done.stderr


def test_the_chapter_runs_on_a_folder(folder, tmp_path):
    (folder / "cats" / "notes.txt").write_text("not an image")
    command = [sys.executable, ROOT / "book/notebooks.py", "execute", tmp_path / "out", "--only", "44-own-images"]
    command += ["-p", "profile", "smoke", "-p", "images", str(folder), "-p", "task", "flip"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out/notebooks/44-own-images.ipynb").read_text()
    assert "notes.txt" in text and "not an image" in text
