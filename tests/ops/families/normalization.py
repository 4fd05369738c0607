"""Normalisation by statistics and by norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ops.families.conv import bad, samples
from tests.ops.op import Bad, Make, Op, Sample, channels_last, normal, transposed

IMAGES = ((3, 2, 2, 3), (2,), (2,))


def _batch_norm(**options: Any) -> Callable[..., Any]:
    return lambda lib, x, *parameters: lib.nn.functional.batch_norm(x, None, None, *parameters, **options)


def _trained(lib: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Return also the running statistics, moved by the batch."""
    running = [lib.tensor([0.5, -1.0], dtype=x.dtype), lib.tensor([2.0, 0.5], dtype=x.dtype)]
    y = lib.nn.functional.batch_norm(x, *running, weight, bias, True, 0.3, 1e-3)
    return y, *(statistic.clone() for statistic in running)


def _evaluated(lib: Any, x: Any, *parameters: Any) -> Any:
    running = [lib.tensor([0.5, -1.0], dtype=x.dtype), lib.tensor([2.0, 0.5], dtype=x.dtype)]
    return lib.nn.functional.batch_norm(x, *running, *parameters)


def _instance_norm(lib: Any, x: Any, weight: Any, bias: Any) -> Any:
    running = [lib.tensor([0.5, -1.0], dtype=x.dtype), lib.tensor([2.0, 0.5], dtype=x.dtype)]
    y = lib.nn.functional.instance_norm(x, *running, weight, bias, True, 0.3, 1e-3)
    return y, *(statistic.clone() for statistic in running)


def _instance_norm_evaluated(lib: Any, x: Any) -> Any:
    running = [lib.tensor([0.5, -1.0], dtype=x.dtype), lib.tensor([2.0, 0.5], dtype=x.dtype)]
    return lib.nn.functional.instance_norm(x, *running, use_input_stats=False)


BATCH = (
    Sample("images", normal(*IMAGES), _batch_norm(training=True)),
    Sample("channels last", channels_last(normal, (2, 3, 4, 2), (3,), (3,)), _batch_norm(training=True)),
    Sample("rows", normal((5, 2), (2,), (2,)), _batch_norm(training=True)),
    Sample("signals", normal((3, 2, 4), (2,), (2,)), _batch_norm(training=True)),
    Sample("volumes", normal((2, 2, 2, 1, 3), (2,), (2,)), _batch_norm(training=True)),
    Sample("one channel", normal((2, 1, 3, 3), (1,), (1,)), _batch_norm(training=True)),
    Sample("no parameters", normal((3, 2, 2, 3)), _batch_norm(training=True, eps=1e-2)),
    Sample("weight alone", normal((3, 2, 2, 3), (2,)), _batch_norm(training=True)),
    Sample("running", normal(*IMAGES), _trained),
    Sample("transposed", transposed(normal, (3, 2, 2, 3), (2,), (2,)), _batch_norm(training=True)),
    Sample("evaluation", normal(*IMAGES), _evaluated),
    Sample("evaluation, no parameters", normal((3, 2, 2, 3)), _evaluated),
    Sample("empty batch", normal((0, 2, 3, 2), (2,), (2,)), _trained, constant=True),
    Sample("empty batch in evaluation", normal((0, 2, 3, 2), (2,), (2,)), _evaluated, constant=True),
)
LAYER: dict[str, tuple[Make, dict[str, Any]]] = {
    "last axis": (normal((3, 4), (4,), (4,)), {}),
    "two axes": (normal((2, 3, 4), (3, 4), (3, 4)), {}),
    "all axes": (normal((3, 4), (3, 4)), {}),
    "one axis": (normal((5,), (5,), (5,)), {}),
    "no parameters": (normal((2, 3, 4)), {"eps": 1e-2}),
    "transposed": (transposed(normal, (2, 3, 4), (4,)), {}),
    "empty": (normal((0, 4), (4,), (4,)), {}),
}
SHAPES = {"two axes": (3, 4), "all axes": (3, 4), "one axis": (5,)}
GROUP: dict[str, tuple[Make, dict[str, Any]]] = {
    "images": (normal((2, 6, 3, 2), (6,), (6,)), {"num_groups": 3}),
    "one group": (normal((2, 4, 3), (4,), (4,)), {"num_groups": 1}),
    "each channel": (normal((2, 3, 2, 2)), {"num_groups": 3, "eps": 1e-2}),
    "rows": (normal((3, 4), (4,)), {"num_groups": 2}),
    "channels last": (channels_last(normal, (2, 4, 3, 2), (4,), (4,)), {"num_groups": 2}),
    "empty batch": (normal((0, 4, 3, 2), (4,), (4,)), {"num_groups": 2}),
}
RESPONSE: dict[str, tuple[Make, dict[str, Any]]] = {
    "odd": (normal((2, 5, 3)), {"size": 3, "alpha": 0.5}),
    "even": (normal((2, 5, 3, 2)), {"size": 2, "alpha": 0.5, "beta": 1.5, "k": 2.0}),
    "wider than the channels": (normal((1, 2, 3, 2)), {"size": 5, "alpha": 1.0}),
    "volumes": (normal((2, 3, 2, 2, 2)), {"size": 3, "alpha": 0.1}),
    "channels last": (channels_last(normal, (2, 4, 3, 2)), {"size": 3, "alpha": 0.5}),
    "empty batch": (normal((0, 4, 3)), {"size": 3}),
}
NORMS: dict[str, tuple[Make, dict[str, Any]]] = {
    "2": (normal((3, 4)), {}),
    "1": (normal((3, 4, 2)), {"p": 1.0, "dim": -1}),
    "3": (normal((3, 4)), {"p": 3.0, "dim": 0}),
    "below eps": (normal((3, 4)), {"eps": 10.0}),
    "signals": (transposed(normal, (2, 3, 4)), {"dim": 2}),
    "empty": (normal((0, 4)), {}),
}


