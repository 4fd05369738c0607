from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

# logits: the axis of the classes has size C = 4
SHAPES = {
    "batch": (6, 4),
    "batch 1": (1, 4),
    "no batch": (4,),
    "one axis": (3, 4, 5),
    "images": (2, 4, 3, 5),
}
OPTIONS = {
    "defaults": {},
    "smoothing": {"label_smoothing": 0.1},
    "all smoothing": {"label_smoothing": 1.0},
}
REDUCTION = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
WEIGHTED = pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])


def classes_for(shape, seed=0):
    axis = min(len(shape) - 1, 1)
    labels = np.random.default_rng(seed).integers(0, shape[axis], shape[:axis] + shape[axis + 1 :])
    return np.asarray(labels)


def probabilities_for(shape, dtype):
    axis = min(len(shape) - 1, 1)
    numbers = np.random.default_rng(0).uniform(0.1, 1, shape)
    return (numbers / numbers.sum(axis, keepdims=True)).astype(dtype)


def weights(dtype):
    return np.array([0.5, 2.0, 0.0, 1.25], dtype)


@REDUCTION
@WEIGHTED
@pytest.mark.parametrize("ignored", [None, 1, -7])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_of_classes_equals_torch(
    shape, options, ignored, weighted, reduction, dtype, draw, same_function
):
    x = draw(SHAPES[shape], dtype)
    labels = classes_for(x.shape)
    if labels.size == 1:
        labels = np.full_like(labels, 3)
    elif labels.size and ignored is not None:
        labels.flat[::3] = ignored
        labels.flat[1] = 3
    arguments = dict(OPTIONS[options], reduction=reduction)
    if ignored is not None:
        arguments["ignore_index"] = ignored

    def compute(lib, x, labels):
        weight = lib.tensor(weights(dtype)) if weighted else None
        return lib.nn.functional.cross_entropy(x, labels, weight, **arguments)

    same_function(compute, x, labels)


