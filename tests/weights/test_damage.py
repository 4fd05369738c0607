"""Files that are damaged, hostile, or of another kind: one clear error each, nothing read outside, nothing run."""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tinynet.errors import DataError
from tinynet.training.cli import guard
from tinynet.weights import read_file, read_state_dict

STATE = {
    "conv.weight": torch.arange(6.0).reshape(2, 3).T,
    "bn.running_mean": torch.ones(2),
    "n": torch.tensor(3),
}


def saved(form):
    """Return the content of a small file."""
    if form == "safetensors":
        return safetensors.torch.save({name: value.contiguous() for name, value in STATE.items()})
    buffer = io.BytesIO()
    torch.save({"state_dict": STATE}, buffer, _use_new_zipfile_serialization=form == "zip")
    return buffer.getvalue()


FORMS = {form: saved(form) for form in ("zip", "legacy", "safetensors")}


@pytest.fixture
def write(tmp_path):
    """Write bytes to a file; return the path."""

    def write(content):
        (tmp_path / "weights.pth").write_bytes(content)
        return tmp_path / "weights.pth"

    return write


def archive(pickled, storages=(b"\0" * 24,), **more):
    """Make a file of torch.save of a pickle written by hand."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        for i, storage in enumerate(storages):
            file.writestr(f"archive/data/{i}", storage)
        for name, content in more.items():
            file.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def legacy(pickled, storage=b"\0" * 24):
    """Make a file of the older format of a pickle that has one storage, "0", of floats."""
    numbers = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    return numbers + pickled + pickle.dumps(["0"], 2) + struct.pack("<q", len(storage) // 4) + storage


def plain(value):
    """Opcodes that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(offset=0, size=(6,), stride=(1,), count=6, key="0", more=b"\x89}"):
    """Opcodes of a dictionary of one tensor of floats, "evil", a view of a storage of `count`."""
    storage = (
        b"(" + plain("storage") + b"ctorch\nFloatStorage\n" + plain(key) + plain("cpu") + plain(count) + b"tQ"
    )
    place = plain(offset) + plain(size) + plain(stride)
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + place + more + b"tR"
    return b"\x80\x02}" + plain("evil") + rebuild + b"s."


@pytest.mark.parametrize("form", FORMS)
def test_every_truncation_is_one_clear_error(write, form):
    for length in range(len(FORMS[form])):
        path = write(FORMS[form][:length])
        with pytest.raises(DataError, match=re.escape(str(path))):
            read_state_dict(path)


@pytest.mark.parametrize("form", FORMS)
def test_any_damage_is_read_or_refused_but_nothing_else(tmp_path_factory, form):
    path, content = tmp_path_factory.mktemp("damage") / "weights", FORMS[form]

    @settings(max_examples=600, derandomize=True, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), min_size=1, max_size=4))
    def check(edits):
        damaged = bytearray(content)
        for place, byte in edits:
            damaged[place] = byte
        path.write_bytes(damaged)
        for read in (read_state_dict, read_file):
            try:
                read(path)
            except DataError as error:
                assert len(str(error)) < 2000  # noqa: PT017  (not raised by every example)

    check()


@pytest.mark.parametrize("make", [archive, legacy])
def test_the_files_written_by_hand_are_right(write, make):
    numbers = np.arange(6, dtype="<f4").tobytes()
    content = make(tensor(1, (2, 2), (3, 1)), [numbers] if make is archive else numbers)
    assert read_state_dict(write(content))["evil"].tolist() == [[1, 2], [4, 5]]


OUTSIDE = {
    "offset": {"offset": 1},
    "far offset": {"offset": 2**62},
    "size": {"size": (7,)},
    "stride": {"size": (2,), "stride": (6,)},
    "product": {"size": (3, 2), "stride": (2, 2)},
    "wraps in 64 bits": {"size": (2**33, 2**31), "stride": (2**31, 2**33)},
}
NO_ARRAY = {
    "negative offset": {"offset": -1},
    "negative size": {"size": (-1,)},
    "negative stride": {"size": (2,), "stride": (-1,), "offset": 5},
    "float": {"size": (6.0,)},
    "bool": {"offset": True},
    "text": {"size": "6"},
    "list": {"size": [6]},
    "lengths": {"size": (2, 3), "stride": (1,)},
    "dimensions": {"size": (1,) * 65, "stride": (1,) * 65},
    "huge": {"offset": 2**63},
    "digits": {"offset": 10**600},
}


