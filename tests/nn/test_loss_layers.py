from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

REDUCTION = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
LAYERS = {
    "CrossEntropyLoss": "classes",
    "NLLLoss": "classes",
    "MultiMarginLoss": "classes",
    "MSELoss": "alike",
    "L1Loss": "alike",
    "SmoothL1Loss": "alike",
    "HuberLoss": "alike",
    "BCELoss": "probabilities",
    "BCEWithLogitsLoss": "alike",
    "KLDivLoss": "probabilities",
    "PoissonNLLLoss": "alike",
    "GaussianNLLLoss": "variances",
    "HingeEmbeddingLoss": "signs",
    "SoftMarginLoss": "whole signs",
    "MultiLabelSoftMarginLoss": "alike",
    "MarginRankingLoss": "pairs",
    "CosineEmbeddingLoss": "angles",
    "TripletMarginLoss": "triplet",
    "TripletMarginWithDistanceLoss": "triplet",
    "CosineSimilarity": "distance",
    "PairwiseDistance": "distance",
}
OPTIONS_OF_LAYERS = [
    ("CrossEntropyLoss", {"ignore_index": 1, "label_smoothing": 0.1}),
    ("NLLLoss", {"ignore_index": 1}),
    ("MultiMarginLoss", {"p": 2, "margin": 0.7}),
    ("SmoothL1Loss", {"beta": 0.5}),
    ("HuberLoss", {"delta": 0.1}),
    ("KLDivLoss", {"log_target": True, "reduction": "batchmean"}),
    ("PoissonNLLLoss", {"log_input": False, "full": True, "eps": 0.1}),
    ("GaussianNLLLoss", {"full": True, "eps": 0.6}),
    ("HingeEmbeddingLoss", {"margin": 0.5}),
    ("MarginRankingLoss", {"margin": 0.5}),
    ("CosineEmbeddingLoss", {"margin": 0.1}),
    ("TripletMarginLoss", {"margin": 2.0, "p": 1, "eps": 0.1, "swap": True}),
    ("TripletMarginWithDistanceLoss", {"margin": 2.0, "swap": True}),
    ("CosineSimilarity", {"dim": 0, "eps": 0.1}),
    ("PairwiseDistance", {"p": 3, "eps": 0.1, "keepdim": True}),
]


def arguments_of(kind, draw, dtype):
    x, y, z = (np.abs(draw((3, 4), dtype, seed)) / 5 + 0.07 for seed in (1, 2, 3))
    signs = np.resize(np.array([1, -1, -1], dtype), (3, 4))
    return {
        "classes": (x, np.array([0, 1, 3])),
        "alike": (x, y),
        "probabilities": (x, y),
        "variances": (x, y, z),
        "signs": (x, signs),
        "whole signs": (x, signs.astype(int)),
        "pairs": (x, y, signs),
        "angles": (x, y, np.array([1, -1, -1], dtype)),
        "triplet": (x, y, z),
        "distance": (x, y),
    }[kind]


@REDUCTION
@pytest.mark.parametrize("name", LAYERS)
def test_losses_as_layers_equal_torch(name, reduction, dtype, draw, same_layer):
    given = arguments_of(LAYERS[name], draw, dtype)
    options = {} if LAYERS[name] == "distance" else {"reduction": reduction}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "reduction: 'mean'")
        layer = same_layer(
            lambda nn: getattr(nn, name)(**options), *given, may_vanish=name == "HingeEmbeddingLoss"
        )
    twin = getattr(torch.nn, name)(**options)
    assert repr(layer) == repr(twin)
    assert list(layer.state_dict()) == list(twin.state_dict())


@pytest.mark.parametrize(("name", "options"), OPTIONS_OF_LAYERS, ids=[name for name, _ in OPTIONS_OF_LAYERS])
def test_options_of_layers_reach_the_function(name, options, dtype, draw, same_layer):
    given = arguments_of(LAYERS[name], draw, dtype)
    layer = same_layer(lambda nn: getattr(nn, name)(**options), *given)
    plain = getattr(nn, name)()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        different = [m(*(tinynet.Tensor(a) for a in given)).numpy() for m in (layer, plain)]
    assert different[0].shape != different[1].shape or not np.allclose(*different)


@pytest.mark.parametrize(
    "name", ["NLLLoss", "MultiMarginLoss", "BCELoss", "BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"]
)
def test_weights_of_layers_are_buffers(name, dtype, draw, same_layer):
    def build(nn):
        lib = tinynet if nn is tinynet.nn else torch
        more = {"pos_weight": lib.ones(4)} if name == "BCEWithLogitsLoss" else {}
        return getattr(nn, name)(weight=lib.ones(4), **more)

    layer = same_layer(build, *arguments_of(LAYERS[name], draw, dtype))
    assert list(layer.state_dict()) == list(build(torch.nn).state_dict())


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_sizes_that_differ_warn(name, draw):
    x, y = draw((2, 3)), draw((3,), seed=1)
    results = []
    for lib in (tinynet, torch):
        with pytest.warns(UserWarning, match=r"Using a target size.*3.*different to the input size.*2, 3"):
            results.append(getattr(lib.nn.functional, name)(lib.tensor(x), lib.tensor(y)).numpy())
        with pytest.warns(UserWarning, match="target size"), pytest.raises(RuntimeError, match=r"3.*4"):
            getattr(lib.nn.functional, name)(lib.tensor(x), lib.ones(4))
    np.testing.assert_allclose(*results)


