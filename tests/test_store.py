"""The results store and the checkpoint: damage is noticed, failures to write lose nothing."""

import builtins
import errno
import io
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import support

from ff_utils import RunConfig, Store, UserError, results, train
from ff_utils.files import replacing
from ff_utils.results import FILES, draw_training_curves
from ff_utils.trainer import Trainer

CONFIG = RunConfig(dataset="digits", hidden=(16, 12), theta=2.0, lr=0.02, batch_size=100)
STARTED = "2026-01-02T03:04:05"


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    support.skip_drawing(monkeypatch)


def save(store, config=CONFIG, epochs=2):
    """A finished run of made-up numbers."""
    rows = [{"epoch": e, "train_loss": 1 / e, "val_one_pass_error": 50.0 / e} for e in range(1, epochs + 1)]
    predictions = {f"test_one_pass_{epochs}": np.arange(10, dtype=np.uint8)}
    return store.save(config, rows, predictions, {}, {"started": STARTED, "seconds": 1.0})


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_saved_run_is_read_back(tmp_path):
    saved = save(Store(tmp_path))
    (run,) = Store(tmp_path).runs()
    assert run.path == saved.path and run.id == f"20260102_030405-{CONFIG.short_hash}"
    assert run.config == CONFIG and run.epochs == 2
    assert run.at(2, "val_one_pass_error") == 25.0
    assert run.predictions["test_one_pass_2"].tolist() == list(range(10))
    assert (run.path / "metrics.csv").read_text().splitlines()[0] == "epoch,train_loss,val_one_pass_error"