@pytest.mark.parametrize("make", [archive, legacy])
@pytest.mark.parametrize("place", OUTSIDE.values(), ids=OUTSIDE)
def test_no_tensor_reads_outside_its_storage(write, make, place):
    with pytest.raises(
        DataError, match=r"tensor 'evil' reads outside its storage of 24 bytes: offset \d+, size \("
    ):
        read_state_dict(write(make(tensor(**place))))


@pytest.mark.parametrize("place", NO_ARRAY.values(), ids=NO_ARRAY)
def test_no_tensor_has_places_that_are_none(write, place):
    with pytest.raises(DataError, match="tensor 'evil': its offset, size or stride is not that of an array"):
        read_state_dict(write(archive(tensor(**place))))


def test_sizes_without_elements_are_still_sizes(write):
    assert read_state_dict(write(archive(tensor(size=(3, 0), stride=(9, 9)))))["evil"].shape == (3, 0)
    with pytest.raises(DataError, match=r"tensor 'evil' is no array: .*too big"):
        read_state_dict(write(archive(tensor(size=(2**62, 0, 2**62), stride=(1, 1, 1)))))


def test_storages_must_be_in_the_file(write):
    with pytest.raises(DataError, match="tensor 'evil': its storage '7' is not in the file"):
        read_state_dict(write(archive(tensor(key="7"))))
    with pytest.raises(DataError, match="tensor 'evil': its storage '0' has only 24 bytes in the file"):
        read_state_dict(write(archive(tensor(count=7))))
    with pytest.raises(DataError, match="storage '0' of 7 elements is not in its"):
        read_state_dict(write(legacy(tensor(count=7))))
    with pytest.raises(DataError, match="list of storages is not that of its tensors"):
        read_state_dict(write(legacy(tensor(key="7"))))
    with pytest.raises(DataError, match="does not name a storage"):
        read_state_dict(write(archive(tensor(count=-1))))


def test_arrays_far_larger_than_the_file_are_refused(write):
    with pytest.raises(DataError, match=r"tensor 'evil'.*repeat the bytes of the file more than 16 times"):
        read_state_dict(write(archive(tensor(size=(2**40,), stride=(0,)))))


def test_unknown_bits_of_a_tensor_are_refused(write):
    with pytest.raises(DataError, match=r"no tensor is made of .*'odd'"):
        read_state_dict(write(archive(tensor(more=b"\x89}" + plain({"odd": True})))))
    negative = tensor(more=b"\x89}" + plain({"neg": True})).replace(b"FloatStorage", b"BoolStorage")
    with pytest.raises(DataError, match="tensor 'evil' is no array"):
        read_state_dict(write(archive(negative)))


class _Attack:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("place", ["alone", "beside the weights", "as a weight", "magic number"])
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_what_a_pickle_would_run_is_named_and_not_run(write, tmp_path, form, place, protocol):
    attack = _Attack(f"touch {tmp_path / 'executed'}")
    values = {
        "alone": attack,
        "beside the weights": {"x": attack, "model": STATE},
        "as a weight": {"w": attack},
    }
    buffer = io.BytesIO()
    torch.save(
        values.get(place), buffer, pickle_protocol=protocol, _use_new_zipfile_serialization=form == "zip"
    )
    content = (
        pickle.dumps(attack, protocol) + buffer.getvalue() if place == "magic number" else buffer.getvalue()
    )
    for read in (read_state_dict, read_file):
        with pytest.raises(DataError, match=r"asks for 'posix\.system'.* nothing was executed"):
            read(write(content))
    assert not (tmp_path / "executed").exists()
    if place == "alone":  # the plant is real
        torch.load(io.BytesIO(content), weights_only=False)
        assert (tmp_path / "executed").exists()


def test_a_whole_model_is_refused_with_what_it_needs(write):
    buffer = io.BytesIO()
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)), buffer)
    with pytest.raises(DataError) as caught:
        read_state_dict(write(buffer.getvalue()))
    for part in (
        "torch.nn.modules.container.Sequential",
        "torch.nn.modules.conv.Conv2d",
        "model.state_dict()",
    ):
        assert part in str(caught.value)


