"""Bad input on the command line and in files: one clear message, exit code 2, no traceback."""

import re
import subprocess
import sys

import pandas as pd
import pytest
import support  # noqa: F401 - one thread
import yaml

from ff_utils import RunConfig, Store, UserError, studies, train
from ff_utils import __main__ as command_line
from ff_utils.config import load_config, make_config
from ff_utils.studies import collecting

TINY = ["--dataset", "digits", "--hidden", "16", "12", "--epochs", "1", "--no-progress"]


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command line in this process; returns (exit code, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ff_utils", *map(str, arguments)])
        try:
            code = command_line.main()
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--tetha", "3"], "--tetha"),
        (["--theta", "-1"], "theta: Input should be greater than 0 (given: -1.0)"),
        (["--theta", "many"], "--theta"),
        (["--theta", "1", "2", "3"], "theta has 3 values for 2 hidden layers"),
        (["--lr", "nan"], "lr: Input should be a finite number (given: nan)"),
        (["--hidden", "64"], "hidden: "),
        (["--hidden", "64", "-3"], "hidden: Input should be greater than 0 (given: -3)"),
        (["--momentum", "1"], "momentum: Input should be less than 1"),
        (["--jitter", "1.5"], "--jitter"),
        (["--jitter", "9"], "jitter: Input should be less than or equal to 8"),
        (["--init", "zeros"], "--init"),
        (["--bias", "maybe"], "maybe"),
        (["--goodness-from", "3"], "goodness_from is 3, but there are 2 layers"),
        (["--decay-from", "3"], "decay_from and decay_to go together"),
        (["--decay-from", "3", "--decay-to", "2"], "decay_to must be greater than decay_from"),
        (["--negatives", "one_pass", "--head-lr", "0"], "give head_lr above 0"),
        (["--negatives", "nope"], "no sampler 'nope'; there are random, all, label_search"),
        (["--dataset", "nope"], "no data set 'nope'; the data sets are mnist"),
        (["--recipe", "nope"], "no recipe 'nope'; the recipes are paper, hinton"),
        (["--epochs", "0"], "epochs is 0; give at least 1"),
        (["--epochs", "-3"], "epochs is -3; give at least 1"),
        (["--epochs", "two"], "--epochs"),
        (
            ["--decay-from", "3", "--decay-to", "6", "--epochs", "20"],
            "0 after epoch 6, so 20 epochs would learn no more. Give at most 6, or a schedule of that length: "
            "--decay-from 10 --decay-to 20",
        ),
        (["--recipe", "hinton", "--config", "config.yaml"], "give --recipe or --config"),
        (["--config"], "python -m ff_utils train"),
        (["--optimizer", "orthogonal", "--weight-decay", "0.01"], "give weight_decay_form decoupled"),
        (["--config", "/no/such/config.yaml"], "cannot read /no/such/config.yaml: No such file"),
    ],
)
def test_one_message_and_exit_code_2(call, tmp_path, arguments, told):
    code, _, err = call("train", *TINY, *arguments)
    assert code == 2
    assert told in err
    assert "Traceback" not in err
    field = told.split(":")[0]
    assert err.count(f"  {field}: ") <= 1  # Not once for every shape that the field may have.
    assert not (tmp_path / "results").exists()


def test_a_command_that_does_not_exist(call):
    code, _, err = call("trian")
    assert code == 2 and "no command 'trian'; the commands are train" in err


def test_nothing_to_collect(call):
    code, _, err = call("collect")
    assert code == 2 and "no finished run in" in err


def test_the_command_line_trains_and_collects(call, tmp_path):
    code, out, err = call("train", *TINY)
    assert code == 0, err
    assert "val_label_search_error" in out and "results in" in out
    code, out, err = call("collect")
    assert code == 0, err
    (run,) = Store().runs()
    table = pd.read_csv(tmp_path / "results/summary_runs.csv")
    assert out.startswith("1 run;") and table["run"].tolist() == [run.id]
    assert table["test_label_search_error"][0] == pytest.approx(run.at(1, "test_label_search_error"))


def test_damaged_runs_are_named_and_the_others_collected(call, tmp_path):
    call("train", *TINY)
    call("train", *TINY, "--seed", "1")
    first, second = Store().runs()
    (first.path / "metrics.jsonl").write_text("{")
    code, out, err = call("collect")
    assert code == 2 and out.startswith("1 run; written to")
    assert err.splitlines()[-1] == f"error: 1 run left out as damaged: {first.id}"
    assert "warning: " in err and "results.py" not in err
    assert pd.read_csv(tmp_path / "results/summary_runs.csv")["run"].tolist() == [second.id]


