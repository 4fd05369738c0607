"""Draw what each layer of a network makes of one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinynet
from tinynet import nn
from tinynet.backend import asnumpy
from tinynet.viz import figures

NAME = "feature_maps.png"
CHANNELS = 8
ROWS = 20
"""Most rows of a picture."""

_SIDE = 64
"""Pixels that a map is enlarged to, at least."""


@dataclass(frozen=True)
class Layer:
    """The output of a part of a network: its name, what it is made of, and maps (C, H, W)."""

    name: str
    kind: str
    maps: np.ndarray


def record(model: Any, image: np.ndarray) -> list[Layer]:
    """Run a network in evaluation mode on one image and return the outputs of its parts, in the order of the run.

    A part is a block (a module with others inside that is no Sequential), or a convolution outside of blocks together
    with the normalisation and activation modules behind it. A module that is applied repeatedly is there each time.

    Shapes:  image float32 (C, H, W), normalised
    """
    found: list[tuple[str, nn.Module, np.ndarray]] = []

    def hook(name: str) -> Any:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            if isinstance(output, tinynet.Tensor) and output.ndim == 4:
                # A copy, since a ReLU may work in place on it.
                found.append((name, module, np.array(asnumpy(output.array)[0])))

        return note

    parts = list(_parts("", model))
    handles = [module.register_forward_hook(hook(name)) for name, module in parts]
    training = model.training
    try:
        model.eval()
        with tinynet.no_grad():
            model(tinynet.Tensor(image[None]).to(next(model.parameters()).device))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return _joined(found)


def _parts(name: str, module: nn.Module) -> Any:
    """Yield blocks and single layers below `module`, each once, with their names."""
    seen = set()
    for inner_name, inner in module.named_children():
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        full = f"{name}.{inner_name}" if name else inner_name
        if isinstance(inner, nn.Sequential):
            yield from _parts(full, inner)
        else:
            yield full, inner


def _joined(found: Sequence[tuple[str, nn.Module, np.ndarray]]) -> list[Layer]:
    """Join convolutions with what follows them, and leave out pooling and what stands alone."""
    layers: list[Layer] = []
    in_chain = False
    for name, module, maps in found:
        kind = type(module).__name__
        if any(True for _ in module.children()) or isinstance(module, nn.Conv2d):
            layers.append(Layer(name, kind, maps))
            in_chain = isinstance(module, nn.Conv2d)
        elif in_chain and layers and maps.shape == layers[-1].maps.shape:
            if not isinstance(module, nn.Dropout | nn.Identity):
                before = layers.pop()
                layers.append(Layer(before.name, f"{before.kind}, {kind}", maps))
        else:
            in_chain = False
    return layers


def draw(image: np.ndarray, layers: Sequence[Layer], path: Path, title: str) -> Path:
    """Draw an image, and below it a strip of the first channels of each layer, to a PNG.

    Each map has its own scale from dark (its smallest value) to light. Of very many layers some are left out evenly.

    Shapes:  image uint8 (3, H, W) or (1, H, W)
    Raises:  OutputError; ValueError: no layer
    """
    if not layers:
        raise ValueError("no layer with feature maps to draw")
    chosen = np.unique(np.linspace(0, len(layers) - 1, min(ROWS, len(layers))).round().astype(int))
    if len(chosen) < len(layers):
        title += f" ({len(chosen)} of {len(layers)} layers)"
    figure = figures.new(figures.WIDTH, 1.6 + 1.02 * len(chosen), title)
    first, *rows = figure.subplots(1 + len(chosen), 1, height_ratios=[1.3, *[1] * len(chosen)])
    first.imshow(figures.pixels(image), interpolation="nearest")
    first.axis("off")
    for axes, layer in zip(rows, (layers[i] for i in chosen), strict=True):
        channels, height, width = layer.maps.shape
        axes.set_title(
            f"{layer.name}: {channels} maps of {height}×{width} · {figures.shorten(layer.kind, 40)}",
            fontsize=9, loc="left", parse_math=False, pad=3,
        )  # fmt: skip
        axes.imshow(_strip(layer.maps), cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
        axes.axis("off")
    return figures.save(figure, path)


def _strip(maps: np.ndarray) -> np.ndarray:
    """Put the first channels side by side, each scaled to [0, 1] and enlarged; a constant map is 0."""
    maps = maps[:CHANNELS].astype(np.float64)
    low, high = (edge(maps, axis=(1, 2), keepdims=True) for edge in (np.min, np.max))
    scaled = (maps - low) / np.where(high > low, high - low, 1)
    factor = max(1, _SIDE // max(maps.shape[1:]))
    large = scaled.repeat(factor, axis=1).repeat(factor, axis=2)
    return figures.tile(large, CHANNELS, gap=max(1, large.shape[2] // 16))