def _layer(function: str) -> tuple[Sample, ...]:
    """Samples over the last axes, whose shape comes second."""
    made = []
    for kind, (make, options) in LAYER.items():
        shape = SHAPES.get(kind, (4,))

        def compute(lib: Any, x: Any, *parameters: Any, s: Any = shape, o: Any = options) -> Any:
            given = parameters[:1] if function == "rms_norm" else parameters
            return getattr(lib.nn.functional, function)(x, s, *given, **o)

        if function == "rms_norm":
            make = _first_two(make)
        made.append(Sample(kind, make, compute, constant=kind == "empty"))
    return tuple(made)


def _first_two(make: Make) -> Make:
    return lambda rng: make(rng)[:2]


def _layer_errors(function: str) -> tuple[Bad, ...]:
    return (
        bad("shape", function, ((2, 3),), ("[4]", "[2, 3]"), normalized_shape=(4,)),
        bad(
            "too many axes",
            function,
            ((3,),),
            ("[2, 3]", "[3]"),
            normalized_shape=(2, 3),
            torch_error=ValueError if function == "rms_norm" else None,  # layer_norm raises RuntimeError
        ),
        bad("no axes", function, ((2, 3),), ("[]",), normalized_shape=()),
        bad("no sequence", function, ((2, 3),), ("int",), normalized_shape=3, error=TypeError),
        Bad(
            "weight",
            lambda lib: getattr(lib.nn.functional, function)(lib.ones(2, 3), (3,), lib.ones(2)),
            RuntimeError,
            ("weight", "[2]", "3"),
        ),
    )


OPS = (
    Op(
        "nn.functional.batch_norm",
        BATCH,
        errors=(
            Bad(
                "one value",
                lambda lib: lib.nn.functional.batch_norm(lib.ones(1, 3), None, None, training=True),
                ValueError,
                ("[1, 3]",),
            ),
            Bad(
                "no statistics",
                lambda lib: lib.nn.functional.batch_norm(lib.ones(2, 3), None, None),
                RuntimeError,
                ("running_mean", "training=False"),
            ),
            Bad(
                "statistics",
                lambda lib: lib.nn.functional.batch_norm(lib.ones(2, 3), lib.ones(2), lib.ones(3)),
                RuntimeError,
                ("running_mean", "3 elements", "[2]"),
            ),
        ),
    ),
    Op("nn.functional.layer_norm", _layer("layer_norm"), errors=_layer_errors("layer_norm")),
    Op("nn.functional.rms_norm", _layer("rms_norm"), errors=_layer_errors("rms_norm")),
    Op(
        "nn.functional.group_norm",
        tuple(
            Sample(
                s.kind,
                s.make,
                lambda lib, x, *p, o=GROUP[s.kind][1]: lib.nn.functional.group_norm(
                    x, o["num_groups"], *p, eps=o.get("eps", 1e-5)
                ),
                s.constant,
            )
            for s in samples("group_norm", GROUP)
        ),
        errors=(
            bad("groups", "group_norm", ((2, 3, 2),), ("[2, 3, 2]", "num_groups=2"), num_groups=2),
            bad("one axis", "group_norm", ((3,),), ("[3]",), num_groups=3),
            bad("one value", "group_norm", ((1, 3),), ("[1, 3]",), num_groups=3, error=ValueError),
            # torch divides by it
            bad(
                "no groups",
                "group_norm",
                ((2, 3, 2),),
                ("num_groups=0",),
                num_groups=0,
                torch_error=ZeroDivisionError,
            ),
        ),
    ),
    Op(
        "nn.functional.instance_norm",
        (
            *samples(
                "instance_norm",
                {
                    "images": (normal((2, 3, 2, 3)), {}),
                    "signals": (normal((2, 3, 4)), {"eps": 1e-2}),
                    "channels last": (channels_last(normal, (2, 3, 4, 2)), {}),
                    "empty batch": (normal((0, 3, 4)), {}),
                },
            ),
            Sample("running", normal(*IMAGES), _instance_norm),
            Sample("evaluation", normal((3, 2, 4)), _instance_norm_evaluated),
        ),
        errors=(
            bad("one value", "instance_norm", ((2, 3, 1),), ("[2, 3, 1]",), error=ValueError),
            bad("rows", "instance_norm", ((2, 3),), ("[2, 3]",), error=ValueError),
            bad("no statistics", "instance_norm", ((2, 3, 4),), ("running_mean",), use_input_stats=False),
        ),
    ),
    Op(
        "nn.functional.local_response_norm",
        samples("local_response_norm", RESPONSE),
        errors=(
            bad("rows", "local_response_norm", ((2, 3),), ("2",), size=2, error=ValueError),
            bad("size", "local_response_norm", ((2, 3, 4),), ("0",), size=0),
        ),
    ),
    Op(
        "nn.functional.normalize",
        samples("normalize", NORMS),
        errors=(bad("axis", "normalize", ((2, 3),), ("[-2, 1]", "2"), dim=2, error=IndexError),),
    ),
)
