"""The exported net, and the page that runs it: the browser computes what Python does, offline and from disk."""

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import support
import test_pages
import torch
from playwright.sync_api import Page, expect

from ff_utils import RunConfig, Store, UserError, load, recipe, train
from ff_utils import __main__ as command_line
from ff_utils.export import ASSIGNMENT, LARGEST_FILE, Matrix, Packed, export, read, rebuild, trained_net
from ff_utils.readout import neutral_codes, one_image

ROOT = Path(__file__).resolve().parent.parent
NET = ROOT / "book/_static/draw/net.js"
TINY = {"dataset": "digits", "hidden": (40, 32, 36), "batch_size": 50}

page = test_pages.page  # Offline; fails where anything goes wrong on the page.


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    support.skip_drawing(monkeypatch)


# -- the file -----------------------------------------------------------------------------------------


def test_rounding_is_within_half_a_step():
    weight = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 2, 7)
    weight[:, 3] = 0
    matrix = Matrix.of(weight)
    step = torch.from_numpy(matrix.scale.array())
    assert ((matrix.weight() - weight).abs() <= step / 2 * 1.0001).all()
    assert (matrix.weight()[:, 3] == 0).all()
    assert np.abs(matrix.values.array()).max() == 127


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
def test_arrays_keep_their_bytes(dtype):
    array = np.array([[0, 1, 2], [3, 100, 127]], dtype)
    assert np.array_equal(Packed.of(array).array(), array) and Packed.of(array).array().dtype == dtype


def test_the_file_holds_the_net_that_was_trained(tmp_path):
    config = recipe("hinton", **TINY, theta=32.0, weight_averaging=0.9)
    content = export(config, 4, tmp_path / "net.js", progress=False)
    assert read(tmp_path / "net.js") == content

    run = Store().find(config, 4)
    assert content.run == run.id and content.epochs == 4 and content.config == config
    assert content.run_errors["label_search"] == run.at(4, "test_label_search_error")
    found, head = rebuild(content)
    test = load("digits").test
    pixels = test.images.flatten(1) / 255
    expected = {
        "label_search": support.plain_goodness(found, pixels)[1:].sum(0).argmax(1),
        "one_pass": support.plain_head(found, head, pixels).argmax(1),
    }
    for name, predictions in expected.items():  # Of the weights in the file.
        assert content.file_errors[name] == 100 * int((predictions != test.labels).sum()) / len(test)
    assert content.parameters == 784 * 40 + 40 * 32 + 32 * 36 + 40 + 32 + 36

    exact, exact_head = trained_net(run, 10)
    rounded, rounded_head = rebuild(content)
    weights = exact.evaluated_weights(torch.float32)
    images = torch.stack([torch.from_numpy(example.image.array()).flatten() for example in content.examples])
    for image in images:
        assert torch.allclose(one_image(exact, image, weights)[0], one_image(rounded, image)[0], rtol=0.02)
    neutral = exact.forward(exact.pixels(images), neutral_codes(exact, 20), weights)
    near = rounded.forward(rounded.pixels(images), neutral_codes(rounded, 20))
    assert torch.allclose(exact_head.logits(neutral, evaluated=True), rounded_head.logits(near), atol=0.05)


def test_examples_are_one_of_each_class_as_they_come_and_hard(tmp_path):
    content = export(recipe("hinton", **TINY, theta=32.0), 2, tmp_path / "net.js", progress=False)
    assert [example.label for example in content.examples] == [*range(10), *range(10)]
    assert [example.kind for example in content.examples] == ["first"] * 10 + ["hardest"] * 10
    assert len({example.index for example in content.examples}) == 20
    network, _ = rebuild(content)

    def margin(example):
        scores = one_image(network, torch.from_numpy(example.image.array()).flatten())[0].numpy()
        return scores[example.label] - np.delete(scores, example.label).max()

    for first, hardest in zip(content.examples[:10], content.examples[10:], strict=True):
        assert margin(hardest) <= margin(first)


