"""Write the report of a run: one page that holds its pictures and needs nothing else."""

from __future__ import annotations

import shlex
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.training.config import flag, text
from tinynet.training.files import write_atomically
from tinynet.training.report import count_parameters, duration
from tinynet.viz.confusion import shares
from tinynet.viz.pictures import Picture, Pictures

NAME = "report.html"

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
"""


def write(run: Pictures) -> Path:
    """Write the report into the folder of the run. Raises OutputError."""
    path = run.folder / NAME
    write_atomically(path, page(run).encode())
    return path


def page(run: Pictures) -> str:
    """Return the page: result, pictures, classes, epochs, configuration, commands, and what is missing."""
    style = resources.files("tinynet.viz").joinpath("report.css").read_text(encoding="utf-8")
    parts = [
        _HEAD.format(title=escape(run.title), style=style),
        f"<h1>{escape(run.title)}</h1>\n",
        _result(run),
        *(_figure(picture) for picture in run.made),
        _section("Accuracy of each class", _classes(run)),
        _section("Epochs", _epochs(run)),
        _section("Configuration", _configuration(run)),
        _section("Make it again", _commands(run)),
        _section("Not on this page", _missing(run)),
        "</main>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{content}</section>\n" if content else ""


def _result(run: Pictures) -> str:
    """Say in numbers what the run gave."""
    facts: list[tuple[str, str]] = []
    results = run.results or {}
    lead = "This folder holds no result on the test set."
    if results.get("test_accuracy") is not None:
        count = results.get("test_images")
        images = f"{count:,} test images" if _is_number(count) else "the test images"
        weights = f", with {escape(str(results['weights']))}" if "weights" in results else ""
        lead = f"<strong>{_percent(results['test_accuracy'])}</strong> of {images} right{weights}."
    if results.get("test_loss") is not None:
        facts.append(("Test loss", f"{results['test_loss']:.4f} nats"))
    validated = [r["val_accuracy"] for r in run.records if r["val_accuracy"] is not None]
    if validated:
        facts.append(("Best validation", _percent(max(validated))))
    if run.trained is not None:
        facts.append(("Parameters", f"{count_parameters(run.trained.saved.weights):,}"))
    if run.records:
        whole = f" of {run.trained.config.epochs}" if run.trained else ""
        facts.append(("Epochs", f"{run.records[-1]['epoch']}{whole}"))
        seconds = [r["seconds"] for r in run.records if _is_number(r.get("seconds")) and r["seconds"] > 0]
        if seconds:
            facts.append(("An epoch", duration(float(np.median(seconds)))))
    if _is_number(results.get("seconds")):
        facts.append(("Whole run", duration(results["seconds"])))
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>\n" for name, value in facts)
    return f'<p class="lead">{lead}</p>\n' + (f"<dl>\n{items}</dl>\n" if items else "")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _figure(picture: Picture) -> str:
    data = b64encode(picture.path.read_bytes()).decode()
    heading, words = escape(picture.heading), escape(picture.words)
    return (
        f'<section>\n<h2>{heading}</h2>\n<figure>\n<img alt="{heading}. {words}" '
        f'src="data:image/png;base64,{data}">\n<figcaption>{words}</figcaption>\n</figure>\n</section>\n'
    )


def _classes(run: Pictures) -> str:
    if run.confusion is None or run.trained is None:
        return ""
    names, share = run.trained.classes, shares(run.confusion)
    others = share.copy()
    np.fill_diagonal(others, -1)
    rows = []
    for i, name in enumerate(names):
        images = int(run.confusion[i].sum())
        if not images:
            rows.append((name, "–", "0", "–"))
            continue
        j = int(others[i].argmax())
        taken = f"{names[j]}, {100 * others[i, j]:.1f} %" if others[i, j] > 0 else "none"
        rows.append((name, _percent(share[i, i]), f"{images:,}", taken))
    table = _table(("Class", "Accuracy", "Images", "Most often taken for"), rows)
    return _details(f"{len(names)} classes", table)


def _epochs(run: Pictures) -> str:
    if not run.records:
        return ""
    columns: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("epoch", "Epoch", str),
        ("train_loss", "Training loss", "{:.4f}".format),
        ("train_accuracy", "accuracy", _percent),
        ("val_loss", "Validation loss", "{:.4f}".format),
        ("val_accuracy", "accuracy", _percent),
        ("lr", "Rate", "{:.3g}".format),
        ("seconds", "Seconds", "{:.1f}".format),
    )
    rows = [
        [written(record[key]) if _is_number(record.get(key)) else "–" for key, _, written in columns]
        for record in run.records
    ]
    return _details(f"{len(rows)} epochs", _table([head for _, head, _ in columns], rows))


def _configuration(run: Pictures) -> str:
    if run.trained is None:
        return ""
    values = {
        flag(name): _setting(value)
        for name, value in run.trained.config.to_json().items()
        if value not in (None, [], ())
    }
    versions = run.trained.saved.state.get("versions", {})
    values |= {f"version of {name}": str(version) for name, version in versions.items()}
    return _table(("Flag", "Value"), list(values.items()))


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return text(tuple(value) if isinstance(value, list) else value)


def _commands(run: Pictures) -> str:
    folder = shlex.quote(str(run.folder))
    lines, words = [], []
    if run.results and "command" in run.results:
        lines, words = [str(run.results["command"])], ["the run, bit for bit on the same machine"]
    lines.append(f"python -m tinynet.viz {folder}")
    words.append("this page")
    if run.trained is not None:
        lines += [f"python -m tinynet.evaluate {folder}", f"python -m tinynet.predict {folder} image.png"]
        words += ["loss and accuracy", "the classes of a picture"]
    code = "".join(f"<code>{escape(line)}</code>\n" for line in lines)
    return f'<p>In this order: {"; ".join(words)}.</p>\n<div class="commands">\n{code}</div>\n'


def _missing(run: Pictures) -> str:
    return (
        "<ul>\n" + "".join(f"<li>{escape(reason)}</li>\n" for reason in run.missing) + "</ul>\n"
        if run.missing
        else ""
    )


def _details(summary: str, content: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n{content}</details>\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table that scrolls in its own box; the first column names its row."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(str(first))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
        + "</tr>\n"
        for first, *cells in rows
    )
    return (
        f'<div class="scroll" tabindex="0">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n'
        "</table>\n</div>\n"
    )