def test_a_study_says_how_much_is_missing_and_where_it_goes(call):
    _, out, _ = call("study", "theta", "--profile", "smoke", "--list")
    runs = len(studies.schedule(["theta"], "smoke"))
    own, _ = collecting.stores("smoke")
    assert re.search(rf"^{runs} runs, about \d+ \w+ here, into {re.escape(str(own.root))}$", out, re.MULTILINE)


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_an_unknown_choice_to_compile(value, monkeypatch, small):
    monkeypatch.setenv("FF_COMPILE", value)
    with pytest.raises(UserError, match=f"FF_COMPILE is '{value}'; it may be 0 or 1"):
        train(RunConfig(**small), 1, progress=False)


@pytest.mark.parametrize("listed", [True, False])
def test_a_study_trains_what_it_lists_unless_it_is_only_to_list(call, monkeypatch, listed):
    trained = []
    monkeypatch.setattr(collecting, "train_all", lambda missing, *_, **__: trained.extend(missing))
    code, out, _ = call("study", "theta", "--profile", "smoke", *(["--list"] if listed else []))
    planned = studies.schedule(["theta"], "smoke")
    assert code == 0 and out.count("python -m ff_utils train") == len(planned)
    assert trained == ([] if listed else planned)


def test_a_reader_that_has_seen_enough():
    process = subprocess.Popen(
        [sys.executable, "-m", "ff_utils", "study", "ladder", "--list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"ladder: ")
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 0


def test_a_real_process_prints_one_message():
    command = [sys.executable, "-m", "ff_utils", "train", *TINY, "--theta", "-1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: not a valid run:\n  theta: Input should be greater than 0 (given: -1.0)\n"


BAD_FILES = {
    "a field that does not exist": ("tetha: 3\n", "tetha: no such field; the fields are dataset,"),
    "out of range": ("momentum: 1.5\n", "momentum: Input should be less than 1 (given: 1.5)"),
    "wrong type": ("hidden: wide\n", "hidden: Input should be a valid tuple (given: 'wide')"),
    "broken YAML": ("theta: [1, 2\n", "is not valid YAML"),
    "not text": (b"\xff\xfe\x00theta", "is not valid YAML"),
    "a list": ("- theta\n", "does not hold a run configuration"),
    "empty": ("", "does not hold a run configuration"),
    "a key that is no word": ("1: 2\n", "1: Keys should be strings"),
}


@pytest.mark.parametrize("content, told", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_config_file(call, tmp_path, content, told):
    path = tmp_path / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, _, err = call("train", "--config", path)
    assert code == 2
    assert str(path) in err and told in err
    assert "Traceback" not in err


def test_a_config_file_that_is_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*directory"):
        load_config(tmp_path)


def test_a_config_file_and_changes_to_it(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"theta": 7.0, "seed": 3}))
    options = command_line.parse_train(["--config", str(path), "--seed", "4"])
    assert options.run == RunConfig(theta=7.0, seed=4)


@pytest.mark.parametrize(
    "values, told",
    [
        ({"theta": None}, "theta: Input should be a valid number"),
        ({"lr": [0.1, -1, 0.1, 0.1]}, "lr: Input should be greater than 0 (given: -1)"),
        ({"bias_lr": "x"}, "bias_lr: Input should be a valid number"),
        ({"theta": 0, "seed": -1}, "seed: Input should be greater than or equal to 0"),
    ],
)
def test_every_bad_field_is_named(values, told):
    with pytest.raises(UserError) as caught:
        make_config(values)
    assert told in str(caught.value)
    for field in values:
        assert f"\n  {field}: " in str(caught.value)


@pytest.mark.parametrize("field", ["dataset", "negatives", "goodness"])
def test_names_are_refused_before_any_work(monkeypatch, tmp_path, field):
    def no_data(*_):
        raise AssertionError("the data was loaded")

    monkeypatch.setattr("ff_utils.data._load", no_data)
    with pytest.raises(UserError, match="'nope'"):
        train(RunConfig(**{field: "nope"}), 1, progress=False)
    assert not (tmp_path / "results").exists() and not (tmp_path / "cache").exists()


def test_an_unknown_number_format(monkeypatch, small):
    monkeypatch.setenv("FF_DTYPE", "float8")
    with pytest.raises(UserError, match="FF_DTYPE is 'float8'"):
        train(RunConfig(**small), 1, progress=False)
