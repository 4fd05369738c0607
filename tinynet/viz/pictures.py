"""Make all pictures of a run, as far as its folder and the data set allow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinynet import models
from tinynet.data import DataError
from tinynet.data.datasets import ArrayDataset
from tinynet.data.image import load_image
from tinynet.tensor import Tensor
from tinynet.training import batches, inference, metrics
from tinynet.training.engine import resized
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.training.inference import Trained
from tinynet.viz import confusion, curves, directions, feature_maps, filters, learning_rate, mistakes

CHECKPOINTS = ("best.json", "last.json")


@dataclass(frozen=True)
class Picture:
    """A picture in the folder of a run: its file, a heading, and how to read it."""

    path: Path
    heading: str
    words: str


@dataclass
class Pictures:
    """What was made of a run, what was not and why, and what a report says beside it."""

    folder: Path
    name: str
    made: list[Picture] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    damaged: bool = False
    records: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, Any] | None = None
    trained: Trained | None = None
    confusion: np.ndarray | None = None

    @property
    def title(self) -> str:
        """The name of the run, and what was trained on what where a checkpoint says so."""
        if self.trained is None:
            return self.name
        return f"{self.name}: {self.trained.config.model} on {self.trained.config.dataset}"

    def add(self, path: Path, heading: str, words: str) -> None:
        """Note a picture that was made."""
        self.made.append(Picture(path, heading, words))

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Note, in place of what is tried inside, why it cannot be made."""
        try:
            yield
        except (ConfigError, CheckpointError, DataError) as error:
            self.missing.append(f"{what}: {error}")
            self.damaged |= isinstance(error, CheckpointError)


def check_run(folder: Path) -> None:
    """Refuse a folder without a run. Raises ConfigError."""
    if any((folder / name).is_file() for name in (metrics.NAME, *CHECKPOINTS)):
        return
    there = "holds no run, with a" if folder.is_dir() else "is not the folder of a run, with a"
    raise ConfigError(f"{folder} {there} {metrics.NAME}: give the folder that a training wrote to")


def make(
    folder: Path,
    name: str,
    *,
    image: Path | None = None,
    data_dir: str | None = None,
    backend: str = "numpy",
    threads: int | None = None,
) -> Pictures:
    """Draw all pictures of a run into its folder.

    Args:    image: shown to the network for its feature maps, in place of the first test image
             data_dir: where its data set is, in place of the usual places
    Raises:  ConfigError: no run there, or other classes in `data_dir`; DataError: `image` or `data_dir` is unreadable
             OutputError; BackendUnavailable
    """
    check_run(folder)
    if image is not None:
        load_image(image)  # a mistake in the command is said before minutes of work
    run = Pictures(folder, name)
    with run.attempt("Results"):
        run.results = curves.read_results(folder)
    if any((folder / file).is_file() for file in CHECKPOINTS):
        with run.attempt("Pictures of the network"):
            run.trained = inference.load(folder, backend, threads)
    else:
        run.missing.append("Pictures of the network: the folder holds no checkpoint")
    named = None if run.trained is None or data_dir is None else run.trained.parts(data_dir)  # as above
    _draw_course(run)
    if run.trained is not None:
        _draw_network(run, run.trained, image, named)
    if (folder / directions.NAME_OF_TWO).is_file():
        run.add(
            folder / directions.NAME_OF_TWO,
            "Loss over two random directions",
            "Lines of equal loss around the trained network, the star. Round and wide is gentle, narrow is sharp. "
            "This picture takes longer than the others: python -m tinynet.viz directions --two draws it.",
        )
    return run


def _draw_course(run: Pictures) -> None:
    if not (run.folder / metrics.NAME).is_file():
        run.missing.append("Loss, accuracy and learning rate: no epoch has been recorded yet")
        return
    with run.attempt("Loss, accuracy and learning rate"):
        run.records = curves.read_records(run.folder)
        path = curves.draw(
            [curves.Run(run.name, run.records, run.results)], run.folder / curves.NAME, run.title
        )
        run.add(
            path,
            "Loss and accuracy",
            "Where validation stops following training, the network has begun to learn its training images by heart. "
            "Training is measured while the weights change, and on augmented images if there is augmentation, so that "
            "it can lie below validation. The star is the test set.",
        )
    if not run.records:
        return
    with run.attempt("Learning rate"):
        for record in run.records:
            curves.check(record, ("lr",), run.folder / metrics.NAME)
        known = [record for record in run.records if record["lr"] is not None]
        if not known:
            raise ConfigError("no epoch has one that is a finite number")
        path = learning_rate.draw(
            [record["epoch"] for record in known],
            [record["lr"] for record in known],
            run.folder / learning_rate.NAME,
            "Learning rate",
        )
        run.add(
            path,
            "Learning rate",
            "The rate of the last step of each epoch. Compare it with the curves above: a drop of the rate often shows "
            "as a drop of the loss.",
        )