@pytest.mark.parametrize("function", ["cross_entropy", "nll_loss"])
def test_the_target_may_change_before_backward(function, draw):
    labels, x = classes_for((6, 4)), draw((6, 4), "float32")
    gradients = []
    for change in (False, True):
        given, leaf = labels.copy(), tinynet.tensor(x, requires_grad=True)
        loss = getattr(nn.functional, function)(leaf, tinynet.from_numpy(given))
        if change:
            given[:] = 0
        loss.backward()
        gradients.append(leaf.grad.numpy())
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("ignored", [None, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_has_the_bits_of_its_two_steps(shape, reduction, weighted, ignored, draw):
    """Forward, backward and backward of backward; the first two in fewer steps, the third recorded."""
    x, labels = draw(SHAPES[shape], "float32"), classes_for(SHAPES[shape])
    options = {"reduction": reduction, "ignore_index": -100 if ignored is None else ignored}
    options["weight"] = tinynet.tensor(weights("float32")) if weighted else None

    def at_once(x):
        return nn.functional.cross_entropy(x, tinynet.tensor(labels), **options)

    def in_steps(x):
        log_p = nn.functional.log_softmax(x, 1 if x.ndim > 1 else 0)
        return nn.functional.nll_loss(log_p, tinynet.tensor(labels), **options)

    results = []
    for function in (at_once, in_steps):
        leaf = tinynet.tensor(x, requires_grad=True)
        y = function(leaf)
        y.backward(tinynet.tensor(np.float32(0.7)), retain_graph=True)
        (first,) = tinynet.autograd.grad(y, leaf, create_graph=True)
        (second,) = tinynet.autograd.grad((first * tinynet.tensor(x)).sum(), leaf)
        results.append([y.detach().numpy(), leaf.grad.numpy(), first.detach().numpy(), second.numpy()])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)


@REDUCTION
@WEIGHTED
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_of_probabilities_equals_torch(
    shape, options, weighted, reduction, dtype, draw, same_function
):
    def compute(lib, x, target):
        weight = lib.tensor(weights(dtype)) if weighted else None
        return lib.nn.functional.cross_entropy(x, target, weight, reduction=reduction, **OPTIONS[options])

    shape = SHAPES[shape]
    same_function(
        compute,
        draw(shape, dtype),
        probabilities_for(shape, dtype),
        may_vanish=OPTIONS[options].get("label_smoothing") == 1,  # nothing is left of the target
    )


@REDUCTION
@pytest.mark.parametrize("options", OPTIONS)
def test_where_all_is_ignored_the_mean_is_nan_as_in_torch(options, reduction, dtype, draw, same_function):
    same_function(
        lambda lib, x, labels: lib.nn.functional.cross_entropy(
            x, labels, reduction=reduction, **OPTIONS[options]
        ),
        draw((3, 4), dtype),
        np.full(3, -100),
        may_vanish=True,
    )


@REDUCTION
def test_empty_batch_equals_torch(reduction, dtype, same_function):
    same_function(
        lambda lib, x, labels: lib.nn.functional.cross_entropy(x, labels, reduction=reduction),
        np.zeros((0, 4), dtype),
        np.zeros(0, int),
    )


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(
    ("row", "label"),
    [
        ([1e4, 0, -1e4, 1], 2),
        ([-np.inf, 1, 2, 3], 3),
        ([1, -np.inf, -np.inf, -np.inf], 0),
        ([np.nan, 1, 2, 3], 0),
    ],
    ids=str,
)
def test_extreme_logits_equal_torch(row, label, options, dtype, same_function):
    same_function(
        lambda lib, x, labels: lib.nn.functional.cross_entropy(x, labels, **OPTIONS[options]),
        np.array([row, [0.5, -1, 2, 0.25]], dtype),
        np.array([label, 2]),
    )


def test_logits_of_an_ignored_row_do_not_matter():
    x = np.array([[np.nan, 1, 2], [3, 4, 5.5]])
    y = nn.functional.cross_entropy(
        tinynet.Tensor(x), tinynet.tensor([-1, 2]), ignore_index=-1, reduction="none"
    )
    assert y.numpy()[0] == 0
    assert 0 < y.numpy()[1] < 1


@pytest.mark.parametrize("layout", ["transposed", "broadcast", "sliced"])
def test_cross_entropy_takes_any_memory_layout(layout, dtype, draw, same_function):
    x = {
        "transposed": lambda: draw((4, 3), dtype).T,
        "broadcast": lambda: np.broadcast_to(draw((1, 4), dtype), (3, 4)),
        "sliced": lambda: draw((6, 8), dtype)[::2, ::-2],
    }[layout]()
    labels = np.broadcast_to(np.array([2]), (3,))
    same_function(lambda lib, *given: lib.nn.functional.cross_entropy(*given), x, labels)


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_class_numbers_of_any_integer_type(kind, draw):
    x = tinynet.Tensor(draw((3, 4)))
    losses = [
        nn.functional.cross_entropy(x, tinynet.Tensor(np.array([0, 3, 1], dtype))).item()
        for dtype in ("int64", kind)
    ]
    assert losses[0] == losses[1]


@REDUCTION
@WEIGHTED
def test_layer_equals_torch(reduction, weighted, dtype, draw, same_layer):
    def build(nn):
        lib = tinynet if nn is tinynet.nn else torch
        weight = lib.ones(4) if weighted else None
        return nn.CrossEntropyLoss(weight, ignore_index=2, reduction=reduction, label_smoothing=0.2)

    layer = same_layer(build, draw((6, 4), dtype), np.array([0, 1, 2, 3, 3, 2]))
    assert list(layer.state_dict()) == (["weight"] if weighted else [])


ERRORS = {
    "class above": ((3, 4), np.array([0, 4, 1]), {}, IndexError, "Target 4 is out of bounds.*4 classes"),
    "class below": ((3, 4), np.array([0, 1, -1]), {}, IndexError, "Target -1 is out of bounds"),
    "default of ignore_index replaced": (
        (3, 4),
        np.array([0, 1, -100]),
        {"ignore_index": 2},
        IndexError,
        "Target -100",
    ),
    "class of a pixel": ((1, 4, 2, 1), np.array([[[1], [9]]]), {}, IndexError, "Target 9"),
    "class without batch": ((4,), np.array(7), {}, IndexError, "Target 7"),
    "fewer targets": ((3, 4), np.array([0, 1]), {}, ValueError, r"\[3\].*\[3, 4\].*\[2\]"),
    "column of targets": ((3, 4), np.array([[0], [1], [2]]), {}, ValueError, r"\[3\].*\[3, 1\]"),
    "pixels": ((3, 4, 2), np.zeros((3, 4), int), {}, ValueError, r"\[3, 2\].*\[3, 4, 2\].*\[3, 4\]"),
    "no pixels": ((3, 4, 2), np.zeros(3, int), {}, ValueError, r"\[3, 2\].*\[3\]"),
    "probabilities": ((3, 4), np.zeros((3, 5)), {}, ValueError, r"\[3, 4\].*\[3, 5\]"),
    "floating point classes": ((3, 4), np.zeros(3), {}, ValueError, r"\[3, 4\].*\[3\]"),
    "ignored probabilities": ((3, 4), np.zeros((3, 4)), {"ignore_index": 1}, RuntimeError, "ignore_index 1"),
    "bool": ((3, 4), np.zeros(3, bool), {}, RuntimeError, "bool"),
    "scalar": ((), np.array(0), {}, RuntimeError, r"\(N, C, ...\).*\[\]"),
    "reduction": ((3, 4), np.zeros(3, int), {"reduction": "avg"}, ValueError, "avg"),
    "smoothing above": ((3, 4), np.zeros(3, int), {"label_smoothing": 1.5}, RuntimeError, "Got: 1.5"),
    "smoothing below": ((3, 4), np.zeros(3, int), {"label_smoothing": -0.1}, RuntimeError, "Got: -0.1"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_cross_entropy_refuses(case, draw):
    shape, target, options, error, message = ERRORS[case]
    with pytest.raises(error, match=message):
        nn.functional.cross_entropy(tinynet.Tensor(draw(shape)), tinynet.Tensor(target), **options)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case, (*_, error, _) in ERRORS.items()
        if error in (IndexError, RuntimeError) and case != "smoothing below"  # torch lets it pass
    ],
)
def test_torch_refuses_with_the_same_type(case, draw, same_error):
    shape, target, options, _, message = ERRORS[case]
    same_error(
        lambda lib, *given: lib.nn.functional.cross_entropy(*given, **options),
        draw(shape),
        target,
        match=message,
    )


@pytest.mark.parametrize("length", [1, 3, 5])
def test_class_weights_of_another_length_are_refused(length, draw, same_error):
    same_error(
        lambda lib, *given: lib.nn.functional.cross_entropy(*given),
        draw((3, 4)),
        np.zeros(3, int),
        np.ones(length),
        match=rf"4 classes.*\[{length}\]",
    )


def test_class_weights_of_another_dtype_are_refused(draw, same_error):
    same_error(
        lambda lib, *given: lib.nn.functional.cross_entropy(*given),
        draw((3, 4)),
        np.zeros(3, int),
        np.ones(4, "float32"),
        match="float64.*float32",
    )


def test_integer_logits_are_refused(same_error):
    same_error(
        lambda lib, *given: lib.nn.functional.cross_entropy(*given),
        np.ones((3, 4), int),
        np.zeros(3, int),
        match="int64",
    )


OLD = {
    "size_average": ({"size_average": True}, "mean"),
    "no size_average": ({"size_average": False}, "sum"),
    "reduce": ({"reduce": True}, "mean"),
    "no reduce": ({"reduce": False}, "none"),
    "sum": ({"size_average": False, "reduce": True}, "sum"),
    "neither": ({"size_average": False, "reduce": False}, "none"),
}


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss", "mse_loss", "l1_loss"])
@pytest.mark.parametrize("case", OLD)
def test_old_arguments_choose_the_reduction_with_a_warning(case, name, draw):
    options, reduction = OLD[case]
    x = tinynet.Tensor(draw((3, 4)))
    target = x * 2 if name in ("mse_loss", "l1_loss") else tinynet.tensor([0, 3, 1])
    function = getattr(nn.functional, name)
    with pytest.warns(UserWarning, match=f"reduction='{reduction}'"):
        found = function(x, target, **options)
    expected = function(x, target, reduction=reduction)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
