from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.conftest import without_notice
from tinynet.training import checkpoint


def test_evaluate_agrees_with_the_run(run, trained):
    results = json.loads((trained / "results.json").read_text())
    code, out, err = run("tinynet.evaluate", "run", "--batch-size", "64")
    assert (code, err) == (0, "")
    loss, accuracy = re.search(
        r"^test set, 1,000 images: loss ([\d.]+), accuracy ([\d.]+) %$", out, re.M
    ).groups()
    assert float(loss) == pytest.approx(results["test_loss"], abs=1e-3)
    assert float(accuracy) == pytest.approx(100 * results["test_accuracy"], abs=0.15)
    classes = re.findall(r"^  (\w+) +[\d.]+ %  (\d+) of 100$", out, re.M)
    assert len(classes) == 10
    assert sum(int(hits) for _, hits in classes) == round(10 * float(accuracy))
    code, out, _ = run("tinynet.evaluate", trained / "last.json", "--split", "val")
    assert code == 0
    assert "val set, 50 images" in out


def test_predict_names_three_classes_and_reports_each_bad_picture(run, trained, tmp_path):
    Image.fromarray(np.full((50, 70, 3), 128, dtype=np.uint8)).save(tmp_path / "good.png")
    Image.fromarray(np.full((40, 40), np.nan, dtype=np.float32)).save(tmp_path / "nan.tiff")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    code, out, err = run("tinynet.predict", "run", "cut.png", "good.png", "nan.tiff", "gone.png")
    assert code == 2
    shares = re.match(
        r"good\.png: \w+ \(([\d.]+) %\), \w+ \(([\d.]+) %\), \w+ \(([\d.]+) %\)$", out.strip()
    ).groups()
    assert 100 > float(shares[0]) >= float(shares[1]) >= float(shares[2]) > 0
    lines = err.splitlines()
    assert len(lines) == 3
    for line, name in zip(lines, ("cut.png", "nan.tiff", "gone.png"), strict=True):
        assert re.match(rf"tinynet\.predict: error: .*{name}", line)


def test_predict_succeeds_where_every_picture_is_good(run, trained, tmp_path):
    Image.fromarray(np.full((50, 70), 128, dtype=np.uint8)).save(tmp_path / "grey.png")
    code, out, err = run("tinynet.predict", trained / "best.json", "grey.png")
    assert (code, err) == (0, "")
    assert out.startswith("grey.png: ")


def test_checkpoint_of_another_model_lists_the_differences(run, trained):
    state = json.loads((trained / "best.json").read_text())
    state["config"]["model"] = "resnet8"
    (trained / "best.json").write_text(json.dumps(state))
    code, out, err = run("tinynet.evaluate", "run")
    assert (code, out) == (2, "")
    assert "layer1.0.conv1.weight: missing" in err
    assert re.search(r"best\.json does not hold the weights of resnet8; \d+ differences:\n", err)
    assert "Traceback" not in err


def test_weights_of_another_origin_are_measured_as_those_of_the_run(run, trained, tmp_path):
    """With the names that torch has them under, but for one layer, in the format of torch.save."""
    import torch

    weights = checkpoint.load(trained).weights
    torch.save(
        {name.replace("fc3", "linear"): torch.from_numpy(x) for name, x in weights.items()},
        tmp_path / "w.pth",
    )
    code, expected, _ = run("tinynet.evaluate", "run")
    assert code == 0
    words = ("--model", "lenet", "--dataset", "cifar10-sample", "--rename", "linear=fc3")
    code, out, err = run("tinynet.evaluate", "w.pth", *words)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "w.pth: lenet on cifar10-sample"
    assert out.splitlines()[1:] == expected.splitlines()[1:]
    for wrong, message in (
        (words[:4], "linear.weight: unexpected"),
        (words[2:], "--dataset, --normalise and --rename go with --model"),
        ((), "Weights of another origin need --model"),
        (("--model", "lenett"), "did you mean lenet"),
        ((*words, "--rename", "x=y"), "no name begins with 'x'"),
    ):
        code, out, err = run("tinynet.evaluate", "w.pth", *wrong)
        assert (code, out) == (2, "")
        assert message in err