NO_STATE_DICT = {
    "optimiser": (
        torch.optim.SGD([torch.ones(1)], 0.1).state_dict(),
        r"'state' \(dict\), 'param_groups' \(list\)",
    ),
    "list": ([torch.ones(1)], "an object of type list"),
    "tensor": (torch.ones(1), "but a tensor"),
    "nothing": ({}, "a dictionary of nothing"),
    "no tensors": ({"state_dict": {"epoch": 3}}, r"a dictionary of 'epoch' \(int\)"),
    "numbers as names": ({3: torch.ones(1)}, r"3 \(tensor\)"),
    "text": ("weights", "an object of type str"),
}


@pytest.mark.parametrize("value, match", NO_STATE_DICT.values(), ids=NO_STATE_DICT)
def test_other_objects_are_described(tmp_path, value, match):
    torch.save(value, tmp_path / "x.pt")
    with pytest.raises(DataError, match=rf"holds no state_dict.*{match}.*torch\.save\(model\.state_dict\(\)"):
        read_state_dict(tmp_path / "x.pt")


OTHER_FILES = {
    "empty": (b"", "is empty; download"),
    "html": (b"\n<!DOCTYPE html><html><title>404</title></html>", "a page of text"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS"),
    "text": (b"conv1.weight 1 2 3", "neither safetensors nor"),
    "json": (b'{"a": {}}', "neither safetensors nor"),
    "zeros": (bytes(100), "neither safetensors nor"),
    "pickle": (
        pickle.dumps({"w": [1.0]}),
        r"is a pickle, but not of torch.save: it holds a dictionary of 'w'",
    ),
    "version": (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1002, 2),
        "another version of the format",
    ),
    "script": (archive(b"", constants=b"", **{"constants.pkl": b""}), "a TorchScript program"),
    "byte order": (archive(tensor(), byteorder=b"middle"), "byte order is b'middle'"),
    "safetensors": ((64).to_bytes(8, "little") + b'{"w": 3}'.ljust(64), "not a readable safetensors file"),
    "nested key": (archive(b"\x80\x02})" + b"\x85" * 10**5 + b"Ns."), "cannot be the key of a dictionary"),
    "nested id": (archive(b"\x80\x02)" + b"\x85" * 10**5 + b"Q."), "not a readable pickle"),
}


@pytest.mark.parametrize("content, match", OTHER_FILES.values(), ids=OTHER_FILES)
def test_other_files_are_told_apart(write, content, match):
    with pytest.raises(DataError, match=match):
        read_state_dict(write(content))


def test_deep_nesting_is_refused(write):
    path = write(archive(b"\x80\x02)" + b"\x85" * 10**5 + b"."))
    with pytest.raises(DataError, match="nests its objects too deeply"):
        read_file(path)
    with pytest.raises(DataError, match="an object of type tuple"):
        read_state_dict(path)


def zipped(compression, **members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def test_archives_that_would_fill_the_memory_are_refused(write):
    bomb = zipped(zipfile.ZIP_DEFLATED, archive__data=bytes(10**7))
    assert len(bomb) < 10**5
    with pytest.raises(DataError, match="is a compressed archive"):
        read_state_dict(write(bomb))
    with pytest.raises(DataError, match=r"is a zip archive of letter\.txt, not a file of torch"):
        read_state_dict(write(zipped(zipfile.ZIP_STORED, **{"letter.txt": b"x"})))
    content = bytearray(zipped(zipfile.ZIP_STORED, archive__data=b"x" * 100))
    entry = content.index(b"PK\x01\x02")  # the central directory: sizes are 20 bytes further
    content[entry + 20 : entry + 28] = struct.pack("<II", 2**31, 2**31)
    with pytest.raises(DataError, match="declares members of more bytes than it has"):
        read_state_dict(write(content))


def test_a_changed_weight_is_found_by_the_checksum(write):
    content = bytearray(FORMS["zip"])
    content[content.index(np.arange(6, dtype="f4").tobytes())] ^= 1
    with pytest.raises(DataError, match="damaged or cut off: Bad CRC-32"):
        read_state_dict(write(content))


def test_paths_that_are_no_files(tmp_path, capsys):
    with pytest.raises(DataError, match="is a folder: give the file"):
        read_state_dict(tmp_path)
    with pytest.raises(DataError, match="is not a regular file"):
        read_state_dict(os.devnull)
    assert guard("prog", lambda: len(read_state_dict(tmp_path / "none.pth"))) == 2
    assert (
        capsys.readouterr().err
        == f"prog: error: cannot read {tmp_path / 'none.pth'}: No such file or directory\n"
    )
