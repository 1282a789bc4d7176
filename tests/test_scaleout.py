"""A study on a cluster, whose workers are real and one of which is killed; and side by side on this machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import support

from ff_utils import RunConfig, Store, UserError, studies, train
from ff_utils import __main__ as command_line
from ff_utils.studies import Planned, cluster

CONFIG = RunConfig(dataset="digits", hidden=(32, 24), theta=3.0, lr=0.05, batch_size=50)
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "FF_COMPILE": "0", "FF_DTYPE": "float32"}


@pytest.fixture(autouse=True)
def number_format(monkeypatch):
    monkeypatch.setenv("FF_DTYPE", "float32")


def planned(count, epochs, **changes):
    return [Planned(CONFIG.vary(seed=seed, **changes), epochs) for seed in range(count)]


def wait_for(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"no {what} in a minute"
        time.sleep(0.01)


class Cluster:
    """A scheduler, and workers with a cache folder each."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        place = folder / "scheduler.json"
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", place)
        # Dask writes the file in place: it may be there before its content is.
        wait_for(lambda: place.exists() and place.read_text().rstrip().endswith("}"), "scheduler")
        self.address = json.loads(place.read_text())["address"]

    def start(self, what, *options, **environment):
        command = [sys.executable, "-m", "dask", what, "--no-dashboard", *map(str, options)]
        with open(self.folder / f"{len(self.processes)}-{what}.log", "w") as log:
            process = subprocess.Popen(
                command, env={**os.environ, **ENVIRONMENT, **environment}, stdout=log, stderr=log, cwd=self.folder
            )
        self.processes.append(process)
        return process

    def worker(self, *options):
        """A worker and its cache folder."""
        cache = self.folder / f"cache-{len(self.processes)}"
        given = ("--no-nanny", "--nthreads", "1", "--local-directory", self.folder / "scratch", *options)
        return self.start("worker", self.address, *given, FF_CACHE=str(cache)), cache

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """A scheduler without workers."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A scheduler with three workers: pairs of a process and its cache folder."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    made.workers = [made.worker() for _ in range(3)]
    yield made
    made.stop()


@pytest.fixture
def study(monkeypatch, capsys):
    """Run the command `study` in this process, as if it lacked what is planned."""

    def study(missing, address):
        monkeypatch.setattr(studies, "schedule", lambda names, profile: missing)
        monkeypatch.setattr(sys, "argv", ["ff_utils", "study", "theta", "--profile", "smoke", "--scheduler", address])
        code = command_line.main()
        return code, *capsys.readouterr()

    return study


@pytest.fixture
def interruptible():
    """SIGINT interrupts, even where the tests were started in the background, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def assert_each_once(missing):
    """The store holds every run once, equal to what this process trains alone."""
    runs = Store().runs()
    assert sorted(run.config.seed for run in runs) == [planned.config.seed for planned in missing]
    assert [path for path in Store().runs_folder.iterdir() if path.name.startswith(".")] == []
    return {run.config.seed: run for run in runs}


def test_an_interrupted_study_keeps_what_is_finished(busy, study, interruptible):
    missing = planned(12, epochs=8)

    def interrupt():
        wait_for(lambda: len(list(Store().runs_folder.glob("[0-9]*"))) >= 2, "finished run")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    code, _, errors = study(missing, busy.address)
    thread.join()
    assert code == 130 and "stopped; the same command goes on" in errors
    kept = {run.id for run in Store().runs()}
    assert 2 <= len(kept) < 12
    code, out, errors = study(missing, busy.address)
    assert code == 0, errors
    assert f"{12 - len(kept)} of {12 - len(kept)}" in out + errors
    runs = assert_each_once(missing)
    assert kept <= {run.id for run in runs.values()}
    _, cache = busy.workers[0]
    assert cache.exists() and not (busy.folder / "cache").exists()