def test_by_each_batchs_own_statistics_as_torch_in_training_mode(run, tmp_path):
    import torch

    from reference import convert, models
    from tinynet import data

    small = ("--model", "resnet8", "--dataset", "digits", "--batch-size", "50", "--threads", "1")
    code, _, err = run("tinynet.train", *small, "--max-steps", "20", "--out", "run")
    assert (code, err) == (0, "")
    saved = checkpoint.load(tmp_path / "run")
    twin = models.build("resnet8", 10)
    twin.load_state_dict(convert.to_torch(saved.weights))
    test = data.load("digits").test
    mean, std = (np.array(saved.state["normalisation"][key]).reshape(1, -1, 1, 1) for key in ("mean", "std"))
    images = torch.from_numpy(((data.fit(test).images / 255 - mean) / std).astype(np.float32))
    for words, training in (((), False), (("--batch-statistics",), True)):
        code, out, err = run("tinynet.evaluate", "run", "--batch-size", "100", "--threads", "1", *words)
        assert (code, err) == (0, "")
        assert ("normalised by each batch of 100" in out) == training
        twin.train(training)
        with torch.no_grad():
            scores = torch.cat([twin(part) for part in images.split(100)])
        loss = torch.nn.functional.cross_entropy(
            scores, torch.from_numpy(test.labels.astype(np.int64))
        ).item()
        assert float(re.search(r"loss ([\d.]+)", out)[1]) == pytest.approx(loss, abs=1e-3)


def test_weights_that_do_not_fit_are_told_without_a_flag_that_evaluate_lacks(run, trained):
    weights = next(trained.glob("best-*.safetensors"))
    code, _, err = run("tinynet.evaluate", str(weights), "--model", "lenet", "--dataset", "digits")
    assert code == 0
    code, out, err = run("tinynet.evaluate", str(weights), "--model", "resnet8", "--dataset", "digits")
    assert (code, out) == (2, "")
    assert "does not fit the model" in err
    assert "--reset" not in err


def test_bad_weights_are_told_before_any_data_is_looked_for(run, tmp_path):
    weights = tmp_path / "weights.pth"
    weights.write_text("none")
    code, _, err = run("tinynet.evaluate", str(weights), "--model", "lenet", "--data-dir", str(tmp_path))
    assert code == 2
    assert "neither safetensors nor a file of torch.save" in err


def test_run_without_validation_images_has_none_to_evaluate(run, trained):
    state = json.loads((trained / "best.json").read_text())
    state["config"]["val_size"] = 0
    (trained / "best.json").write_text(json.dumps(state))
    code, out, err = run("tinynet.evaluate", "run", "--split", "val")
    assert (code, out) == (2, "")
    assert re.match(
        r"tinynet\.evaluate: error: --split val: run/best\.json is of a run with --val-size 0", err
    )


@pytest.mark.parametrize("words", [["evaluate", "run"], ["predict", "run", "x.png"], ["train", "--help"]])
def test_output_that_nobody_reads_ends_the_program_in_silence(start, trained, tmp_path, words):
    Image.new("RGB", (32, 32)).save(tmp_path / "x.png")
    process = start(f"tinynet.{words[0]}", *words[1:])
    process.stdout.close()
    assert (process.wait(timeout=60), without_notice(process.stderr.read())) == (141, "")


@pytest.mark.parametrize("module, more", [("tinynet.evaluate", []), ("tinynet.predict", ["x.png"])])
def test_mistakes_give_one_message(run, module, more):
    for words, message in (
        (["nowhere", *more], "no such checkpoint: nowhere"),
        (["--threads", "0", "run", *more], "--threads: 0: must be at least 1"),
        ([], "required: CHECKPOINT"),
    ):
        code, out, err = run(module, *words)
        assert (code, out) == (2, "")
        assert err.startswith(f"{module}: error: ")
        assert message in err
        assert "Traceback" not in err