def test_the_picture_of_a_run(tmp_path):
    metrics = save(Store(tmp_path)).metrics
    draw_training_curves(metrics, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_is_found_by_its_whole_configuration_and_length(tmp_path):
    store = Store(tmp_path)
    save(store, epochs=2)
    long = save(store, epochs=5)
    save(store, CONFIG.vary(seed=1), epochs=9)
    assert store.find(CONFIG, 2).path == store.find(CONFIG, 5).path == long.path
    assert store.find(CONFIG, 6) is None
    assert store.find(CONFIG.vary(momentum=0.8)) is None
    assert sorted(run.epochs for run in Store(tmp_path).runs()) == [2, 5, 9]


def test_what_was_not_measured_is_refused(tmp_path):
    run = save(Store(tmp_path))
    with pytest.raises(UserError, match="has no test_error at epoch 2"):
        run.at(2, "test_error")
    with pytest.raises(UserError, match="has no train_loss at epoch 3"):
        run.at(3, "train_loss")


def test_a_finished_run_is_never_overwritten(tmp_path):
    """The same configuration, started in the same second."""
    store = Store(tmp_path)
    first = save(store)
    before = contents(first.path)
    second, third = save(store, epochs=3), save(store, epochs=4)
    assert len({first.path, second.path, third.path}) == 3
    assert contents(first.path) == before
    assert sorted(run.epochs for run in Store(tmp_path).runs()) == [2, 3, 4]


# -- damage -------------------------------------------------------------------------------------------


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def alter(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    return root, save(Store(root)), save(Store(root), CONFIG.vary(seed=1))


@pytest.mark.parametrize("damage", [Path.unlink, truncate, alter, replace_by_folder])
@pytest.mark.parametrize("name", [*FILES, "SHA256SUMS"])
def test_a_damaged_run_is_reported_and_passed_over(two_runs, tmp_path, name, damage):
    original, run, sound = two_runs
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "runs" / run.id / name
    if name == "SHA256SUMS" and damage is truncate:
        path.write_text(path.read_text()[:-10])  # Its last byte ends a line and means nothing.
    else:
        damage(path)
    store = Store(tmp_path)
    with pytest.warns(UserWarning, match=f"{run.id} is damaged .*Restore it .*or remove it") as caught:
        assert store.find(CONFIG) is None
    assert name in str(caught[0].message) or name == "SHA256SUMS"
    assert store.find(sound.config).id == sound.id
    assert len(caught) == 1 and store.summary()["run"].tolist() == [sound.id]


def test_a_run_whose_files_fit_each_other_but_not_the_format(two_runs, tmp_path):
    """Checksums written anew after a change by hand."""
    import hashlib

    original, run, _ = two_runs
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "runs" / run.id
    for name, content in (("metrics.jsonl", b'{"epoch": 2}\n'), ("config.yaml", b"tetha: 3\n")):
        kept = contents(folder)
        (folder / name).write_bytes(content)
        sums = "".join(f"{hashlib.sha256((folder / f).read_bytes()).hexdigest()}  {f}\n" for f in FILES)
        (folder / "SHA256SUMS").write_text(sums)
        with pytest.warns(UserWarning, match=name):
            assert Store(tmp_path).find(CONFIG) is None
        for file, bytes_ in kept.items():
            (folder / file).write_bytes(bytes_)
    assert Store(tmp_path).find(CONFIG).id == run.id


def test_a_damaged_run_is_trained_again_and_left_as_it_is(tmp_path):
    run = train(CONFIG, 1, progress=False)
    alter(run.path / "metrics.jsonl")
    before = contents(run.path)
    with pytest.warns(UserWarning, match="damaged"):
        again = train(CONFIG, 1, progress=False)
    assert again.path != run.path
    assert contents(run.path) == before


def test_a_process_killed_while_saving_leaves_no_run_and_no_obstacle(tmp_path):
    process = support.processes().Process(target=save_and_die, args=(tmp_path, os.environ["FF_CACHE"]))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (left,) = (tmp_path / "runs").iterdir()
    assert (left / "metrics.csv").exists()  # It was in the middle of it.
    assert Store(tmp_path).runs() == []
    run = save(Store(tmp_path))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [run.id]


def save_and_die(root, cache):
    os.environ["FF_CACHE"] = cache  # The server that starts processes has the environment of an earlier test.
    results.draw_training_curves = lambda metrics, path: os.kill(os.getpid(), signal.SIGKILL)
    save(Store(root))


# -- failing writes -------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch):
    """Within `with failing(name, code)`, what opens a file of this name for writing fails with this error."""

    def failing(name, code):
        context = monkeypatch.context()
        opened = io.open

        def open_(file, mode="r", *arguments, **options):
            if str(file).endswith(name) and set(mode) & set("wax"):
                if code == errno.ENOSPC and os.path.exists("/dev/full"):
                    return opened("/dev/full", mode, *arguments, **options)  # Fails as a full disk does.
                raise OSError(code, os.strerror(code), str(file))
            return opened(file, mode, *arguments, **options)

        class Failing:
            def __enter__(self):
                patch = context.__enter__()
                patch.setattr(io, "open", open_)
                patch.setattr(builtins, "open", open_)

            def __exit__(self, *error):
                context.__exit__(*error)

        return Failing()

    return failing


def test_a_file_that_is_written_whole_may_have_any_name(tmp_path):
    with replacing(tmp_path / "net.tmp") as file:
        file.write(b"net")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("net.tmp", b"net")]


def no_training(*_):
    raise AssertionError("trained again")


@pytest.mark.parametrize("name", [f for f in FILES if f not in ("config.yaml", "metrics.jsonl")] + ["SHA256SUMS"])
def test_a_full_disk_while_a_run_is_saved(failing, monkeypatch, tmp_path, name):
    with failing(name, errno.ENOSPC), pytest.raises(UserError) as caught:
        train(CONFIG, 2, progress=False)
    assert "the disk is full: free some space" in str(caught.value)
    assert "the checkpoint is kept, and the same command goes on from it" in str(caught.value)
    assert list((tmp_path / "results/runs").iterdir()) == []
    monkeypatch.setattr(Trainer, "run_epoch", no_training)  # What was trained is not lost.
    assert train(CONFIG, 2, progress=False).epochs == 2


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "checkpoint.pt.tmp"])
@pytest.mark.parametrize("code, advice", [(errno.ENOSPC, "free some space"), (errno.EACCES, "FF_CACHE")])
def test_the_cache_cannot_be_written(failing, tmp_path, name, code, advice):
    """A run that was at epoch 2 is to be extended."""
    train(CONFIG, 2, progress=False)
    folder = tmp_path / "cache/runs" / CONFIG.digest
    checkpoint = (folder / "checkpoint.pt").read_bytes()
    with failing(name, code), pytest.raises(UserError) as caught:
        train(CONFIG, 4, progress=False, checkpoint_seconds=0)
    assert advice in str(caught.value) and str(folder) in str(caught.value)
    assert "The last checkpoint is kept" in str(caught.value)
    assert (folder / "checkpoint.pt").read_bytes() == checkpoint
    assert not (folder / "checkpoint.pt.tmp").exists()
    assert [run.epochs for run in Store().runs()] == [2]
    extended = train(CONFIG, 4, progress=False)
    other = train(CONFIG, 4, progress=False, store=Store(tmp_path / "other"))
    assert other.path != extended.path and extended.epochs == 4