def _draw_network(
    run: Pictures, trained: Trained, image: Path | None, parts: dict[str, ArrayDataset] | None
) -> None:
    """Draw what needs the network and images: of `parts`, or, without, of the usual places."""
    test: ArrayDataset | None = None
    with run.attempt(
        "Confusion matrix, mistakes, loss along a direction" + ("" if image else ", feature maps")
    ):
        parts = parts or trained.parts()
        test = parts["test"]
    if test is not None:
        _draw_answers(run, trained, test)
    with run.attempt("First-layer filters"):
        _draw_filters(run, trained)
    if image is not None or test is not None:
        with run.attempt("Feature maps"):
            _draw_feature_maps(run, trained, image, test)
    if parts is not None:
        with run.attempt("Loss along a random direction"):
            _draw_direction(run, trained, parts["train"])


def _draw_answers(run: Pictures, trained: Trained, test: ArrayDataset) -> None:
    """Draw what comes of the answers on the test set."""
    from tinynet.training.progress import Bar

    found = []
    with Bar("test", len(test)) as bar:
        for start in range(0, len(test), batches.EVAL_BATCH):
            found.append(trained.predict(test.images[start : start + batches.EVAL_BATCH]))
            if bar.add(len(found[-1])):
                bar.show()
    probabilities = np.concatenate(found)
    answers = probabilities.argmax(axis=1)
    classes = trained.classes
    run.confusion = confusion.counts(test.labels, answers, len(classes))
    right = np.trace(run.confusion)
    path = confusion.draw(
        run.confusion,
        classes,
        run.folder / confusion.NAME,
        f"{right:,} of {len(test):,} test images right, {100 * right / len(test):.2f} %",
    )
    run.add(
        path,
        "Confusion matrix",
        "Each row is a true class, each column a prediction: the diagonal is right, and a dark cell beside it is a "
        "class often taken for another. The bars are the accuracy of each class.",
    )
    worst = mistakes.find(probabilities, test.labels)
    if not len(worst):
        run.missing.append("Most confident mistakes: every test image is classified rightly")
        return
    path = mistakes.draw(
        test.images[worst],
        [classes[i] for i in answers[worst]],
        probabilities[worst].max(axis=1).tolist(),
        [classes[i] for i in test.labels[worst]],
        run.folder / mistakes.NAME,
        "Most confident mistakes",
    )
    run.add(
        path,
        "Most confident mistakes",
        "Test images with the class that the network is wrongly sure of, its probability, and what the image is. Some "
        "are hard for people too; others show what the network looks at.",
    )


def _draw_filters(run: Pictures, trained: Trained) -> None:
    found = filters.first(trained.saved.weights)
    if found is None:
        raise ConfigError(f"{trained.config.model} has no convolution that reads colours")
    name, weight = found
    count, _, height, width = weight.shape
    some = f"{filters.MOST} of {count}" if count > filters.MOST else f"{count}"
    path = filters.draw(weight, run.folder / filters.NAME, f"{name}: {some} filters of {height}×{width}")
    run.add(
        path,
        "First-layer filters",
        "What the first convolution looks for, each filter scaled by its own largest weight; grey is 0. Edges, spots "
        "and pairs of opposite colours are usual after a long training, and noise after a short one.",
    )


def _draw_feature_maps(
    run: Pictures, trained: Trained, image: Path | None, test: ArrayDataset | None
) -> None:
    if image is not None:
        shown = load_image(image, trained.config.stored_size)
    else:
        assert test is not None
        shown = test.images[0]
    model = models.build(trained.config.model, num_classes=len(trained.classes))
    model.load_state_dict(trained.saved.weights)
    seen = resized(Tensor(trained.prepared(shown[None])), trained.config.image_size)
    layers = feature_maps.record(model, seen.numpy()[0])
    if not layers:
        raise ConfigError(f"{trained.config.model} has no layer whose output is maps")
    probabilities = trained.predict(shown[None])[0]
    best = int(probabilities.argmax())
    answer = f"{trained.classes[best]}, {100 * probabilities[best]:.1f} %"
    truth = "" if image is not None or test is None else f" (it is {trained.classes[test.labels[0]]})"
    path = feature_maps.draw(
        shown, layers, run.folder / feature_maps.NAME, f"The network says {answer}{truth}"
    )
    run.add(
        path,
        "Feature maps, layer by layer",
        f"The first {feature_maps.CHANNELS} channels of each layer for the image above them, each map from its "
        "smallest value (dark) to its largest (light). Early maps keep edges and colours of the image; later ones are "
        "coarse, and say where something was found rather than how it looks.",
    )


def _draw_direction(run: Pictures, trained: Trained, train: ArrayDataset) -> None:
    distances = np.linspace(-directions.RANGE, directions.RANGE, directions.POINTS)
    direction = directions.random_direction(trained.saved.weights, 0, seed=0)
    found = directions.along(trained, train, [direction], distances)
    path = directions.draw(
        distances,
        found[:, 0],
        found[:, 1],
        run.folder / directions.NAME,
        f"{trained.config.model} along a random direction",
    )
    run.add(
        path,
        "Loss along a random direction",
        f"On {min(directions.IMAGES, len(train)):,} training images. The trained network is in the middle; to either "
        "side every filter is moved in a random direction of its own norm (Li et al. 2018). A wide valley means that "
        "small changes of the weights do little harm.",
    )
