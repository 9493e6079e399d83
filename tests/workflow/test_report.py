"""The report in a real browser: every category opens, and its pictures and tables are really there."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.slow
LINES = {  # category of the report -> the lines that its menu has
    "Configuration": ["config.yaml"],
    "Contact sheets": ["train pseudo-fusion mdc 0", "val true-masks-crf mdc 0", "val weak-fusion-crf mdc 0"],
    "Figure 5: localization maps": ["mdc 0"],
    "Figure 6: predictions": ["mdc 0"],
    "Pseudo masks": ["best thresholds", "how well certainty predicts mIoU", "threshold sweep mdc 0"],
    "Scores": ["all results", "all results by class", "confusion matrix val weak-fusion-crf mdc 0", "segmenters"],
    "Table 3: map settings": ["table 3 as bars weak-fusion-crf val mdc"],
    "Training": ["classifier/mdc/seed0", "segmenter/mdc/seed0/true-masks", "segmenter/mdc/seed0/weak-fusion"],
}
PICTURES = {  # of these lines, below results/tiny/
    ("Contact sheets", 2): "report/mdc/seed0/val/weak-fusion-crf.png",
    ("Figure 5: localization maps", 0): "figures/mdc/seed0/figure5.png",
    ("Figure 6: predictions", 0): "figures/mdc/seed0/figure6.png",
    ("Pseudo masks", 2): "figures/mdc/seed0/sweep.png",
    ("Scores", 2): "figures/mdc/seed0/val/weak-fusion-crf.confusion.png",
    ("Table 3: map settings", 0): "figures/mdc/val/weak-fusion-crf.classes.png",
    ("Training", 0): "classifier/mdc/seed0/curves.png",
}


class Page:
    """The report in headless Chromium, used by clicks as a reader does."""

    def __init__(self, browser: webdriver.Chrome, report: Path):
        self.browser = browser
        self.wait = WebDriverWait(browser, 20, poll_frequency=0.05)
        browser.get(report.as_uri())
        self.wait.until(lambda _: self.menu())

    def found(self, css: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def menu(self) -> list[str]:
        """Return the entries of the start menu, of which there are none elsewhere."""
        return [entry.text for entry in self.found("#app > div > nav ul li a")]

    def open(self, category: str) -> list[WebElement]:
        """Go through the start menu into a category and return its lines."""
        if category not in self.menu():
            self.found("#app nav nav ol a")[0].click()  # the house
            self.wait.until(lambda _: category in self.menu())
        next(entry for entry in self.found("#app > div > nav ul li a") if entry.text == category).click()
        return self.wait.until(lambda _: self.found("#app tbody tr:not(.prose tr)"))

    def show(self, category: str, line: int) -> WebElement:
        """Click the eye of a line and return what it shows, a picture or a frame."""
        self.open(category)[line].find_elements(By.TAG_NAME, "a")[0].click()
        return self.wait.until(lambda _: self.found("#app .grow img, #app .grow iframe"))[0]

    def picture(self, category: str, line: int) -> dict:
        """Return the size of the picture that a line shows, and where and how wide it is drawn, in pixels."""
        return self.drawn(self.show(category, line))

    def drawn(self, image: WebElement) -> dict:
        """Return the same of a picture, once it is loaded."""
        script = """let i = arguments[0], box = i.getBoundingClientRect();
            return i.naturalWidth && {size: [i.naturalWidth, i.naturalHeight], top: box.top, width: box.width}"""
        return self.wait.until(lambda browser: browser.execute_script(script, image))

    def caption(self, category: str, line: int) -> str:
        """Click the i of a line and return the text that it opens."""
        self.open(category)[line].find_elements(By.TAG_NAME, "a")[1].click()
        self.wait.until(lambda _: "DESCRIPTION" in self.found("#app > div > nav")[0].text.upper())
        return self.found("#app > div > nav")[0].text

    def table(self, category: str, line: int) -> list[list[str]]:
        """Return the cells of a table that a line shows, its header first."""
        self.browser.switch_to.frame(self.show(category, line))
        self.wait.until(lambda _: self.found("tbody tr"))
        found = self.cells()
        self.browser.switch_to.default_content()
        return found

    def cells(self) -> list[list[str]]:
        """Return the cells of the tables of the page or frame."""
        script = "return [...document.querySelectorAll('tr')].map(r => [...r.cells].map(c => c.textContent))"
        return self.browser.execute_script(script)


@pytest.fixture(scope="module")
def page(browser, tiny_report) -> Page:
    return Page(browser, tiny_report)


def test_the_first_page_has_the_scores_and_the_overview(page, tiny_report):
    header, *rows = page.cells()
    scores = pd.read_csv(tiny_report.parent / "scores/segmenters.csv", dtype=str)
    assert header == ["split", "setting", "crf", "classifier", "mIoU"]
    assert rows == scores[header].to_numpy().tolist()
    sheet = Image.open(tiny_report.parent / "report/mdc/seed0/val/weak-fusion-crf.png")
    assert page.drawn(page.found("#app .prose img")[0])["size"] == list(sheet.size)


def test_every_category_is_reached_and_has_its_lines(page):
    assert page.menu() == ["Workflow", "Statistics", "About", *LINES]
    for category, lines in LINES.items():
        assert [line.text for line in page.open(category)] == lines


def test_every_picture_is_shown_whole(page, tiny_report):
    for (category, line), path in PICTURES.items():
        natural = page.picture(category, line)
        assert natural["size"] == list(Image.open(tiny_report.parent / path).size), path
        assert natural["top"] >= 0 and natural["width"] >= 500, path  # it begins in the window and is no thumbnail


def test_the_table_of_all_results_has_the_numbers_of_the_summary(page, tiny_report):
    header, *rows = page.table("Scores", 0)
    summary = pd.read_csv(tiny_report.parent / "scores/summary.csv", dtype={"crf": str})
    assert len(rows) == len(summary) == 14
    for cells, (_, row) in zip(rows, summary.iterrows(), strict=True):
        shown = dict(zip(header, cells, strict=True))
        assert (shown["split"], shown["setting"], shown["crf"]) == (row["split"], row["setting"], row["crf"])
        for name in ("miou", "pixel_accuracy"):
            assert float(shown[name]) == pytest.approx(row[name], rel=0.005)


def test_captions_tell_the_setting(page):
    maps = page.caption("Figure 5: localization maps", 0)
    for words in (
        "Classifier: mdc (VGG of widths 8 8 8 8 8, depths 1 1 1 1 1 and norm batch, from random weights; dilations 1, "
        "3, stride 4). Seed: 0. Images: train.",
        "from the fused maps, object above 0.3 of each map's maximum, background where saliency is below 0.06",
        "Saliency: made by rbd, which is built in",
        "results/tiny/figures/mdc/seed0/figure5.pdf",
    ):
        assert words in maps
    assert "System Message" not in maps  # what a fault in the caption's markup would show
    predictions = page.caption("Figure 6: predictions", 0)
    assert "Images: val. Segmenter: LargeFOV on VGG of widths 8 8 8 8 8, " in predictions
    assert "and norm batch, from the classifier's encoder. Pseudo masks: " in predictions
    assert "CRF: 2 iterations" in predictions
