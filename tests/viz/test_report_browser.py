"""The report in a browser: headless Chromium, as the system has it."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import sync_playwright

from tinynet.viz.__main__ import main

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SMALLEST_TEXT = """() => {
    const sizes = [];
    for (const element of document.body.querySelectorAll("*")) {
        if ([...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())) {
            sizes.push(parseFloat(getComputedStyle(element).fontSize));
        }
    }
    return Math.min(...sizes);
}"""


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium is installed: none of {', '.join(NAMES)} is in the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(small_run, tmp_path_factory):
    """The report of a run whose name is long and holds what HTML would read."""
    folder = tmp_path_factory.mktemp("runs") / f"<b>&amp;{'long-name' * 9}"
    shutil.copytree(small_run, folder)
    (folder / "results.json").unlink()
    assert main([str(folder), "--threads", "1"]) == 0
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_page_opens_offline_and_is_readable(width, scheme, browser, report):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True)
    page = context.new_page()
    messages, failures, requests = [], [], []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("requestfailed", lambda request: failures.append(request.url))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")

    pictures = page.locator("img").evaluate_all(
        "images => images.map(image => [image.complete, image.naturalWidth, image.getBoundingClientRect().width])"
    )
    assert len(pictures) == 7
    for complete, natural, shown in pictures:
        assert complete
        assert natural > 600
        assert 300 < shown <= min(width, natural)
    assert (messages, failures) == ([], [])
    assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]

    assert page.evaluate("() => parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    assert page.evaluate(SMALLEST_TEXT) >= 14
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    colours = page.evaluate(
        "() => [document.body, document.querySelector('figcaption')].map(e => getComputedStyle(e).color)"
    )
    background = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    for colour in colours:
        assert contrast(colour, background) > 5
    assert (brightness(background) < 0.2) == (scheme == "dark")
    assert page.locator("h1").inner_text().startswith("<b>&amp;long-name")
    context.close()


def brightness(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)", as WCAG 2 defines it."""
    channels = [int(word) / 255 for word in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, from 1 to 21, as WCAG 2 defines it."""
    dark, light = sorted(map(brightness, (first, second)))
    return (light + 0.05) / (dark + 0.05)
