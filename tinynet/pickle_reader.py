"""Read pickles of plain values, arrays and tensors without executing them.

`pickletools` splits the file into opcodes; a short table says what each opcode in use does to a stack, and
another which globals exist. No name from the file is ever imported or called: anything not in the tables is
refused.

Source: CPython's `pickletools` (the definition of the opcodes) and NumPy's `ndarray.__reduce__` (the
globals).
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from tinynet.errors import DataError

Globals = Mapping[str, Any]
"""The "module name" of each global allowed, to the function, type or object that stands for it."""

_MARK = object()
# Nothing nested: the hash of a deep tuple exhausts the stack of C.
_KEY_TYPES = (str, int, float, bytes, type(None), np.generic)
_MOST_NAMES = 6  # of one message
_PUSH_ARGUMENT = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING"),
    *(
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ),
}
_PUSH_CONSTANT: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "MARK": lambda: _MARK,
}
_PLAIN_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")


class ForeignGlobals(DataError):
    """The pickle asks for names that are not among those allowed; nothing was executed."""


def read_pickle(
    content: bytes | BinaryIO,
    *,
    source: str,
    known_globals: Globals | None = None,
    find_persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Rebuild the object of a pickle made of numbers, strings, lists, tuples, dicts and NumPy arrays.

    Python 2 strings become str, a character a byte (latin-1).

    Args:    content: the pickle, or a file that stands at its first byte and afterwards behind its last
             source: names the file in messages
             known_globals: None takes `NUMPY_GLOBALS`; of its values only functions are ever called
             find_persistent: returns what a persistent id stands for; None refuses such ids
    Raises:  ForeignGlobals: a global outside the table; names all that the pickle asks for
             DataError: an opcode outside the table, or a malformed pickle
    """
    machine = _Machine(NUMPY_GLOBALS if known_globals is None else known_globals, source, find_persistent)
    operations = pickletools.genops(content)
    try:
        for opcode, argument, _ in operations:
            machine.step(opcode.name, argument)
        return machine.result()
    except _UnknownGlobal as error:
        raise ForeignGlobals(
            f"{source}: the pickle asks for {_foreign(error, operations, machine.known_globals)}, "
            "not among the names allowed; refused, nothing was executed"
        ) from None
    except DataError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(f"{source} is not a readable pickle: {error}") from error


class _UnknownGlobal(Exception):
    """The argument is "module name"."""


def _foreign(first: _UnknownGlobal, rest: Iterator[tuple[Any, Any, Any]], known_globals: Globals) -> str:
    """List the names outside the table: the first, and those that the rest of the pickle spells out."""
    names = {str(first): None}
    try:
        for opcode, argument, _ in rest:
            if opcode.name == "GLOBAL" and argument not in known_globals:
                names[argument] = None
    except ValueError:
        pass  # cut off, or not a pickle: what was seen is enough for the message
    shown = ", ".join(repr(name.replace(" ", ".")) for name in list(names)[:_MOST_NAMES])
    return shown + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")


class _Machine:
    """Run opcodes on a stack and a memo."""

    def __init__(
        self, known_globals: Globals, source: str, find_persistent: Callable[[Any], Any] | None
    ) -> None:
        self.known_globals, self.source, self.find_persistent = known_globals, source, find_persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Run one opcode."""
        if name in _PUSH_ARGUMENT:
            self.stack.append(argument)
        elif name in _PUSH_CONSTANT:
            self.stack.append(_PUSH_CONSTANT[name]())
        elif (action := getattr(self, f"_op_{name.lower()}", None)) is not None:
            action(argument)
        else:
            self._refuse(name)

    def result(self) -> Any:
        """Return the one object left by STOP."""
        (value,) = self.stack
        return value

    def _refuse(self, name: str) -> None:
        raise DataError(f"{self.source}: the pickle uses opcode {name}, not among those allowed; refused")

    def _op_proto(self, argument: int) -> None:
        """Accept any protocol: only its opcodes matter."""

    _op_frame = _op_stop = _op_proto

    def _op_global(self, argument: str) -> None:
        if argument not in self.known_globals:
            raise _UnknownGlobal(argument)
        self.stack.append(self.known_globals[argument])

    def _op_stack_global(self, argument: None) -> None:
        module, name = self._pop(2)
        self._op_global(f"{module} {name}")

    def _op_binpersid(self, argument: None) -> None:
        if self.find_persistent is None:
            self._refuse("BINPERSID")
        else:
            self.stack.append(self.find_persistent(*self._pop(1)))

    def _op_reduce(self, argument: None) -> None:
        function, arguments = self._pop(2)
        known = any(function is known for known in self.known_globals.values())
        if not known or isinstance(function, type) or not callable(function):
            raise DataError(
                f"{self.source}: the pickle calls {function!r}, which is not a function allowed; refused"
            )
        self.stack.append(function(*arguments))

    def _op_build(self, argument: None) -> None:
        target, state = self._pop(2)
        self.stack.append(_set_state(target, state))

    def _op_tuple(self, argument: None) -> None:
        self.stack.append(tuple(self._pop_mark()))

    def _op_list(self, argument: None) -> None:
        self.stack.append(self._pop_mark())

    def _op_dict(self, argument: None) -> None:
        items = self._pop_mark()
        self.stack.append(_pairs(items))

    def _op_tuple1(self, argument: None) -> None:
        self.stack.append(tuple(self._pop(1)))

    def _op_tuple2(self, argument: None) -> None:
        self.stack.append(tuple(self._pop(2)))

    def _op_tuple3(self, argument: None) -> None:
        self.stack.append(tuple(self._pop(3)))

    def _op_append(self, argument: None) -> None:
        (item,) = self._pop(1)
        self._top(list).append(item)

    def _op_appends(self, argument: None) -> None:
        items = self._pop_mark()
        self._top(list).extend(items)

    def _op_setitem(self, argument: None) -> None:
        key, value = self._pop(2)
        self._top(dict).update(_pairs([key, value]))

    def _op_setitems(self, argument: None) -> None:
        items = self._pop_mark()
        self._top(dict).update(_pairs(items))

    def _op_put(self, argument: int) -> None:
        self.memo[int(argument)] = self.stack[-1]

    _op_binput = _op_long_binput = _op_put

    def _op_memoize(self, argument: None) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _op_get(self, argument: int) -> None:
        self.stack.append(self.memo[int(argument)])

    _op_binget = _op_long_binget = _op_get

    def _pop(self, count: int) -> list[Any]:
        """Remove the `count` topmost objects, none of which may be a mark."""
        values = self.stack[-count:]
        if len(values) < count or any(value is _MARK for value in values):
            raise ValueError("the stack is empty where an object is needed")
        del self.stack[-count:]
        return values

    def _pop_mark(self) -> list[Any]:
        """Remove everything above the last mark, and the mark."""
        for depth in range(len(self.stack) - 1, -1, -1):
            if self.stack[depth] is _MARK:
                values = self.stack[depth + 1 :]
                del self.stack[depth:]
                return values
        raise ValueError("there is no mark where one is needed")

    def _top(self, kind: type) -> Any:
        """Return the topmost object, which must be of type `kind`."""
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"a {kind.__name__} is needed where a {type(self.stack[-1]).__name__} is")
        return self.stack[-1]


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """Make a dict of keys and values in turn."""
    for key in items[::2]:
        if not isinstance(key, _KEY_TYPES):
            raise ValueError(f"a {type(key).__name__} cannot be the key of a dictionary here")
    return dict(zip(items[::2], items[1::2], strict=True))


def _reconstruct(kind: type, shape: tuple[int, ...], typecode: str | bytes) -> np.ndarray:
    """Stand for NumPy's maker of the empty array that BUILD fills."""
    if kind is not np.ndarray:
        raise ValueError(f"arrays of type {kind!r} are not supported")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _dtype(code: str, align: bool = False, copy: bool = False) -> np.dtype:
    """Stand for `numpy.dtype`, plain numbers only; always a new object, since BUILD changes it."""
    if not (isinstance(code, str) and _PLAIN_DTYPE.fullmatch(code)):
        raise ValueError(f"dtype {code!r} is not a plain number type")
    return np.dtype(code, copy=True)


