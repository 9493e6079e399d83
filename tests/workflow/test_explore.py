"""The explorer in a real browser, used as a person would: filter, move the threshold, compare, reload."""

import threading
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from selenium.webdriver.support.ui import WebDriverWait

from mdc.explore.command import make_explorer

pytestmark = pytest.mark.slow
SETTLED = """return !document.querySelector('figure:not([hidden])[aria-busy=true]')
    && document.querySelector('.scores .mean td')?.textContent"""
MARKED = """let pixels = key => {
        let canvas = document.querySelector(`[data-panel=${key}] canvas`);
        return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    }
    let [plain, marked] = [pixels('photo'), pixels('difference')], count = 0;
    for (let i = 0; i < plain.length; i += 4) count += plain[i] !== marked[i] || plain[i + 1] !== marked[i + 1];
    return count / (plain.length / 4)"""


class Page:
    """The page in headless Chromium."""

    def __init__(self, browser, address: str):
        self.browser = browser
        self.wait = WebDriverWait(browser, 120, poll_frequency=0.05)
        browser.get("about:blank")  # another part of the same page would not be loaded again
        browser.get(address)

    def until(self, script: str, *arguments):
        return self.wait.until(lambda browser: browser.execute_script(script, *arguments))

    def cells(self, count: int) -> list[str]:
        """Return the ids of the grid once it has that many."""
        return self.texts(".cell b", count)

    def texts(self, css: str, count: int) -> list[str]:
        """Return the texts of elements once there are that many."""
        script = "let found = [...document.querySelectorAll(arguments[0])].map(one => one.textContent);"
        return self.until(f"{script} return found.length === arguments[1] && found", css, count)

    def press(self, css: str, text: str) -> None:
        """Press the button of that text, in one step as the page may draw it anew."""
        script = (
            "let found = [...document.querySelectorAll(arguments[0])].find(one => one.textContent === arguments[1])"
        )
        self.until(f"{script}; found?.click(); return Boolean(found)", css, text)

    def change(self, css: str, value: str) -> None:
        """Choose a value as the keyboard or the mouse does."""
        self.browser.execute_script(
            "let field = document.querySelector(arguments[0]); field.value = arguments[1];"
            "for (let kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}))",
            *(css, value),
        )

    def tried_miou(self, threshold: str) -> str:
        """Return the mIoU of the tried settings, in percent, once the mask with that threshold is there."""
        self.until(f"return document.querySelector('.config')?.textContent.includes('{threshold}')")
        return self.until(SETTLED)


@pytest.fixture(scope="module")
def address(tiny_run) -> Iterator[str]:
    server = make_explorer([tiny_run.folder / "results/tiny"], port=0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.port}/"
    server.shutdown()


def test_from_the_grid_to_other_settings_and_back_by_the_address(browser, address, tiny_run):
    results = tiny_run.folder / "results/tiny"
    train = pd.read_csv(results / "data/train.csv", keep_default_na=False)
    page = Page(browser, address)
    assert page.cells(12) == list(train["id"])

    name = train["tags"].iloc[0].split(";")[0]
    tagged = [row.id for row in train.itertuples() if name in row.tags.split(";")]
    page.press("#tags button", name)
    assert page.cells(len(tagged)) == tagged

    page.press(".cell b", tagged[0])
    scores = pd.read_csv(results / "scores/mdc/seed0/train/pseudo-fusion.images.csv").set_index("id")["miou"]
    assert page.tried_miou("keys of the run") == f"{100 * scores[tagged[0]]:.1f}"

    page.change("#threshold", "0.6")
    other_miou = page.tried_miou("threshold: 0.6")
    browser.execute_script("location.hash = location.hash.replace(/tags=[^&]*&?/, '')")
    browser.refresh()  # else the old page may take the next click
    page.tried_miou("threshold: 0.6")
    page.press("#apply", "Apply to")
    page.until("return document.querySelector('.applied')?.textContent.includes('12 of 12')")
    sweep = pd.read_csv(results / "masks/mdc/seed0/fusion/sweep.csv").set_index("threshold")["miou"]
    (applied,) = page.texts(".applied", 1)
    assert applied == f"mIoU {100 * sweep[0.6]:.1f}, the run's settings {100 * sweep[0.3]:.1f}: 12 of 12 images"

    browser.refresh()
    assert page.tried_miou("threshold: 0.6") == other_miou
    assert page.until("return document.querySelector('#threshold').value") == "0.6"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_two_settings_are_compared_pixel_by_pixel(browser, address, tiny_run):
    masks = [tiny_run.folder / f"results/tiny/masks/mdc/seed0/{name}/train" for name in ("fusion", "salient-fusion")]
    shares = {
        path.stem: np.mean(np.asarray(Image.open(path)) != np.asarray(Image.open(masks[1] / path.name)))
        for path in masks[0].iterdir()
    }
    worst = max(shares, key=shares.get)
    other = "masks/mdc/seed0/salient-fusion"
    page = Page(browser, f"{address}#split=train&result=masks/mdc/seed0/fusion&other={other}&id={worst}")
    first = page.texts(".differences li", 12)[0]
    assert first.startswith(f"{max(shares, key=shares.get)} {100 * shares[worst]:.1f} %")
    page.until(SETTLED)
    marked = page.until(MARKED)
    assert marked == pytest.approx(shares[worst], abs=0.02)  # pixels are drawn larger than they are
    assert browser.find_element("id", "threshold").accessible_name == "Threshold"
    page.change("#opacity", "0.2")
    assert page.until("return document.querySelector('.differences a').hash").endswith("&opacity=0.2")
