"""Pickles read without being executed."""

from __future__ import annotations

import io
import os
import pickle

import numpy as np
import pytest

from tinynet.errors import DataError
from tinynet.pickle_reader import ForeignGlobals, read_pickle

ARRAYS = {
    "uint8 matrix": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "float64 fortran": np.asfortranarray(np.linspace(0, 1, 6).reshape(2, 3)),
    "int64 scalar shape": np.array(-7),
    "big-endian": np.arange(5, dtype=">i4"),
    "bool": np.array([True, False]),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "strided": np.arange(20, dtype=np.int16)[::3],
}


def test_the_form_of_the_official_files_is_read(python2_batch):
    pixels = np.arange(2 * 3072).astype(np.uint8).reshape(2, 3072)
    content = python2_batch(pixels, [3, 9])
    assert np.array_equal(
        pickle.loads(content, encoding="latin1")["data"], pixels
    )  # the writer above is right
    batch = read_pickle(content, source="data_batch_1")
    assert batch["labels"] == [3, 9]
    assert batch["batch_label"] == "training batch 1 of 5"
    assert batch["data"].dtype == np.uint8
    assert np.array_equal(batch["data"], pixels)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_of_every_protocol(array, protocol):
    content = pickle.dumps([array, np.copy(array, order="K")], protocol)
    for read, expected in zip(read_pickle(content, source="file"), pickle.loads(content), strict=True):
        assert read.dtype == expected.dtype
        assert np.array_equal(read, expected)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_objects_and_shared_ones(protocol):
    shared = [1, 2.5, None]
    value = {
        "a": shared,
        "b": (shared, True, -300, 70_000, 2**40),
        "c": [],
        "d": {},
        "e": "é" * 300,
        "f": ((), (1,)),
    }
    read = read_pickle(pickle.dumps(value, protocol), source="file")
    assert read == value
    assert read["a"] is read["b"][0]


class _Attack:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.system, "posix.system"), (eval, "eval"), (np.load, "numpy")],
    ids=["system", "eval", "load"],
)
def test_an_attack_is_named_and_not_executed(function, name, protocol, tmp_path):
    witness = tmp_path / "executed"
    attack = {
        "data": _Attack(function, f"open({str(witness)!r}, 'w')" if function is eval else f"touch {witness}")
    }
    with pytest.raises(DataError, match=f"{name}|opcode|UNICODE"):
        read_pickle(pickle.dumps(attack, protocol), source="data_batch_1")
    assert not witness.exists()


def test_the_refusal_names_file_and_global():
    with pytest.raises(DataError, match=r"data_batch_1: the pickle asks for 'posix\.system'"):
        read_pickle(b"\x80\x02cposix\nsystem\nU\x04true\x85R.", source="data_batch_1")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"\x80\x02cnumpy\nndarray\n)R.", "not a function allowed"),
        (b"\x80\x02U\x01x)R.", "not a function allowed"),
        (b"\x80\x02cnumpy\ndtype\nU\x01O\x85R.", "'O'"),
        (b"\x80\x02cnumpy\ndtype\n}b.", "cannot be set"),
        (b"\x80\x02}U\x01ab.", "cannot be set"),
        (b"\x80\x02cos\nsystem\n.", "os.system"),
        (b"\x80\x02ccopy_reg\n_reconstructor\n.", "copy_reg"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02]Q.", "BINPERSID"),
        (b"\x80\x02(K\x01.", "too many values"),
        (b"\x80\x02a.", "stack"),
        (b"\x80\x02h\x05.", "5"),
        (b"\x80\x02t.", "mark"),
        (b"\x80\x02K\x01K\x02a.", "list"),
        (b"\x80\x02]K", "exhausted|not enough"),
        (b"not a pickle", "opcode|exhausted"),
        (b"", "exhausted"),
    ],
)
def test_malformed_and_foreign_pickles_are_refused(content, match):
    with pytest.raises(DataError, match=match):
        read_pickle(content, source="file")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_every_truncation_is_refused(protocol):
    content = pickle.dumps({"data": np.arange(6, dtype=np.uint8), "labels": [1, 2]}, protocol)
    for length in range(len(content)):
        with pytest.raises(DataError):
            read_pickle(content[:length], source="file")


def test_a_buffer_that_does_not_fill_its_array_is_refused(python2_batch):
    content = python2_batch(np.zeros((2, 3072), np.uint8), [0, 1]).replace(
        b"K\x02M\x00\x0c\x86", b"K\x7fM\x00\x0c\x86"
    )
    with pytest.raises(DataError, match="6144 bytes do not fill an array"):
        read_pickle(content, source="file")


def test_object_arrays_are_refused():
    with pytest.raises(DataError):
        read_pickle(pickle.dumps(np.array([{}, []], dtype=object), 2), source="file")


def test_a_caller_can_allow_further_globals():
    content = b"\x80\x02ccollections\nOrderedDict\n)R."
    with pytest.raises(DataError, match=r"collections\.OrderedDict"):
        read_pickle(content, source="file")
    assert read_pickle(content, source="file", known_globals={"collections OrderedDict": lambda: {}}) == {}


def test_persistent_ids_are_the_callers():
    content = b"\x80\x02]X\x01\x00\x00\x00aQa."
    assert read_pickle(content, source="file", find_persistent=lambda key: key * 2) == ["aa"]


def test_pickles_one_behind_the_other_are_read_from_a_file():
    file = io.BytesIO(pickle.dumps({"a": 1}, 2) + pickle.dumps([2], 4) + b"rest")
    assert read_pickle(file, source="file") == {"a": 1}
    assert read_pickle(file, source="file") == [2]
    assert file.read() == b"rest"


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_single_numbers_of_numpy(protocol):
    values = [np.float64(91.25), np.int32(-3), np.bool_(True)]
    read = read_pickle(pickle.dumps(values, protocol), source="file")
    assert read == values
    assert [type(x) for x in read] == [type(x) for x in values]


@pytest.mark.parametrize("ending", [b".", b"", b"\xff"])
def test_all_foreign_names_are_listed_even_of_a_damaged_pickle(ending):
    names = b"".join(b"cfar\nName%d\n0" % i for i in range(9)) + b"cnumpy\ndtype\ncfar\nName0\n" + ending
    with pytest.raises(ForeignGlobals, match=r"'far\.Name0', .*'far\.Name5' and 3 more, not among") as caught:
        read_pickle(b"\x80\x02" + names, source="file")
    assert "numpy" not in str(caught.value)


def test_nested_keys_are_refused_before_they_are_hashed():
    deep = b")" + b"\x85" * 10**5
    for content in (b"}" + deep + b"Ns.", b"}(" + deep + b"Nu.", b"(" + deep + b"Nd."):
        with pytest.raises(DataError, match="a tuple cannot be the key of a dictionary"):
            read_pickle(b"\x80\x02" + content, source="file")


def test_what_stands_for_a_global_but_is_no_function_is_not_called():
    with pytest.raises(DataError, match="not a function allowed"):
        read_pickle(b"\x80\x02ca\nb\n)R.", source="file", known_globals={"a b": np.dtype("f4")})