def test_what_a_killed_worker_was_at_is_done_elsewhere_and_counted_once(busy, tmp_path):
    missing = planned(4, epochs=60, theta=2.0)
    struck = []

    def strike():
        """Kill the first worker that is in the middle of a run."""
        logs = {cache / "runs" / p.config.digest / "metrics.jsonl": (process, p.config)
                for process, cache in busy.workers for p in missing}  # fmt: skip
        under_way = lambda log: log.exists() and 3 <= log.read_text().count("\n") < 40  # noqa: E731
        wait_for(lambda: any(under_way(log) for log in logs), "run under way")
        log = next(log for log in logs if under_way(log))
        process, config = logs[log]
        process.send_signal(signal.SIGKILL)
        process.wait()
        struck.append((log, config))

    thread = threading.Thread(target=strike)
    thread.start()
    with cluster.connected(busy.address) as executor:
        cluster.distribute(missing, Store(), executor, progress=False)
    thread.join()
    ((log, config),) = struck
    assert log.read_text().count("\n") < 60  # It did not finish there.
    runs = assert_each_once(missing)
    alone = train(config, 60, store=Store(tmp_path / "alone"), progress=False)
    support.assert_same_results(runs[config.seed], alone)


def test_no_scheduler(study, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense", "udp://127.0.0.1:8786"):
        code, _, errors = study(planned(1, 1), address)
        assert code == 2
        assert errors.count("error: ") == 1 and "Traceback" not in errors
        assert f"no scheduler answers at {address}" in errors and "dask scheduler" in errors


def test_no_workers(idle, study, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    code, _, errors = study(planned(1, 1), idle.address)
    assert code == 2 and f"start some with: dask worker {idle.address}" in errors


def test_a_worker_without_the_package(idle, study, tmp_path):
    (tmp_path / "hide.py").write_text("import sys; sys.modules['ff_utils'] = None\n")
    process, _ = idle.worker("--preload", tmp_path / "hide.py")
    code, _, errors = study(planned(2, 1), idle.address)
    process.kill()
    process.wait()
    assert code == 2
    assert errors.startswith("error: tcp://127.0.0.1:") and "can't load this package" in errors
    assert "ff_utils" in errors and "Traceback" not in errors


# -- any executor -------------------------------------------------------------------------------------------


def offline(*_, **__):
    raise RuntimeError("no network")


def test_the_first_error_stops_the_study_and_keeps_what_is_finished(monkeypatch):
    """An executor of one thread; the data of the second run can't be had."""
    monkeypatch.setattr("torchvision.datasets.MNIST", offline)
    monkeypatch.delenv("FF_DATA", raising=False)
    first, *others = planned(20, 1)
    missing = [first, Planned(CONFIG.vary(dataset="mnist"), 1), *others]
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(UserError, match=r"worker on .*: the mnist data is not on this machine"):
            cluster.distribute(missing, Store(), executor, progress=False)
    (run,) = Store().runs()
    assert run.config == first.config


def test_a_worker_of_other_versions():
    theirs = cluster.versions() | {"engine_version": 0}
    with pytest.raises(UserError, match=r"worker on .* has other versions: .*'engine_version': 0.*Install there"):
        cluster.train_there(planned(1, 1)[0], theirs)
    assert Store().runs() == []


# -- side by side -------------------------------------------------------------------------------------------

# As a reader writes one: with no guard around what it does.
SCRIPT = """
import torch
from ff_utils import RunConfig, Store
from ff_utils.studies import Planned, collecting

torch.set_num_threads(2)
collecting.START, collecting.SMALL = 0, 32
base = RunConfig(dataset="digits", hidden=(32, 24), theta=3.0, lr=0.05, batch_size=50)
missing = [Planned(base.vary(seed=seed), 2) for seed in range(3)]
missing.insert(1, Planned(base.vary(hidden=(40, 24)), 2))
collecting.train_all(missing, Store(), 1_000, progress=False)
"""


def test_small_nets_train_side_by_side_as_they_do_alone_and_wide_ones_after_them(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script]
    done = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    small, wide = (done.stdout.index(said) for said in ("training 3 runs, 2 at a time", "training 1 run, about"))
    assert small < wide
    (last,) = [run for run in Store().runs() if run.config.hidden == (40, 24)]
    assert last.provenance["threads"] == 2
    shutil.rmtree(last.path)
    missing = planned(3, 2)
    for seed, run in assert_each_once(missing).items():
        assert run.provenance["threads"] == 1
        alone = train(missing[seed].config, 2, store=Store(tmp_path / "alone"), progress=False)
        support.assert_same_results(run, alone)


def test_a_process_that_dies():
    with pytest.raises(UserError, match=r"a process that trained died.*the same command trains the rest"):
        with cluster.side_by_side(2) as executor:
            executor.submit(os._exit, 1).result()