def test_the_disk_fills_up_in_the_middle_of_training(monkeypatch, tmp_path):
    synchronize, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        synchronize(descriptor)

    whole = train(CONFIG, 4, progress=False, store=Store(tmp_path / "other"))
    shutil.rmtree(tmp_path / "cache")
    with monkeypatch.context() as broken, pytest.raises(UserError, match="the disk is full"):
        broken.setattr(os, "fsync", full)
        train(CONFIG, 4, progress=False, checkpoint_seconds=0)
    assert len(calls) == 3  # The checkpoint of epoch 3 failed, that of epoch 2 is kept.
    epochs = []
    run_epoch = Trainer.run_epoch
    monkeypatch.setattr(Trainer, "run_epoch", lambda t, step: epochs.append(t.epoch + 1) or run_epoch(t, step))
    run = train(CONFIG, 4, progress=False)
    assert epochs == [3, 4]
    support.assert_same_results(run, whole)


@pytest.mark.parametrize(
    "part, code, advice",
    [
        ("results", errno.EROFS, "it is read-only: name another folder in FF_RESULTS"),
        ("results", errno.EACCES, "you may not write there: .* in FF_RESULTS"),
        ("results/runs", errno.EROFS, "it is read-only: name another folder in FF_RESULTS"),
        ("cache", errno.EROFS, "it is read-only: name another folder in FF_CACHE"),
        ("cache", errno.EACCES, "you may not write there: .* in FF_CACHE"),
    ],
)
def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path, part, code, advice):
    """Refused before any training. (Permissions themselves would not stop the superuser.)"""
    closed, mkdir = tmp_path / part, os.mkdir
    if part == "results/runs":
        closed.mkdir(parents=True)

    def refuse(path, *arguments, **options):
        if Path(path).is_relative_to(closed):
            raise OSError(code, os.strerror(code), str(path))
        mkdir(path, *arguments, **options)

    with monkeypatch.context() as read_only, pytest.raises(UserError, match=advice):
        read_only.setattr(os, "mkdir", refuse)
        read_only.setattr(Trainer, "run_epoch", no_training)
        train(CONFIG, 1, progress=False)
    assert train(CONFIG, 1, progress=False).epochs == 1


def test_runs_that_start_at_the_same_moment(tmp_path):
    """None of them is told that it cannot write."""
    store = Store(tmp_path / "results")
    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(lambda _: store.check_writable(), range(400))) == [None] * 400
    assert not list(store.runs_folder.iterdir())


def test_a_lock_that_cannot_be_taken(monkeypatch, tmp_path):
    """The cache was made by someone else: its folder is there and closed."""
    open_ = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("lock"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open_(path, *arguments, **options)

    with monkeypatch.context() as closed, pytest.raises(UserError, match="you may not write there"):
        closed.setattr(os, "open", refuse)
        train(CONFIG, 1, progress=False)
    assert train(CONFIG, 1, progress=False).epochs == 1


def test_the_results_folder_is_a_file(tmp_path):
    (tmp_path / "results").write_text("not a folder")
    with pytest.raises(UserError, match=r"cannot write to .*results"):
        train(CONFIG, 1, progress=False)


# -- damaged checkpoint -----------------------------------------------------------------------------------


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [alter, truncate, empty, replace_by_folder])
def test_a_damaged_checkpoint(tmp_path, damage):
    train(CONFIG, 1, progress=False)
    checkpoint = tmp_path / "cache/runs" / CONFIG.digest / "checkpoint.pt"
    damage(checkpoint)
    with pytest.raises(UserError) as caught:
        train(CONFIG, 2, progress=False)
    assert str(checkpoint) in str(caught.value)
    assert "Remove it to start this run from its first epoch" in str(caught.value)
    if checkpoint.is_dir():
        checkpoint.rmdir()
    else:
        checkpoint.unlink()
    assert train(CONFIG, 2, progress=False).epochs == 2
