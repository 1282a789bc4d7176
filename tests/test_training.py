"""Training goes on exactly where it stopped: resumed, extended, killed; and never twice at once."""

import os
import platform
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import support
import torch
import torch.nn.functional as F

from ff_utils import RunConfig, Store, UserError, kernels, load, record, studies, train, training
from ff_utils.labels import inject
from ff_utils.recipes import command_of
from ff_utils.studies import collecting
from ff_utils.trainer import Trainer
from ff_utils.training import read_checkpoint
from ff_utils.twin import trainer_class

VARIATIONS = {
    "plain": {},
    "averaging, decay, schedule": {
        "weight_averaging": 0.9, "weight_decay": 0.01, "weight_decay_form": "decoupled", "decay_from": 1, "decay_to": 5,
    },
    "dropout, jitter": {"dropout": 0.2, "input_dropout": 0.1, "jitter": 2},
    "per layer, peers": {
        "theta": (5.0, 4.0, 3.0), "lr": (0.02, 0.05, 0.01), "bias_lr": 0.003, "peer_normalization": 0.1,
    },
    "sampled, warm-up": {"negatives": "one_pass_sampled", "warmup": 1, "bias": False, "momentum": 0.5},
    "a standardized head's negatives": {"negatives": "one_pass", "head_inputs": "standardized"},
    "label search, no head": {"negatives": "label_search", "head_lr": 0, "layer_reduction": "sum"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    support.skip_drawing(monkeypatch)


@pytest.fixture
def small(small):
    return {**small, "batch_size": 150}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Train with other folders, so that nothing is shared with the run under test."""

    def elsewhere(config, epochs, **options):
        with monkeypatch.context() as other:
            other.setenv("FF_CACHE", str(tmp_path / "cache-elsewhere"))
            other.setenv("FF_RESULTS", str(tmp_path / "results-elsewhere"))
            return train(config, epochs, progress=False, **options)

    return elsewhere


def interrupt(monkeypatch, config, epochs, during, checkpoint_seconds=0, **options):
    """Train with a Ctrl-C in epoch `during`."""
    run_epoch = Trainer.run_epoch

    def interrupted(trainer, after_step=None):
        if trainer.epoch + 1 == during:
            raise KeyboardInterrupt
        return run_epoch(trainer, after_step)

    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stopping.setattr(Trainer, "run_epoch", interrupted)
        train(config, epochs, progress=False, checkpoint_seconds=checkpoint_seconds, **options)


def checkpoint_of(tmp_path, config, cache="cache"):
    return tmp_path / cache / "runs" / config.digest / "checkpoint.pt"


def assert_same_tensors(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        if isinstance(value, dict):
            assert_same_tensors(value, theirs[name])
        elif isinstance(value, torch.Tensor):
            assert torch.equal(value, theirs[name]), name


@pytest.mark.parametrize("changes", VARIATIONS.values(), ids=VARIATIONS)
def test_a_resumed_run_equals_one_that_never_stopped(changes, small, monkeypatch, tmp_path, elsewhere):
    config = RunConfig(**{**small, **changes})
    interrupt(monkeypatch, config, 4, during=3)
    assert read_checkpoint(checkpoint_of(tmp_path, config))["epoch"] == 2
    resumed, whole = train(config, 4, progress=False), elsewhere(config, 4)
    support.assert_same_results(resumed, whole)
    # Evaluation has few digits; the weights, averages, velocities and running means have all of them.
    ours, theirs = (read_checkpoint(checkpoint_of(tmp_path, config, c)) for c in ("cache", "cache-elsewhere"))
    assert_same_tensors(ours, theirs)
    assert resumed.metrics.train_loss.is_unique  # It learned in every epoch.


def test_the_same_configuration_gives_the_same_digits_and_another_seed_others(small, elsewhere):
    config = RunConfig(**small)
    first = train(config, 2, progress=False)
    support.assert_same_results(first, elsewhere(config, 2))
    other = train(config.vary(seed=1), 2, progress=False)
    assert (support.measured(other).train_loss != support.measured(first).train_loss).all()


def test_an_extended_run_equals_one_of_full_length(small, elsewhere):
    config = RunConfig(**small, jitter=1)
    short = train(config, 2, progress=False)
    long = train(config, 4, progress=False)
    support.assert_same_results(long, elsewhere(config, 4))
    assert short.path != long.path
    assert [run.epochs for run in Store().runs()] == [2, 4]  # The short one was not overwritten.
    shared = [name for name in support.measured(short) if not name.startswith("test_")]
    # Its last row alone is evaluated in float32, and on the test images.
    assert short.metrics[shared].iloc[:1].equals(long.metrics[shared].iloc[:1])
    assert np.isnan(long.metrics.loc[2, "test_label_search_error"])


def test_a_stored_run_is_returned_and_not_trained_again(small, monkeypatch):
    config = RunConfig(**small)
    run = train(config, 2, progress=False)

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(Trainer, "run_epoch", refuse)
    assert train(config, 2, progress=False).path == run.path
    assert train(config, 1, progress=False).path == run.path


def test_a_checkpoint_further_on_is_not_thrown_away(small, monkeypatch, elsewhere):
    """A run is asked for with at least so many epochs, as in the store."""
    config = RunConfig(**small)
    interrupt(monkeypatch, config, 9, during=4)
    run = train(config, 2, progress=False)
    support.assert_same_results(run, elsewhere(config, 3))
    assert "--epochs 3" in run.provenance["command"]


def test_a_resumed_run_keeps_its_number_format(small, monkeypatch, elsewhere):
    """The fastest one is measured, and measured again it might be another."""
    config = RunConfig(**small)
    monkeypatch.setenv("FF_DTYPE", "float32")
    interrupt(monkeypatch, config, 3, during=2)
    monkeypatch.setenv("FF_DTYPE", "bfloat16")
    run = train(config, 3, progress=False)
    support.assert_same_results(run, elsewhere(config, 3, dtype=torch.float32))
    assert run.provenance["dtype"] == "float32"


def test_resuming_under_other_versions_warns_and_is_recorded(small, monkeypatch, capsys):
    config = RunConfig(**small)
    interrupt(monkeypatch, config, 3, during=2)
    with monkeypatch.context() as newer:
        newer.setattr(record, "ENGINE_VERSION", record.ENGINE_VERSION + 1)
        interrupt(monkeypatch, config, 3, during=3)
    before, now = record.ENGINE_VERSION, record.ENGINE_VERSION + 1
    told = f"resuming at epoch 1; digits may differ (engine version: {before}, now {now})"
    assert told in capsys.readouterr().out
    run = train(config, 3, progress=False)  # Back to the first version: that is a change too.
    assert [part["at_epoch"] for part in run.provenance["resumed"]] == [1, 2]


@pytest.mark.parametrize("what", record.SAME_DIGITS)
def test_resuming_on_another_machine_warns(what, small, monkeypatch, capsys):
    """Or with other data, threads or formats: whatever else may change the digits."""
    config = RunConfig(**small)
    interrupt(monkeypatch, config, 3, during=2)
    elsewhere = training.describe_machine
    monkeypatch.setattr(training, "describe_machine", lambda *args: elsewhere(*args) | {what: "another"})
    run = train(config, 3, progress=False)
    assert f"digits may differ ({what.replace('_', ' ')}: " in capsys.readouterr().out
    assert [part[what] for part in run.provenance["resumed"]] == ["another"]


def test_an_uneventful_resumption_is_silent(small, monkeypatch, capsys):
    config = RunConfig(**small)
    interrupt(monkeypatch, config, 2, during=2)
    capsys.readouterr()
    run = train(config, 2, progress=False)
    assert capsys.readouterr().out == ""
    assert "resumed" not in run.provenance


def test_what_is_measured_when(small):
    metrics = train(RunConfig(**small), 7, progress=False).metrics
    measured = {name: metrics.index[metrics[name].notna()].tolist() for name in metrics}
    assert measured["val_one_pass_error"] == measured["train_loss"] == [1, 2, 3, 4, 5, 6, 7]
    assert measured["val_label_search_error"] == measured["layer2_error"] == [1, 2, 3, 5, 7]
    assert measured["test_label_search_error"] == measured["test_one_pass_error"] == [7]


def test_a_search_of_the_last_layer_errs_as_that_layer_does_alone(small):
    run = train(RunConfig(**small, goodness_from=len(small["hidden"])), 3, progress=False)
    for part, layer in (("val", "layer3_error"), ("test", "test_layer3_error")):
        assert run.at(3, f"{part}_label_search_error") == run.at(3, layer) != run.at(3, layer.replace("3", "1"))
    assert not run.has(2, "test_layer3_error")


def test_what_is_stored_is_what_the_trained_net_says(small, tmp_path):
    """From the weights of the last checkpoint: predictions, errors and unit activities by definition."""
    config = RunConfig(**small, init="normal", weight_averaging=0.5)
    run = train(config, 3, progress=False, dtype=torch.float64)
    trainer = Trainer(config, load("digits"), torch.float64)
    trainer.load(read_checkpoint(next((tmp_path / "cache").rglob("checkpoint.pt"))))
    for short, part in (("val", trainer.validation), ("test", trainer.test)):
        images, labels = part.images.flatten(1).double() / 255, part.labels
        goodness = support.plain_goodness(trainer.network, images, averaged=True)
        expected = {
            f"{short}_label_search": goodness[1:].sum(0).argmax(1),
            f"{short}_one_pass": support.plain_head(trainer.network, trainer.head, images, averaged=True).argmax(1),
        }
        assert (run.predictions[f"{short}_labels"] == labels.numpy()).all()
        for name, predictions in expected.items():
            assert (run.predictions[f"{name}_3"] == predictions.numpy()).all()
            assert run.at(3, f"{name}_error") == pytest.approx(100 * float((predictions != labels).double().mean()))
        for layer, own in enumerate(goodness, 1):
            column = f"{'test_' if short == 'test' else ''}layer{layer}_error"
            assert run.at(3, column) == pytest.approx(100 * float((own.argmax(1) != labels).double().mean()))


def test_it_learns():
    """The digits, well below the 90 % of chance."""
    config = RunConfig(
        dataset="digits", hidden=(100, 100, 100), theta=5.6, lr=(0.01, 0.3, 0.3), layer_reduction="sum", batch_size=50
    )
    run = train(config, 20, progress=False)
    assert run.at(20, "val_label_search_error") < 30
    assert run.at(20, "test_one_pass_error") < 30


# -- real processes -----------------------------------------------------------------------------------


def command_line(environment, arguments, checkpoint_seconds):
    """What a process of the next tests runs: the command line, with more frequent checkpoints."""
    from functools import partial

    from ff_utils import __main__ as cli

    os.environ.update(environment)
    torch.set_num_threads(1)
    cli.train = partial(cli.train, checkpoint_seconds=checkpoint_seconds)
    sys.argv = ["ff_utils", *arguments]
    sys.exit(cli.main())


@pytest.fixture
def start(tmp_path):
    """Starts `python -m ff_utils train` for a configuration; what still runs at the end is killed."""
    started = []

    def start(config, epochs, checkpoint_seconds):
        environment = {"FF_CACHE": str(tmp_path / "cache"), "FF_RESULTS": str(tmp_path / "results"), "FF_COMPILE": "0"}
        arguments = [*command_of(config, epochs).split()[3:], "--no-progress"]
        process = support.processes().Process(target=command_line, args=(environment, arguments, checkpoint_seconds))
        log = tmp_path / "cache" / "runs" / config.digest / "metrics.jsonl"
        log.unlink(missing_ok=True)  # That of a killed one, which the next writes anew from its checkpoint.
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def wait_for_rows(tmp_path, config, process, count):
    """Until the running process has logged `count` epochs."""
    rows = tmp_path / "cache" / "runs" / config.digest / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (rows.exists() and rows.read_text().count("\n") >= count):
        assert process.is_alive(), f"ended with {process.exitcode}"
        assert time.monotonic() < deadline, "logged nothing in a minute"
        time.sleep(0.005)


def test_a_run_killed_at_random_moments_equals_one_that_was_not(small, start, tmp_path, elsewhere):
    config, epochs, draw = RunConfig(**small, jitter=1), 20, random.Random(0)
    whole = elsewhere(config, epochs)
    an_epoch = whole.metrics.seconds.median()
    reached = [0]
    for checkpoint_seconds in (60, 0, 0.1, 0):
        process = start(config, epochs, checkpoint_seconds)
        wait_for_rows(tmp_path, config, process, reached[-1] + 2)  # Those of its checkpoint, and two of its own.
        time.sleep(draw.random() * an_epoch)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        checkpoint = checkpoint_of(tmp_path, config)
        reached.append(read_checkpoint(checkpoint)["epoch"] if checkpoint.exists() else 0)
    assert reached == sorted(reached)
    assert reached[1] == 0 < reached[2] < reached[-1]  # Killed before its first checkpoint, and after others.
    last = start(config, epochs, 60)
    last.join()
    assert last.exitcode == 0
    (run,) = Store().runs()
    support.assert_same_results(run, whole)
    assert [path.name for path in Store().runs_folder.iterdir()] == [run.id]


def test_two_processes_on_one_configuration(small, start, tmp_path):
    config = RunConfig(**small)
    process = start(config, 100_000, 60)
    wait_for_rows(tmp_path, config, process, 1)
    with pytest.raises(UserError, match=r"another process is training this configuration .*Wait for it, or stop it"):
        train(config, 2, progress=False)
    assert process.is_alive()
    assert train(config.vary(seed=1), 1, progress=False).epochs == 1  # Another one is nobody's business.
    process.kill()
    process.join()
    assert train(config, 2, progress=False).epochs == 2  # Its lock died with it.


def test_a_study_waits_for_another_process_that_is_at_its_run(small, start, tmp_path):
    config = RunConfig(**small)
    process = start(config, 2000, 60)
    wait_for_rows(tmp_path, config, process, 1)
    threading.Timer(1, process.kill).start()
    collecting.train_all([studies.Planned(config, 2)], Store(), 1077, progress=False)
    assert Store().find(config, 2)


@pytest.mark.parametrize("algorithm", ["backprop", "backprop_goodness_all", "none"])
def test_a_trainer_refuses_what_another_class_trains(small, algorithm):
    config = RunConfig(**small, algorithm=algorithm)
    with pytest.raises(UserError, match=f"Trainer does not train by {algorithm}"):
        Trainer(config, load("digits"))
    assert trainer_class(config)(config, load("digits")).config is config


OPTIONS = [
    {},
    {"decay_from": 1, "decay_to": 4},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "decay_biases": True},
    {"weight_decay": 0.1, "weight_decay_form": "decoupled", "decay_biases": True},
    {"lr": (0.02, 0.05, 0.01), "bias_lr": 0.003},
    {"weight_averaging": 0.8},
    {"dropout": 0.4},
]


@pytest.mark.parametrize("changes", OPTIONS, ids=str)
def test_three_steps_follow_the_configuration(small, changes):
    """From the definitions alone: gradients by autograd, then momentum, decay, schedule and average by hand."""
    config = RunConfig(**small | {"batch_size": 50, "init": "normal", "head_lr": 0} | changes)
    t = Trainer(config, load("digits"), torch.float64)
    parameters = [[p.value.clone().requires_grad_() for p in (la.weight, la.bias)] for la in t.network.layers]
    averages = [[p.detach().clone() for p in pair] for pair in parameters]
    velocities = [[torch.zeros_like(p) for p in pair] for pair in parameters]
    coupled = config.weight_decay_form == "coupled"
    for epoch, factor in ((1, 1), (2, 1), (3, 2 / 3 if config.decay_to else 1)):
        draws = t.draws(epoch)
        rows, source = draws.order[:50], torch.Generator()
        source.set_state(draws.dropout.get_state())
        found, wrong = t.step(rows, draws)
        kept = [torch.rand(50, units, generator=source) >= config.dropout for units in config.hidden[:-1]]
        images = t.images[rows].double() / 255
        x = torch.cat([inject(images, labels) for labels in (t.labels[rows], wrong)])
        target = torch.cat([torch.ones(50), torch.zeros(50)]).double()
        for i, (weight, bias) in enumerate(parameters):
            y = (x @ weight + bias).relu()
            goodness = y.square().sum(1)
            loss = F.binary_cross_entropy_with_logits(goodness - 4, target) / 3
            means = torch.stack([loss, *goodness.view(2, 50).mean(1)])  # Of the positives and of the negatives.
            torch.testing.assert_close(found[i], means.detach())
            gradients = torch.autograd.grad(loss, (weight, bias))
            x = F.normalize(y.detach(), dim=1)
            if config.dropout and i < 2:
                x = x * (kept[i] / (1 - config.dropout)).repeat(2, 1)
            lr = config.per_layer("lr")[i]
            rates = ((lr, config.weight_decay), (config.bias_lr or lr, config.weight_decay * config.decay_biases))
            for k, (rate, decay) in enumerate(rates):
                with torch.no_grad():
                    p, rate = parameters[i][k], rate * factor
                    velocities[i][k] = 0.9 * velocities[i][k] + gradients[k] + (decay * p if coupled else 0)
                    p.copy_(p * (1 if coupled else 1 - rate * decay) - rate * velocities[i][k])
                    averages[i][k].mul_(config.weight_averaging).add_((1 - config.weight_averaging) * p)
    for layer, pair, means in zip(t.network.layers, parameters, averages, strict=True):
        for ours, expected, mean in zip((layer.weight, layer.bias), pair, means, strict=True):
            torch.testing.assert_close(ours.value, expected.detach())
            if config.weight_averaging:
                torch.testing.assert_close(ours.average, mean)


def test_orthogonal_steps_reach_the_net(small):
    t = Trainer(RunConfig(**small, optimizer="orthogonal"), load("digits"), torch.float64)
    weight, draws = t.network.layers[1].weight, t.draws(1)
    before = weight.value.clone()
    t.step(draws.order[:50], draws)
    assert 0.6 < torch.linalg.svdvals((before - weight.value) / (0.05 * (48 / 64) ** 0.5)).max() < 1.25


def test_first_weights_are_uniform_in_one_over_the_root_of_the_inputs(small):
    t = Trainer(RunConfig(**small, init_scale=2.0), load("digits"), torch.float64)
    for layer, inputs in zip(t.network.layers, (784, 64, 48), strict=True):
        weight = layer.weight.value * inputs**0.5 / 2
        assert 0.99 < weight.abs().max() <= 1 and weight.std().item() == pytest.approx(3**-0.5, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_loaded_net_multiplies_what_was_saved(small, dtype):
    saved, loaded = (Trainer(RunConfig(**small), load("digits"), dtype) for _ in range(2))
    saved.run_epoch()
    loaded.load(saved.state())
    for ours, theirs in zip(loaded.network.layers, saved.network.layers, strict=True):
        assert torch.equal(ours.weight.rounded, theirs.weight.rounded)


def test_milestones_have_a_test_error(small, monkeypatch):
    monkeypatch.setattr(training, "MILESTONES", (2,))
    for epochs, measured in ((2, [2]), (3, [2, 3])):
        errors = train(RunConfig(**small), epochs, progress=False).metrics["test_label_search_error"]
        assert errors.index[errors.notna()].tolist() == measured


def test_a_run_that_diverges_is_no_result(small, tmp_path):
    config = RunConfig(**{**small, "lr": 1e30, "init": "normal"})
    with pytest.raises(UserError, match=r"diverged in epoch 1: the loss is nan.*lower learning rate.*--lr 1e\+30"):
        train(config, 2, progress=False)
    assert Store().runs() == []


@pytest.mark.parametrize(
    ("every", "told"),
    [
        (0, "interrupted in epoch 3; kept up to epoch 2 in "),
        (60, "interrupted in epoch 3; nothing is kept yet (once in 60 s)"),
    ],
)
def test_an_interrupted_run_says_what_is_kept(every, told, small, monkeypatch, capsys):
    interrupt(monkeypatch, RunConfig(**small), 4, during=3, checkpoint_seconds=every)
    assert told in capsys.readouterr().out


def test_an_error_that_was_not_measured_then_is_refused(small):
    with pytest.raises(UserError, match=r"at epochs \[2\], not at 1"):
        train(RunConfig(**small), 2, progress=False).at(1, "test_label_search_error")


def test_a_machine_with_a_gpu_is_asked_whether_it_can_compile():
    """In a process of its own: others may have loaded what PyTorch itself loads only when it compiles."""
    script = "from ff_utils import kernels; print(kernels.compiler_found('cuda'))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == str(torch.cuda.is_available())


def test_each_net_says_whether_its_kernels_are_compiled(small, monkeypatch):
    """Whatever net was made or trained in between."""
    monkeypatch.delenv("FF_COMPILE")
    large = Trainer(RunConfig(**small), load("digits"), compiled=True)
    other = Trainer(RunConfig(**small), load("digits"))
    assert large.network.compiled == kernels.compiler_found("cpu") and not other.network.compiled
    for trainer in (large, other, large):
        said = []
        monkeypatch.setattr(kernels, "use_compiled", said.append)
        draws = trainer.draws(1)
        trainer.step(draws.order[:50], draws)
        trainer.evaluate("validation", search=False)
        assert set(said) == {trainer.network.compiled}


@pytest.mark.parametrize(("wanted", "choice", "expected"), [
    (True, None, True), (False, None, False), (True, "0", False), (False, "1", True),
])  # fmt: skip
def test_the_environment_decides_whether_to_compile(wanted, choice, expected, monkeypatch):
    monkeypatch.setattr(kernels, "compiler_found", lambda device_type: True)
    monkeypatch.delenv("FF_COMPILE", raising=False)
    if choice:
        monkeypatch.setenv("FF_COMPILE", choice)
    assert kernels.can_compile(wanted, torch.device("cpu")) is expected


COUNT_FAULTS = """
import resource, statistics, sys, torch
from ff_utils import RunConfig, Trainer, kernels, load
if sys.argv[1] == "returned":
    kernels.keep_freed_memory = lambda: None
torch.set_num_threads(1)
trainer = Trainer(RunConfig(dataset="digits", hidden=(1500, 1500), theta=50.0), load("digits"), torch.float32)
draws = trainer.draws(1)
faults = []
for step in range(20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    trainer.step(draws.order[:500], draws)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
# The first step takes all its memory, and a heap may grow once more later: the median is the step of a long run.
print(statistics.median(faults))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries manage memory in their own way")
def test_a_step_takes_no_fresh_memory_from_the_system():
    """Each page that the system hands out anew costs a fault, and a step of this net would take thousands."""
    kept, returned = (
        float(subprocess.check_output([sys.executable, "-c", COUNT_FAULTS, what])) for what in ("kept", "returned")
    )
    assert kept < 100 < 1000 < returned


def test_a_step_with_dropped_pixels_follows_the_local_gradient(small):
    changes = {"input_dropout": 0.4, "momentum": 0, "lr": 0.5, "init": "normal", "input_normalization": "rms"}
    t = Trainer(RunConfig(**small | changes), load("digits"), torch.float64)
    first, update, seen = t.network.layers[0], t.network.update, []
    before, bias = first.weight.value.clone(), first.bias.value.clone()
    t.network.update = lambda pixels, both, *rates: seen.append((pixels, both.codes)) or update(pixels, both, *rates)
    rows, draws = torch.arange(150), t.draws(1)
    t.step(rows, draws)

    ((pixels, codes),) = seen
    whole = t.network.pixels(t.images[rows])
    kept = pixels.values != 0
    inked = whole.values != 0
    assert 0.55 < (kept & inked).sum() / inked.sum() < 0.65
    torch.testing.assert_close(pixels.values, whole.values * kept / 0.6)

    # The scale of the input is that of the whole image, as in evaluation.
    labels = t.network.code_values[codes]
    scale = (((whole.values**2).sum(1) + (labels**2).sum(2)) / t.network.inputs).rsqrt()
    x = torch.cat([labels, pixels.values.expand(2, -1, -1)], 2) * scale[:, :, None]
    weight = before.clone().requires_grad_()
    goodness = (x @ weight + bias).relu().square().sum(2) - t.network.theta[0]
    loss = F.binary_cross_entropy_with_logits(goodness, torch.tensor([[1.0], [0.0]]).double().expand(2, 150))
    (gradient,) = torch.autograd.grad(loss / len(t.network.layers), weight)
    assert gradient.abs().max() > 1e-4
    torch.testing.assert_close(first.weight.value, before - 0.5 * gradient)