def test_the_command_line_exports(tmp_path, monkeypatch, capsys):
    arguments = [
        "export",
        "--dataset",
        "digits",
        "--hidden",
        "20",
        "16",
        "--theta",
        "5",
        "--epochs",
        "1",
        "--no-progress",
    ]
    monkeypatch.setattr(sys, "argv", ["ff_utils", *arguments, "--out", str(tmp_path / "new/net.js")])
    assert command_line.main() == 0
    assert "test_label_search_error" in capsys.readouterr().out
    assert read(tmp_path / "new/net.js").config.hidden == (20, 16)
    monkeypatch.setattr(sys, "argv", ["ff_utils", *arguments])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    assert stop.value.code == 2 and "--out" in capsys.readouterr().err


def test_too_large_a_net_is_refused_before_it_is_trained(tmp_path):
    with pytest.raises(UserError, match=r"13,568,000 weights makes a file of more than 2 MB.*--hidden"):
        export(RunConfig(), 1, tmp_path / "net.js")
    assert not (tmp_path / "results").exists()


def test_a_folder_in_place_of_the_file_is_refused_before_training(tmp_path):
    with pytest.raises(UserError, match=r"is a folder; name a file in --out"):
        export(RunConfig(**TINY), 1, tmp_path)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "field, value",
    [
        ("algorithm", "backprop"),
        ("pretext", "rotation"),
        ("contrast", "hybrid"),
        ("loss", "symmetric"),
        ("head_inputs", "standardized"),
    ],
)
def test_nets_that_the_page_could_not_read_are_refused(field, value, tmp_path):
    with pytest.raises(UserError, match=f"not one with {field} '{value}'"):
        export(RunConfig(**TINY, **{field: value}), 1, tmp_path / "net.js")
    assert not (tmp_path / "results").exists()


def test_weights_of_another_run_are_not_taken(tmp_path):
    config = RunConfig(**TINY)
    export(config, 1, tmp_path / "net.js", progress=False)
    run = Store().find(config)
    twin = replace(run, provenance=run.provenance | {"started": "2020-01-01T00:00:00"})
    with pytest.raises(UserError, match="its weights after epoch 1 are not in"):
        trained_net(twin, 10)


def test_a_run_in_a_format_of_its_own_is_found(tmp_path):
    run = train(RunConfig(**TINY), 1, progress=False, dtype=torch.float64)
    network, _ = trained_net(run, 10)
    assert len(network.layers) == len(run.config.hidden)


def test_weights_that_are_gone_are_not_made_up(tmp_path, monkeypatch):
    config = RunConfig(**TINY, theta=8.0)
    export(config, 1, tmp_path / "net.js", progress=False)
    monkeypatch.setenv("FF_CACHE", str(tmp_path / "another"))
    with pytest.raises(UserError, match=r"its weights after epoch 1 are not in .*FF_RESULTS"):
        export(config, 1, tmp_path / "other.js", progress=False)
    assert not (tmp_path / "other.js").exists()
    monkeypatch.setenv("FF_RESULTS", str(tmp_path / "beside"))
    again = export(config, 1, tmp_path / "other.js", progress=False)
    assert again.layers == read(tmp_path / "net.js").layers


