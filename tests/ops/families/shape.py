"""Operations that change the shape of a tensor and not its elements."""

from __future__ import annotations

from tests.ops.op import Bad, Op, Sample, channels_last, normal, strided, transposed, unary_samples, whole

FEW_NUMBERS = (Sample("int32", whole("int32", -5, 5, (2, 3)), lambda lib, x: lib.reshape(x, (3, 2))),)

OPS = (
    Op(
        "reshape",
        (
            Sample("2-d", normal((3, 4)), lambda lib, x: lib.reshape(x, (2, -1))),
            Sample("transposed", transposed(normal, (3, 4)), lambda lib, x: x.reshape(2, 6)),
            Sample("strided", strided(normal, (3, 4)), lambda lib, x: x.reshape((12,))),
            Sample("to 0-d", normal((1, 1)), lambda lib, x: lib.reshape(x, ())),
            Sample("from 0-d", normal(()), lambda lib, x: x.reshape(-1, 1)),
            Sample("size 0", normal((2, 0)), lambda lib, x: x.reshape(0, 3), constant=True),
            Sample("sizes are tensors", normal((2, 6)), lambda lib, x: x.reshape(lib.tensor(3), 4)),
            Sample("reshape_as", normal((2, 6), (3, 4)), lambda lib, x, y: x.reshape_as(y) * y),
        ),
        errors=(
            Bad("does not fit", lambda lib: lib.ones(2, 3).reshape(4, -1), RuntimeError, ("[4, -1]", "6")),
            Bad("two holes", lambda lib: lib.ones(2, 3).reshape(-1, -1), RuntimeError, ("[-1, -1]",)),
            Bad("negative", lambda lib: lib.ones(2, 3).reshape(-2, 3), RuntimeError, ("[-2, 3]",)),
            Bad("ambiguous", lambda lib: lib.ones(0, 3).reshape(-1, 0), RuntimeError, ("[-1, 0]",)),
        ),
        integers=FEW_NUMBERS,
    ),
    Op(
        "Tensor.view",
        (
            Sample("2-d", normal((3, 4)), lambda lib, x: x.view(2, -1)),
            Sample("tuple", normal((3, 4)), lambda lib, x: x.view((2, 2, 3))),
            Sample("of a slice", normal((4, 6)), lambda lib, x: x[1:3].view(-1)),
            Sample("splits a transposed axis", transposed(normal, (3, 4)), lambda lib, x: x.view(3, 2, 2)),
            Sample("expanded", normal((1, 3)), lambda lib, x: x.expand(4, 3).view(2, 2, 3)),
            Sample("view_as", normal((2, 6), (3, 4)), lambda lib, x, y: x.view_as(y) * y),
        ),
        errors=(
            Bad(
                "not without a copy",
                lambda lib: lib.ones(3, 4).transpose(0, 1).view(12),
                RuntimeError,
                ("[12]", "[4, 3]", "[1, 4]", "reshape"),
            ),
            Bad("does not fit", lambda lib: lib.ones(2, 3).view(4), RuntimeError, ("[4]", "6")),
        ),
    ),
    Op(
        "flatten",
        (
            *unary_samples(normal, lambda lib, x: lib.flatten(x)),
            Sample("from 1", normal((2, 3, 4)), lambda lib, x: lib.flatten(x, 1)),
            Sample("axes 0 and 1", normal((2, 3, 4)), lambda lib, x: x.flatten(0, 1)),
            Sample("one axis", normal((2, 3)), lambda lib, x: x.flatten(start_dim=1, end_dim=-1)),
            Sample("channels last", channels_last(normal, (2, 3, 4, 5)), lambda lib, x: x.flatten(1)),
        ),
        errors=(
            Bad(
                "wrong order",
                lambda lib: lib.ones(2, 3).flatten(1, 0),
                RuntimeError,
                ("start_dim 1", "end_dim 0"),
            ),
            Bad("no such axis", lambda lib: lib.ones(2, 3).flatten(2), IndexError, ("[-2, 1]", "2")),
        ),
    ),
    Op("ravel", unary_samples(normal, lambda lib, x: lib.ravel(x))),
    Op(
        "unflatten",
        (
            Sample("sizes", normal((2, 6)), lambda lib, x: lib.unflatten(x, 1, (3, 2))),
            Sample("one is -1", normal((6, 2)), lambda lib, x: x.unflatten(0, (-1, 3))),
            Sample("transposed", transposed(normal, (6, 4)), lambda lib, x: x.unflatten(-1, (2, 2))),
        ),
        errors=(
            Bad(
                "does not fit",
                lambda lib: lib.ones(2, 5).unflatten(1, (2, -1)),
                RuntimeError,
                ("[2, -1]", "5"),
            ),
            Bad("no sizes", lambda lib: lib.ones(2, 5).unflatten(1, ()), RuntimeError, ("non-empty",)),
        ),
    ),
    Op(
        "permute",
        (
            Sample("3-d", normal((2, 3, 4)), lambda lib, x: lib.permute(x, (2, 0, 1))),
            Sample("negative", normal((2, 3, 4)), lambda lib, x: x.permute(-1, 0, -2)),
            Sample("0-d", normal(()), lambda lib, x: x.permute(())),
            Sample("strided", strided(normal, (2, 3, 4)), lambda lib, x: x.permute(1, 0, 2)),
            Sample("T", normal((2, 3)), lambda lib, x: x.T),
            Sample("mT", normal((2, 3, 4)), lambda lib, x: x.mT),
        ),
        errors=(
            Bad("twice", lambda lib: lib.ones(2, 3).permute(0, 0), RuntimeError, ("[0, 0]", "2")),
            Bad("too few", lambda lib: lib.ones(2, 3).permute(0), RuntimeError, ("[0]", "2")),
            Bad("no such axis", lambda lib: lib.ones(2, 3).permute(2, 0), IndexError, ("[-2, 1]", "2")),
            Bad("mT of a vector", lambda lib: lib.ones(3).mT, RuntimeError, ("[3]",)),
        ),
    ),
    Op(
        "transpose",
        (
            Sample("3-d", normal((2, 3, 4)), lambda lib, x: lib.transpose(x, -1, 0)),
            Sample("same axis", normal((2, 3)), lambda lib, x: x.transpose(1, 1)),
            Sample("0-d", normal(()), lambda lib, x: x.transpose(0, -1)),
            Sample("swapaxes", normal((2, 3, 4)), lambda lib, x: lib.swapaxes(x, 0, 1) * x.swapaxes(1, 0)),
            Sample("swapdims", normal((2, 3, 4)), lambda lib, x: lib.swapdims(x, 0, 2) * x.swapdims(2, 0)),
        ),
        errors=(
            Bad("no such axis", lambda lib: lib.ones(2, 3).transpose(0, 2), IndexError, ("[-2, 1]", "2")),
        ),
    ),
    Op(
        "movedim",
        (
            Sample("one", normal((2, 3, 4)), lambda lib, x: lib.movedim(x, 0, 2)),
            Sample("several", normal((2, 3, 4, 5)), lambda lib, x: x.movedim((0, -1), (2, 0))),
            Sample("moveaxis", normal((2, 3, 4)), lambda lib, x: lib.moveaxis(x, 2, 0) * x.moveaxis(-1, 0)),
        ),
        errors=(
            Bad(
                "twice",
                lambda lib: lib.ones(2, 3).movedim((0, 0), (0, 1)),
                RuntimeError,
                ("source", "[0, 0]"),
            ),
            Bad("too few", lambda lib: lib.ones(2, 3).movedim((0, 1), (1,)), RuntimeError, ("[0, 1]", "[1]")),
            Bad("no such axis", lambda lib: lib.ones(2, 3).movedim(2, 0), IndexError, ("[-2, 1]", "2")),
        ),
    ),
    Op(
        "squeeze",
        (
            Sample("all", normal((1, 3, 1)), lambda lib, x: lib.squeeze(x)),
            Sample("axis", normal((1, 3, 1)), lambda lib, x: x.squeeze(2)),
            Sample("axis of another size", normal((1, 3, 1)), lambda lib, x: x.squeeze(1)),
            Sample("axes", normal((1, 3, 1)), lambda lib, x: lib.squeeze(x, (0, 1))),
            Sample("0-d", normal(()), lambda lib, x: x.squeeze(0)),
            Sample("size 0", normal((1, 0)), lambda lib, x: x.squeeze(), constant=True),
        ),
        errors=(
            Bad("no such axis", lambda lib: lib.ones(2, 3).squeeze(2), IndexError, ("[-2, 1]", "2")),
            Bad("twice", lambda lib: lib.ones(1, 3).squeeze((0, -2)), RuntimeError, ("[0, -2]",)),
        ),
    ),
    Op(
        "unsqueeze",
        (
            Sample("last", normal((3, 2)), lambda lib, x: lib.unsqueeze(x, -1)),
            Sample("first", transposed(normal, (3, 2)), lambda lib, x: x.unsqueeze(0)),
            Sample("0-d", normal(()), lambda lib, x: x.unsqueeze(0)),
        ),
        errors=(Bad("no such axis", lambda lib: lib.ones(2).unsqueeze(2), IndexError, ("[-2, 1]", "2")),),
    ),
    Op(
        "Tensor.expand",
        (
            Sample("2-d", normal((3, 1)), lambda lib, x: x.expand(2, -1, 4)),
            Sample("same size", normal((3, 2)), lambda lib, x: x.expand(1, 3, -1)),
            Sample("0-d", normal(()), lambda lib, x: x.expand((2, 3))),
            Sample("size 0", normal((1, 3)), lambda lib, x: x.expand(0, 3), constant=True),
            Sample("transposed", transposed(normal, (1, 3)), lambda lib, x: x.expand(2, 3)),
            Sample("expand_as", normal((3, 1), (3, 4)), lambda lib, x, y: x.expand_as(y) * y),
        ),
        errors=(
            Bad("other size", lambda lib: lib.ones(2, 3).expand(3, 3), RuntimeError, ("[3, 3]", "[2, 3]")),
            Bad("too few", lambda lib: lib.ones(2, 3).expand(3), RuntimeError, ("[3]", "[2, 3]")),
            Bad(
                "-1 of a new axis", lambda lib: lib.ones(2, 3).expand(-1, 2, 3), RuntimeError, ("[-1, 2, 3]",)
            ),
        ),
    ),
    Op(
        "broadcast_to",
        (
            Sample("2-d", normal((3, 1)), lambda lib, x: lib.broadcast_to(x, (2, 3, 4))),
            Sample("method", normal((3,)), lambda lib, x: x.broadcast_to((2, 3))),
        ),
        errors=(
            Bad("other size", lambda lib: lib.broadcast_to(lib.ones(2), (3,)), RuntimeError, ("[2]", "[3]")),
        ),
    ),
    Op(
        "broadcast_tensors",
        (
            Sample("two", normal((2, 1), (3,)), lambda lib, x, y: lib.broadcast_tensors(x, y)),
            Sample("three", normal((2, 1), (), (1, 3)), lambda lib, *xs: lib.broadcast_tensors(*xs)),
        ),
        errors=(
            Bad(
                "differ",
                lambda lib: lib.broadcast_tensors(lib.ones(2, 3), lib.ones(4)),
                RuntimeError,
                ("[2, 3]", "[4]"),
            ),
        ),
    ),
    Op(
        "Tensor.contiguous",
        (
            Sample("as it is", normal((2, 3)), lambda lib, x: x.contiguous()),
            Sample("transposed", transposed(normal, (2, 3)), lambda lib, x: x.contiguous()),
            Sample("strided", strided(normal, (2, 3)), lambda lib, x: x.contiguous()),
            Sample("channels last", channels_last(normal, (2, 3, 4, 5)), lambda lib, x: x.contiguous()),
            Sample(
                "to channels last",
                normal((2, 3, 4, 5)),
                lambda lib, x: x.contiguous(memory_format=lib.channels_last),
            ),
        ),
        errors=(
            Bad(
                "channels last of a matrix",
                lambda lib: lib.ones(2, 3).contiguous(memory_format=lib.channels_last),
                RuntimeError,
                ("rank 4", "[2, 3]"),
            ),
        ),
    ),
    Op(
        "clone",
        (
            *unary_samples(normal, lambda lib, x: lib.clone(x)),
            Sample(
                "to channels last",
                normal((2, 3, 4, 5)),
                lambda lib, x: x.clone(memory_format=lib.channels_last),
            ),
        ),
        errors=(
            Bad(
                "channels last of a matrix",
                lambda lib: lib.ones(2, 3).clone(memory_format=lib.channels_last),
                RuntimeError,
                ("rank 4", "[2, 3]"),
            ),
        ),
    ),
)