def _frombuffer(buffer: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    """Stand for NumPy's rebuilding of a contiguous array (protocol 5)."""
    return np.frombuffer(_sized(buffer, dtype, shape), dtype=dtype).reshape(
        shape, order=_one_of(order, "C", "F")
    )


def _scalar(dtype: np.dtype, buffer: bytes) -> np.generic:
    """Stand for NumPy's maker of a single number."""
    return np.frombuffer(_sized(buffer, dtype, ()), dtype=dtype)[0]


def _encode(text: str, encoding: str) -> bytes:
    """Stand for `_codecs.encode`, by which protocol 2 writes bytes."""
    return text.encode(_one_of(encoding, "latin1"))


def _empty_bytes() -> bytes:
    """Stand for `bytes`, by which protocol 2 writes an empty buffer."""
    return b""


def _set_state(target: Any, state: Any) -> Any:
    """Stand for `__setstate__` of arrays and dtypes, after checking every part of the state."""
    if isinstance(target, np.dtype):
        version, order, *rest = state
        if version not in (3, 4) or rest[:5] != [None, None, None, -1, -1]:
            raise ValueError(f"dtype state {state!r} is not that of a plain number type")
        setstate: Callable[..., None] = getattr(target, "__setstate__")  # noqa: B009  (missing in NumPy's type stubs)
        setstate((3, _one_of(order, "<", ">", "|", "="), None, None, None, -1, -1, 0))
        return target
    if isinstance(target, np.ndarray):
        _, shape, dtype, fortran, buffer = state
        data: Any = (1, shape, dtype, bool(fortran), bytes(_sized(buffer, dtype, shape)))
        target.__setstate__(data)
        return target
    if type(target) is dict and type(state) is dict:
        return target  # the attributes of an OrderedDict: only its items are wanted
    raise ValueError(f"the state of a {type(target).__name__} cannot be set")


def _sized(buffer: Any, dtype: Any, shape: Any) -> bytes | bytearray:
    """Return the buffer as bytes, if it holds exactly an array of that dtype and shape."""
    data = buffer.encode("latin1") if isinstance(buffer, str) else buffer
    if not (isinstance(data, (bytes, bytearray)) and isinstance(dtype, np.dtype) and not dtype.hasobject):
        raise ValueError("an array needs a buffer and a dtype of plain numbers")
    sizes_fit = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
    if not sizes_fit or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"{len(data)} bytes do not fill an array {dtype} {shape}")
    return data


def _one_of(value: Any, *allowed: str) -> Any:
    """Return `value` if it is one of the strings allowed."""
    if value not in allowed:
        raise ValueError(f"{value!r} is not one of {allowed}")
    return value


NUMPY_GLOBALS: Globals = {
    "numpy ndarray": np.ndarray,
    "numpy dtype": _dtype,
    "_codecs encode": _encode,
    "__builtin__ bytes": _empty_bytes,
    "numpy.core.multiarray _reconstruct": _reconstruct,
    "numpy._core.multiarray _reconstruct": _reconstruct,
    "numpy.core.multiarray scalar": _scalar,
    "numpy._core.multiarray scalar": _scalar,
    "numpy.core.numeric _frombuffer": _frombuffer,
    "numpy._core.numeric _frombuffer": _frombuffer,
}