def test_the_mean_of_kl_div_warns(draw):
    results = []
    for lib in (tinynet, torch):
        x, y = lib.tensor(draw((2, 3))), lib.tensor(np.abs(draw((2, 3), seed=1)))
        with pytest.warns(UserWarning, match="'batchmean'"):
            results.append(lib.nn.functional.kl_div(x, y).numpy())
    np.testing.assert_allclose(*results)


def both(function, *arrays):
    """Return values and gradients in both libraries."""
    found = []
    for lib in (tinynet, torch):
        xs = [lib.tensor(np.asarray(a)).requires_grad_() for a in arrays]
        y = function(lib, *xs)
        (y * lib.tensor(np.arange(1.0, y.numel() + 1)).reshape(y.shape)).sum().backward()
        found.append([y.detach().numpy(), *(x.grad.numpy() for x in xs)])
    return zip(*found, strict=True)


D = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]
EXACT = {
    "l1 at 0": (lambda lib, x: lib.nn.functional.l1_loss(x, x.detach() * 0, reduction="none"), D),
    "smooth_l1 at its bend": (
        lambda lib, x: lib.nn.functional.smooth_l1_loss(x, x.detach() * 0, reduction="none"),
        D,
    ),
    "huber at its bend": (
        lambda lib, x: lib.nn.functional.huber_loss(x, x.detach() * 0, reduction="none", delta=0.5),
        D,
    ),
    "probabilities 0 and 1": (
        lambda lib, x: lib.nn.functional.binary_cross_entropy(x, x.detach() * 0 + 0.25, reduction="none"),
        [0.0, 1e-13, 0.3, 1.0, 1 - 1e-13, 1e-50],
    ),
    "extreme logits": (
        lambda lib, x: lib.nn.functional.binary_cross_entropy_with_logits(
            x, x.detach() * 0 + 0.25, reduction="none"
        ),
        [-1e30, -1e4, -50.0, 0.0, 50.0, 1e4, 1e30],
    ),
    "hinge at its bend": (
        lambda lib, x: lib.nn.functional.hinge_embedding_loss(
            x, lib.tensor([1.0, -1, -1, -1, 0]), reduction="none"
        ),
        [0.3, 0.6, 1.0, 2.0, 0.4],
    ),
    "ranking at its bend": (
        lambda lib, x: lib.nn.functional.margin_ranking_loss(
            x, x.detach(), lib.tensor([1.0, -1, 1]), reduction="none"
        ),
        [0.3, 0.6, 1.0],
    ),
    "multi_margin at its bend": (
        lambda lib, x: lib.nn.functional.multi_margin_loss(x, lib.tensor([0, 1]), reduction="none"),
        [[1.5, 0.5, -0.7], [0.5, 2.0, 1.0]],
    ),
    "a row of zeros": (
        lambda lib, x: lib.nn.functional.cosine_similarity(x, lib.tensor([[1.0, 2], [3, -1]]).to(x.dtype)),
        [[0.0, 0], [1, 2]],
    ),
    "lengths below eps": (
        lambda lib, x: lib.nn.functional.cosine_similarity(x, x.detach() + 1, eps=2.5),
        [[0.5, 0.1], [1, 2]],
    ),
    "equal rows": (
        lambda lib, x: lib.nn.functional.pairwise_distance(x, x.detach(), eps=0.0),
        [[0.5, 0.1], [1, 2]],
    ),
    "how many differ": (
        lambda lib, x: lib.nn.functional.pairwise_distance(x * 1, x.detach(), p=0, eps=0.1) + x.sum(1),
        [[0.5, 0.1], [1, 2]],
    ),
    "variance below eps": (
        lambda lib, x: lib.nn.functional.gaussian_nll_loss(x * 2, x, x - 0.5, eps=0.2, reduction="none"),
        [0.5, 0.6, 1.0],
    ),
    "no probability": (
        lambda lib, x: lib.nn.functional.kl_div(x, lib.tensor([0.0, 0.5, 1]).to(x.dtype), reduction="none"),
        [0.5, 0.6, 1.0],
    ),
}


@pytest.mark.parametrize("case", EXACT)
def test_exactly_at_bends_and_ends(case):
    function, numbers = EXACT[case]
    for ours, theirs in both(function, numbers):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def test_signs_that_are_none_cost_nothing_or_both(draw):
    """cosine_embedding_loss counts only 1 and -1."""
    results = [
        lib.nn.functional.cosine_embedding_loss(
            lib.ones(2, 3), lib.ones(2, 3), lib.tensor([0, 1]), reduction="none"
        ).numpy()
        for lib in (tinynet, torch)
    ]
    np.testing.assert_array_equal(*results)
