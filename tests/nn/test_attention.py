from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

PADDING = np.array([[False, False, True, False, True], [False, True, False, False, False]])
MASK = np.triu(np.ones((5, 5), bool), 1)


def twins(build, dtype):
    """Build a module in both libraries, with the same random parameters."""
    modules = [build(nn).to(getattr(tinynet, dtype)), build(torch.nn).to(getattr(torch, dtype))]
    rng = np.random.default_rng(0)
    state = {
        k: rng.standard_normal(tuple(v.shape)).astype(dtype) / 2 for k, v in modules[1].state_dict().items()
    }
    assert list(modules[0].state_dict()) == list(state)
    modules[0].load_state_dict({k: tinynet.Tensor(v) for k, v in state.items()})
    modules[1].load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    return modules


def compare(modules, call, *arrays):
    """Compare outputs, and gradients of inputs and parameters."""
    outcomes = []
    for lib, module in zip((tinynet, torch), modules, strict=True):
        inputs = [lib.tensor(a.copy()).requires_grad_() for a in arrays]
        outputs = call(lib, module, *inputs)
        outputs = [y for y in (outputs if isinstance(outputs, tuple) else (outputs,)) if y is not None]
        total = sum((y * lib.tensor(np.cos(np.arange(y.numel()))).reshape(y.shape)).sum() for y in outputs)
        total.backward()
        gradients = [x.grad for x in inputs] + [p.grad for p in module.parameters()]
        outcomes.append([t.detach().numpy() for t in (*outputs, *gradients)])
    assert len(outcomes[0]) == len(outcomes[1])
    tolerance = 1e-9 if arrays[0].dtype == np.float64 else 2e-3
    for ours, theirs in zip(*outcomes, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


MASKS = {
    "none": {},
    "padding": {"key_padding_mask": PADDING},
    "causal": {"attn_mask": MASK},
    "causal hint": {"attn_mask": MASK, "is_causal": True},
    "numbers": {"attn_mask": np.where(MASK, -np.inf, 0.25)},
    "each head": {"attn_mask": np.stack([MASK, MASK.T, MASK, np.zeros((5, 5), bool)])},
    "both": {"attn_mask": MASK, "key_padding_mask": PADDING},
}


@pytest.mark.parametrize("options", [{}, {"need_weights": False}, {"average_attn_weights": False}], ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("masks", MASKS)
def test_self_attention_equals_torch(masks, batch_first, bias, options, draw):
    modules = twins(lambda nn: nn.MultiheadAttention(6, 2, bias=bias, batch_first=batch_first), "float64")

    def call(lib, module, x):
        given = {}
        for name, mask in MASKS[masks].items():
            given[name] = lib.tensor(mask) if isinstance(mask, np.ndarray) else mask
        return module(x, x, x, **given, **options)

    compare(modules, call, draw((2, 5, 6) if batch_first else (5, 2, 6)))


@pytest.mark.parametrize("single", [True, False])
def test_attention_to_another_sequence_equals_torch(single, dtype, draw):
    modules = twins(lambda nn: nn.MultiheadAttention(6, 3), dtype)
    shapes = ((4, 6), (5, 6), (5, 6)) if single else ((4, 2, 6), (5, 2, 6), (5, 2, 6))
    arrays = [draw(shape, dtype, seed) for seed, shape in enumerate(shapes)]
    compare(modules, lambda lib, module, *xs: module(*xs), *arrays)


def test_attention_starts_as_torchs():
    tinynet.manual_seed(0)
    layer, twin = nn.MultiheadAttention(64, 4), torch.nn.MultiheadAttention(64, 4)
    assert repr(layer) == repr(twin)
    for (name, ours), (_, theirs) in zip(layer.named_parameters(), twin.named_parameters(), strict=True):
        assert abs(float(ours.detach().numpy().std()) - float(theirs.detach().std())) < 0.01, name
        assert abs(np.abs(ours.detach().numpy()).max() - float(theirs.detach().abs().max())) < 0.01, name


def test_attention_drops_weights_in_training_only():
    layer = nn.MultiheadAttention(8, 2, dropout=0.5)
    x = tinynet.randn(50, 1, 8)
    assert 0.4 < (layer(x, x, x, average_attn_weights=False)[1].detach().numpy() == 0).mean() < 0.6
    assert not (layer.eval()(x, x, x)[1].detach().numpy() == 0).any()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((6, 4), AssertionError), ((0, 1), ValueError), ((6, 0), ValueError)],
    ids=str,
)
def test_attention_refuses_as_torch(arguments, error):
    for library in (nn, torch.nn):
        with pytest.raises(error, match="embed_dim"):
            library.MultiheadAttention(*arguments)


@pytest.mark.parametrize(
    "options", [{"kdim": 3}, {"vdim": 3}, {"add_bias_kv": True}, {"add_zero_attn": True}], ids=str
)
def test_attention_says_what_it_lacks(options):
    with pytest.raises(NotImplementedError, match=next(iter(options))):
        nn.MultiheadAttention(6, 2, **options)


def test_attention_refuses_bad_sequences():
    for lib in (tinynet, torch):
        layer = lib.nn.MultiheadAttention(6, 2)
        with pytest.raises(AssertionError):
            layer(lib.ones(5, 2, 4), lib.ones(5, 2, 4), lib.ones(5, 2, 4))
        with pytest.raises(AssertionError):
            layer(lib.ones(5, 2, 6), lib.ones(5, 6), lib.ones(5, 6))
        with pytest.raises(RuntimeError, match="is_causal"):
            layer(*[lib.ones(5, 2, 6)] * 3, is_causal=True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("masks", ["none", "padding", "causal", "both"])
def test_encoder_equals_torch(masks, norm_first, training, draw):
    def build(nn):
        layer = nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True, norm_first=norm_first)
        return nn.TransformerEncoder(layer, 2, nn.LayerNorm(6), enable_nested_tensor=False).train(training)

    modules = twins(build, "float64")

    def call(lib, module, x):
        given = {"attn_mask": "mask", "key_padding_mask": "src_key_padding_mask"}
        return module(x, **{given[k]: lib.tensor(v) for k, v in MASKS[masks].items()})

    compare(modules, call, draw((2, 5, 6)))
    assert repr(modules[0]) == repr(modules[1])


def test_layers_of_the_encoder_are_copies_of_their_own():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 3)
    first, second, _ = encoder.layers
    assert first.linear1.weight.array is not second.linear1.weight.array
    np.testing.assert_array_equal(first.linear1.weight.array, second.linear1.weight.array)
    assert len(list(encoder.parameters())) == 3 * 12


def test_activation_of_the_encoder(draw):
    assert nn.TransformerEncoderLayer(4, 2, activation=tinynet.tanh).activation is tinynet.tanh
    for library in (nn, torch.nn):
        with pytest.raises(RuntimeError, match="relu/gelu"):
            library.TransformerEncoderLayer(4, 2, activation="tanh")


def test_attention_can_drop_and_says_what_it_lacks():
    q = tinynet.randn(2, 50, 4)
    dropped = nn.functional.scaled_dot_product_attention(q, q, tinynet.ones(2, 50, 4), dropout_p=0.5).numpy()
    assert 0.05 < dropped.std() < 1
    assert abs(dropped.mean() - 1) < 0.2
    with pytest.raises(NotImplementedError, match="enable_gqa"):
        nn.functional.scaled_dot_product_attention(q, q, q, enable_gqa=True)