DAMAGE = {
    "another file": lambda text: "console.log(1)",
    "cut short": lambda text: text[: len(text) // 2],
    "no base64": lambda text: text.replace('"data":"', '"data":"!', 1),
    "fewer bytes": lambda text: re.sub(r'"data":"....', '"data":"', text, count=1),
    "a layer less": lambda text: re.sub(r'"layers":\[\{.*?\}\},', '"layers":[', text, count=1),
    "another format": lambda text: text.replace('"format":1', '"format":2'),
    "another width": lambda text: text.replace('"hidden":[40,', '"hidden":[41,'),
    "no head": lambda text: re.sub(r'"head":\{.*\},"examples"', '"head":null,"examples"', text),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_refused(damage, tmp_path, exported):
    text = (exported / "net.js").read_text()
    altered = damage(text)
    assert altered != text
    (tmp_path / "net.js").write_text(altered)
    with pytest.raises(UserError, match=r"net\.js is not an exported net.*ff_utils export"):
        read(tmp_path / "net.js")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        read(tmp_path / "net.js")


# -- the page -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with the net of a recipe as unlike the stored one as possible."""
    folder = tmp_path_factory.mktemp("exported")
    config = RunConfig(**TINY, theta=(8.0, 6.0, 4.0), temperature=2.0, input_normalization="l2", goodness_from=1)
    with pytest.MonkeyPatch.context() as patch:
        support.skip_drawing(patch)
        patch.setenv("FF_CACHE", str(folder / "cache"))
        export(config, 3, folder / "net.js", store=Store(folder / "results"), progress=False)
    return folder


@pytest.fixture(scope="module")
def browser():
    with test_pages.chromium() as browser:
        yield browser


@pytest.fixture
def opened(page: Page, tmp_path):
    """Open the page's own markup, without the book around it, with a net."""

    def opened(net: Path = NET):
        blocks = re.findall(r"```\{raw\} html\n(.*?)```", (ROOT / "book/try-it.md").read_text(), re.DOTALL)
        (tmp_path / "book").mkdir()
        shutil.copytree(NET.parent, tmp_path / "_static/draw")
        shutil.copy(net, tmp_path / "_static/draw/net.js")
        html = '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><title>Draw</title>'
        (tmp_path / "book/try-it.html").write_text(html + "\n".join(blocks), encoding="utf-8")
        page.goto((tmp_path / "book/try-it.html").as_uri())
        return page

    return opened


def shown(page: Page) -> np.ndarray:
    """The numbers in the table's rows, unrounded: S(c), the goodness of each layer, the probabilities; [rows, 10]."""
    settle(page)
    rows = page.locator(".draw-table tbody tr").all()
    values = [[float(d.get_attribute("value")) for d in row.locator("data").all()] for row in rows]
    return np.array(values)


def settle(page: Page) -> None:
    """Wait until the page has shown its state."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def seen(page: Page) -> np.ndarray:
    """The image that the net sees, [28, 28] in 0..255."""
    settle(page)
    script = "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 28, 28).data)"
    return np.array(page.locator(".draw-seen").evaluate(script)).reshape(28, 28, 4)[..., 0]


def stroke(page: Page, *points: tuple[float, float]) -> None:
    """Draw a line with the mouse; points in shares of the pad."""
    box = page.locator(".draw-pad").bounding_box()
    for i, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        if i == 0:
            page.mouse.down()
    page.mouse.up()


SEVEN = ((0.25, 0.2), (0.75, 0.2), (0.45, 0.85))


@pytest.mark.parametrize("stored", [True, False], ids=["stored net", "another recipe"])
def test_the_browser_computes_what_python_does(opened, exported, stored):
    path = NET if stored else exported / "net.js"
    page, content = opened(path), read(path)
    network, head = rebuild(content)
    assert len(content.examples) == 20
    for example, button in zip(content.examples, page.locator(".draw-example").all(), strict=True):
        button.click()
        found = shown(page)
        image = torch.from_numpy(example.image.array()).flatten()
        assert np.array_equal(seen(page).flatten(), image)
        scores, goodness = one_image(network, image)
        np.testing.assert_allclose(found[0], scores, rtol=1e-3)
        np.testing.assert_allclose(found[1:-1], goodness.view(-1, 10), rtol=1e-3, atol=1e-3)
        neutral = network.forward(network.pixels(image[None]), neutral_codes(network, 1))
        probabilities = torch.softmax(head.logits(neutral)[0], 0)
        np.testing.assert_allclose(found[-1], probabilities, atol=1e-4)
        expect(page.locator(".draw-answer")).to_have_text(str(int(scores.argmax())))
        expect(page.locator(".draw-verdict")).to_contain_text(f"One pass says {int(probabilities.argmax())}")
        expect(page.locator("[aria-live]")).to_contain_text(f"Label search says {int(scores.argmax())}")


def test_the_stored_net_is_small_and_comes_from_a_stored_run():
    assert NET.stat().st_size < LARGEST_FILE
    assert NET.read_text().count(ASSIGNMENT) == 1
    content = read(NET)
    run = Store(ROOT / "results").find(content.config, content.epochs)
    assert run.id == content.run
    assert content.run_errors["label_search"] == run.at(content.epochs, "test_label_search_error")
    assert content.file_errors["label_search"] == pytest.approx(content.run_errors["label_search"], abs=0.1)


def test_drawing_changes_the_scores_while_the_mouse_moves(opened):
    page = opened()
    before = shown(page)
    stroke(page, *SEVEN[:2])
    half = shown(page)
    stroke(page, *SEVEN[1:])
    whole = shown(page)
    assert not np.array_equal(before, half) and not np.array_equal(half, whole)
    expect(page.locator(".draw-answer")).to_have_text("7")
    page.get_by_role("button", name="Undo").click()
    assert np.array_equal(shown(page), half)
    page.get_by_role("button", name="Clear").click()
    settle(page)
    expect(page.locator(".draw-verdict")).to_have_text("Draw a digit, or pick one.")
    assert page.locator(".draw-table data").count() == 0 and seen(page).max() == 0


def test_a_drawing_is_centred_and_scaled_as_mnist_is(opened):
    page = opened()
    stroke(page, *SEVEN)
    large = seen(page)
    rows, columns = np.nonzero(large > 10)
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
    for axis in (0, 1):
        assert np.average(np.arange(28), weights=large.sum(axis)) == pytest.approx(13.5, abs=0.15)
    page.get_by_role("button", name="Clear").click()
    stroke(page, *((0.05 + 0.45 * x, 0.5 + 0.45 * y) for x, y in SEVEN))
    assert np.abs(seen(page) - large).mean() < 4


def test_a_dot_stays_a_dot(opened):
    page = opened()
    stroke(page, (0.1, 0.9))
    assert 0 < (seen(page) > 10).sum() < 20


def test_everything_works_from_the_keyboard(opened):
    page = opened()
    page.get_by_role("application", name="Drawing pad").focus()
    page.keyboard.press("Space")
    for key in ["ArrowDown"] * 9:
        page.keyboard.press(key)
    page.keyboard.press("Space")
    expect(page.locator(".draw-answer")).to_have_text("1")
    drawn = seen(page)
    page.keyboard.press("ArrowRight")  # With the pen up: nothing is drawn.
    assert np.array_equal(seen(page), drawn)
    page.keyboard.press("Backspace")
    assert seen(page).max() == 0
    page.get_by_role("button", name="Example: a 4, as it comes").press("Enter")
    expect(page.locator("[aria-live]")).to_contain_text("Its label in the data is 4")


def test_a_label_is_written_into_the_image_that_is_shown(opened):
    page = opened()
    page.get_by_role("button", name="write label 3").click()
    assert seen(page)[0, :10].tolist() == [0, 0, 0, 255, 0, 0, 0, 0, 0, 0]
    content = read(NET)
    network, _ = rebuild(content)
    example = next(e for e in content.examples if e.label == 7)
    _, goodness = one_image(network, torch.from_numpy(example.image.array()).flatten())
    for layer, g in enumerate(goodness.view(-1, 10)[:, 3], 1):
        expect(page.locator(".draw-detail")).to_contain_text(f"layer {layer}: g = {round(float(g))}")
    page.get_by_role("button", name="write the neutral label").click()
    assert set(seen(page)[0, :10].tolist()) == {26}
    page.get_by_role("button", name="write the neutral label").click()
    assert seen(page)[0, :10].max() == 0


def test_the_text_names_the_stored_net(opened):
    page, content = opened(), read(NET)
    texts = {place.get_attribute("data-net"): place.text_content() for place in page.locator("[data-net]").all()}
    assert texts["run"] == content.run and texts["epochs"] == str(content.epochs)
    assert texts["error"] == f"{content.file_errors['label_search']:.2f}\N{NO-BREAK SPACE}%"
    assert "undefined" not in " ".join(texts.values()) and "NaN" not in " ".join(texts.values())


def test_a_missing_net_is_said(page: Page, tmp_path):
    script = (NET.parent / "draw.js").as_uri()
    (tmp_path / "page.html").write_text(f'<!doctype html><div id="draw"></div><script src="{script}"></script>')
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.locator("#draw")).to_contain_text("net.js is missing")
