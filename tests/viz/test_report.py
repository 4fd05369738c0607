from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from tinynet.viz import report
from tinynet.viz.__main__ import main
from tinynet.viz.pictures import Pictures

VOID = {"meta", "link", "img"}
ALLOWED = ("data:image/png;base64,", "data:,")


class Page(HTMLParser):
    """The tags and words of a page; fails where tags are not closed in turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]

    def text(self):
        return " ".join(" ".join(self.words).split())


def test_page_holds_every_picture_and_nothing_from_elsewhere(drawn):
    page = Page(report.page(drawn))
    images = page.all("img")
    assert len(images) == len(drawn.made) == 7
    for image, picture in zip(images, drawn.made, strict=True):
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/png;base64"
        assert b64decode(data) == picture.path.read_bytes()
        assert image["alt"].startswith(picture.heading)
        assert picture.words in page.text()
    links = [value for _, a in page.tags for name, value in a.items() if name in ("src", "href", "srcset")]
    assert len(links) == 8
    assert all(link.startswith(ALLOWED) for link in links)
    assert not page.all("script")
    assert "url(" not in "".join(page.words)


def test_page_says_result_epochs_configuration_classes_and_commands(drawn):
    page = Page(report.page(drawn))
    words, results = page.text(), drawn.results
    assert page.words.count("run: lenet on cifar10-sample") == 2
    assert f"{100 * results['test_accuracy']:.2f} % of 1,000 test images right, with the" in words
    assert f"Test loss {results['test_loss']:.4f} nats" in words
    assert "Parameters 62,006" in words
    for record in drawn.records:
        assert f"{record['epoch']} {record['train_loss']:.4f} {100 * record['train_accuracy']:.2f} %" in words
    assert len(page.all("details")) == 2
    assert not any("open" in details for details in page.all("details"))
    assert "--model lenet" in words
    assert "--resume off" in words
    for i, name in enumerate(drawn.trained.classes):
        assert f"{name} {drawn.confusion[i, i] / drawn.confusion[i].sum():.2%}".replace("%", " %") in words
    for command in (results["command"], f"python -m tinynet.viz {drawn.folder}"):
        assert command in words
    assert "Not on this page" not in words


def test_names_are_shown_and_not_obeyed(tmp_path):
    name = '<img src="x" onerror="alert(1)">&amp;'
    run = Pictures(tmp_path / name, name, missing=[f"Results: {name}"])
    run.records = [
        {
            "epoch": 1,
            "train_loss": None,
            "train_accuracy": 0.5,
            "val_loss": None,
            "val_accuracy": None,
            "lr": name,
        }
    ]
    run.results = {
        "test_accuracy": 0.5,
        "test_loss": None,
        "weights": name,
        "command": name,
        "test_images": name,
    }
    page = Page(report.page(run))
    assert not page.all("img")
    assert page.words.count(name) == 3  # title, heading, the command of the run
    assert f"50.00 % of the test images right, with {name}." in page.text()
    assert "1 – 50.00 % – – – –" in page.text()


def test_class_without_images_or_mistakes(drawn):
    table = np.diag([0, 5, 5, 5, 5, 5, 5, 5, 5, 5])
    table[2, 4] = 5
    words = Page(report.page(replace(drawn, confusion=table))).text()
    assert "airplane – 0 – automobile 100.00 % 5 none bird 50.00 % 10 deer, 50.0 %" in words


def test_pictures_of_other_commands_are_on_the_page(trained):
    words = [str(trained), "--threads", "1"]
    assert main(["directions", *words, "--two", "--points", "3", "--images", "10"]) == 0
    assert main(words) == 0
    page = Page((trained / "report.html").read_text())
    assert len(page.all("img")) == 8
    assert "Loss over two random directions" in page.words


def test_style_asks_for_nothing():
    style = re.search(r"<style>(.*?)</style>", report.page(Pictures(Path("run"), "run")), re.S)[1]
    assert "prefers-color-scheme: dark" in style
    assert "url(" not in style
    assert "@import" not in style
