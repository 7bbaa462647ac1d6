"""A headless browser without a network, for the tests of leaderboard.html."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.records import fail, make_record, quick_records, with_images, write_records

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="package")
def browser() -> Iterator[Chrome]:
    """Chromium, driven by selenium; tests skip where either is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed; `make setup` brings it")
    from selenium.webdriver.chrome.service import Service

    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if not found or not driver:
        pytest.skip("there is no Chromium with its chromedriver; `make browser` installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        chrome.set_window_size(1400, 1000)
        yield chrome
    finally:
        chrome.quit()


EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with pictures, two protocols, several seeds, a failure and a name that is a script."""
    from srbench.report.build import build_report

    results = tmp_path_factory.mktemp("page") / "results"
    patch = pytest.MonkeyPatch()
    patch.setattr("srbench.report.writing.draw_pictures", lambda *_: (set(), []))
    evil = make_record("fsrcnn", degradation="blur_down", psnr=31.0)
    evil = evil.model_copy(update={"model": evil.model.model_copy(update={"label": EVIL, "trained_on": ("DIV2K",)})})
    records = [
        *with_images(results, quick_records()[:9], kept=1),
        *quick_records()[9:],
        evil,
        make_record("espcn", inference="tile=64+16,x8", key="0" * 64),
        make_record("espcn", protocol="matlab-u8"),
        make_record("bicubic", protocol="matlab-u8"),
        fail(make_record("fsrcnn", scale=3), "no memory"),
    ]
    write_records(results, records)
    build_report(results, images=True)
    patch.undo()
    return results


class Page:
    """The page in the browser: looking things up, and acting as a person does."""

    def __init__(self, chrome: Chrome, path: Path) -> None:
        self.chrome, self.path = chrome, path

    def open(self, address: str = "") -> None:
        """Load the page; an address begins with #."""
        self.chrome.get("about:blank")
        self.chrome.get(self.path.as_uri() + address)
        drawn = (
            "const done = arguments[0]; (function wait() { plots.children.length ? done() : setTimeout(wait, 20); })()"
        )
        self.chrome.execute_async_script(drawn)

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script, which gives back what it returns."""
        return self.chrome.execute_script(script, *arguments)

    def texts(self, selector: str) -> list[str]:
        """Return the text of every element."""
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector))

    def choose(self, identifier: str, value: str) -> None:
        """Choose an option of a select, by its value."""
        from selenium.webdriver.support.ui import Select

        Select(self.chrome.find_element("id", identifier)).select_by_value(value)

    def click(self, selector: str) -> None:
        """Click an element."""
        element = self.chrome.find_element("css selector", selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def type(self, selector: str, *keys: str) -> None:
        """Type into an element."""
        self.chrome.find_element("css selector", selector).send_keys(*keys)

    @property
    def titles(self) -> list[str]:
        """The methods of the rows that are shown, in order."""
        return self.texts("#table tbody .method button")

    @property
    def address(self) -> str:
        """What follows # in the address."""
        return self.chrome.current_url.partition("#")[2]

    def column(self, key: str) -> list[str]:
        """Return the cells of a column, by the key of its head."""
        heads = self.run("return [...document.querySelectorAll('#table thead button')].map((b) => b.dataset.sort)")
        return self.texts(f"#table tbody tr[id] > :nth-child({heads.index(key) + 1})")


@pytest.fixture
def page(browser: Chrome, folder: Path) -> Iterator[Page]:
    """The page, opened; it must neither ask for anything else nor report an error."""
    browser.get_log("performance")
    browser.get_log("browser")
    opened = Page(browser, folder / "leaderboard.html")
    opened.open()
    yield opened
    import json

    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    inside = folder.as_uri()
    assert {url for url in asked if not url.startswith((inside, "data:", "about:"))} == set()
    assert browser.get_log("browser") == []
