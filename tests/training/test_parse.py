from __future__ import annotations

from dataclasses import fields, replace

import pytest

from tinynet.training.cli import parse
from tinynet.training.config import TrainConfig, flag, flags
from tinynet.training.errors import ConfigError
from tinynet.training.recipes import RECIPES


def read(*words):
    return parse(words, "tinynet.train")


def test_without_words_the_default_recipe():
    assert read() == (RECIPES["quick"].config, frozenset())


@pytest.mark.parametrize(
    "words, changes",
    [
        (["--epochs", "2", "--lr=1e-3"], {"epochs": 2, "lr": 1e-3}),
        (["--batch_size", "3", "--max_steps=4"], {"batch_size": 3, "max_steps": 4}),
        (["--schedule", "multistep", "--milestones", "2,4"], {"schedule": "multistep", "milestones": (2, 4)}),
        (["--nesterov"], {"nesterov": True}),
        (["--out", "a_b"], {"out": "a_b"}),
    ],
)
def test_flags_change_the_recipe(words, changes):
    config, given = read("resnet32", *words)
    assert config == replace(RECIPES["resnet32"].config, **changes)
    assert given == {"recipe", *changes}


@pytest.mark.parametrize(
    "words, message",
    [
        (["--epoch", "3"], r"unknown flag --epoch: did you mean --epochs\?"),
        (["--learning-rate", "3"], "unknown flag --learning-rate"),
        (["resnet20", "resnet32"], "one recipe at most, but also got resnet32"),
        (["resnet2O"], "no recipe 'resnet2O': did you mean .*resnet20"),
        (["--epochs", "two"], "^--epochs: 'two' is not a whole number"),
        (["--epochs", "2.5"], "^--epochs: '2.5' is not a whole number"),
        (["--lr", "fast"], "^--lr: 'fast' is not a number"),
        (["--lr"], "^--lr: expected one argument"),
        (["--milestones", "2,x"], "^--milestones: 'x' is not a whole number"),
        (["--lr", "-1"], "^--lr -1.0: must be a number above 0"),
        (["--model", "resnet9"], r"^--model resnet9: did you mean resnet8.*Known: lenet"),
        (["--config", "/nowhere.yaml"], "^--config /nowhere.yaml: .*No such file"),
    ],
)
def test_mistakes_are_explained(words, message):
    with pytest.raises(ConfigError, match=message):
        read(*words)


def test_file_stands_between_recipe_and_flags(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("recipe: resnet32\nepochs: 7\nlr: 1\nnesterov: true\nval_size: null\n")
    config, given = read("--config", str(path), "--epochs", "9")
    assert config == replace(RECIPES["resnet32"].config, epochs=9, lr=1.0, nesterov=True)
    assert given == {"recipe", "epochs", "lr", "nesterov", "val_size"}


@pytest.mark.parametrize(
    "content, message",
    [
        ("epocs: 3", r"mine.yaml: epocs: did you mean epochs\?"),
        ("epochs: x", "mine.yaml: --epochs: 'x' is not a whole number"),
        ("epochs: true", "mine.yaml: --epochs: 'True' is not a whole number"),
        ("epochs: [3", "mine.yaml: while parsing a flow sequence"),
        ("epochs: null", "mine.yaml: epochs: must not be null"),
        ("epochs: {a: 3}", "mine.yaml: epochs: must be a value, not a table"),
        ("epochs", "mine.yaml: must hold lines such as 'epochs: 30', not 'epochs'"),
        ("", "mine.yaml: must hold lines such as 'epochs: 30', not None"),
        ("lr: 1e-3\nnesterov: maybe", "mine.yaml: .*--nesterov.*maybe"),
    ],
)
def test_mistakes_in_a_file_are_explained(tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        read("--config", str(path))


def test_a_null_takes_back_what_a_recipe_says(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("recipe: identity-resnet\nlog_every: null\n")
    assert RECIPES["identity-resnet"].config.log_every == 2000
    assert read("--config", str(path))[0] == replace(RECIPES["identity-resnet"].config, log_every=None)


def test_printed_configuration_reads_back(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    changes = (
        *("--schedule", "multistep", "--milestones", "3,5", "--nesterov", "--data-dir", 'a "b"\\c: #d'),
        *("--lr", "0.3", "--train-only", "layer4", "fc", "--classes", 'cat,"dog, ""small""",owl'),
    )
    with pytest.raises(SystemExit) as stop:
        read("resnet32", *changes, "--print-config")
    assert stop.value.code == 0
    path.write_text(capsys.readouterr().out)
    assert read("--config", str(path))[0] == read("resnet32", *changes)[0]


@pytest.mark.parametrize("words", [("layer4", "fc"), ("layer4,fc",), ("layer4,", "fc ")])
def test_lists_of_names(words):
    config, given = read("resnet18", "--train-only", *words)
    assert config.train_only == ("layer4", "fc")
    assert given == {"recipe", "train_only"}


def test_names_with_commas_stand_in_quotes(tmp_path):
    config, _ = read("--classes", 'cat,"dog, small" , owl', '"a ""b"""')
    assert config.classes == ("cat", "dog, small", "owl", 'a "b"')
    path = tmp_path / "mine.yaml"
    path.write_text("classes: [cat, 'dog, small']\n")
    assert read("--config", str(path))[0].classes == ("cat", "dog, small")
    assert flags(config, RECIPES["quick"].config) == ["--classes", 'cat,"dog, small",owl,"a ""b"""']
    with pytest.raises(ConfigError, match="new-line character"):
        read("--classes", "cat\rdog")


def test_names_that_begin_with_a_dash_are_written_so_that_they_can_be_read():
    config, _ = read("--classes=-dash,normal")
    words = flags(config, RECIPES["quick"].config)
    assert words == ["--classes=-dash,normal"]
    assert read(*words)[0].classes == ("-dash", "normal")


def test_a_recipe_beside_a_file_of_another_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("recipe: quick\nmodel: resnet8\n")
    with pytest.raises(ConfigError, match=r"lenet --config .*: the file says recipe quick, and its values"):
        read("lenet", "--config", str(path))
    assert read("quick", "--config", str(path))[0].model == "resnet8"
    path.write_text("epochs: 3\n")
    assert read("lenet", "--config", str(path))[0] == replace(RECIPES["lenet"].config, epochs=3)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_list_has_every_recipe_and_fits_the_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as stop:
        read("--list")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    for recipe in RECIPES.values():
        assert recipe.name in lines
        assert f"{recipe.parameters:,} parameters" in " ".join(text.split())
    assert "77.06 % after 100 epochs" in " ".join(text.split())
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_help_has_every_flag_and_recipe_and_fits_the_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as stop:
        read("resnet18", "--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for item in fields(TrainConfig):
        assert item.name == "recipe" or f"  {flag(item.name)}" in text
    for recipe in RECIPES:
        assert f"  {recipe}" in text
    assert "defaults of resnet18" in text
    assert "[0.05]" in text  # its learning rate
    examples = [line for line in text.splitlines() if line.strip().startswith("python -m")]
    assert max(len(line) for line in text.splitlines() if line not in examples) <= columns
    assert columns < 80 or max(map(len, examples)) <= columns
