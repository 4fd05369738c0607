"""State dicts written by torch and read without it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from reference import models as torch_models
from tinynet.errors import DataError
from tinynet.weights import read_file, read_state_dict

ROOT = Path(__file__).parents[2]
PRETRAINED = [folder / "shared/data/resnet20-12fca82f.th" for folder in (ROOT, ROOT.parent)]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
INTEGERS = [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8]
UNSIGNED = [torch.uint16, torch.uint32, torch.uint64]  # torch writes their storages without a type
DTYPES = [*FLOATS, *INTEGERS, *UNSIGNED, torch.bool, torch.complex64, torch.complex128]


@pytest.fixture(params=["zip", "legacy"])
def save(request, tmp_path):
    """Write an object by torch.save, in either format; return the path."""

    def write(value, name="weights.pth", **options):
        torch.save(value, tmp_path / name, _use_new_zipfile_serialization=request.param == "zip", **options)
        return tmp_path / name

    return write


def sample(dtype, *shape):
    """Random values; of numbers all bytes are random, but no NaN."""
    generator = torch.Generator().manual_seed(1)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator, dtype=torch.complex128).to(dtype)
    return torch.randint(0, 2 if dtype == torch.bool else 127, shape, generator=generator).to(dtype)


def check(path, expected):
    """Compare what is read with torch's tensors, bit for bit."""
    state = read_state_dict(path)
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        array, value = state[name], tensor.detach().resolve_conj().resolve_neg()
        right = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
        assert array.dtype == right.dtype
        assert array.dtype.isnative
        assert array.shape == right.shape
        assert array.tobytes() == right.tobytes(), name
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.flags.owndata or array.base.flags.owndata
    return state


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3, 4)], ids=str)
def test_every_dtype_and_shape(save, dtype, shape):
    tensor = sample(dtype, *shape)
    check(save({"a.weight": tensor}), {"a.weight": tensor})


def test_views_and_shared_storages(save):
    base = sample(torch.float32, 4, 6)
    state = {
        "whole": base,
        "tied": base,
        "transposed": base.T,
        "part": base[1:3, 2:5],
        "every second": base[::2, ::3],
        "column": base[:, 4],
        "number": base[2, 3],
        "expanded": base[:1].expand(5, 6),
        "channels last": sample(torch.float32, 2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "overlapping": base.flatten().as_strided((3, 4), (2, 1), 5),
        "single": base[3:4].as_strided((1, 2), (10**9, 1), 1),
    }
    read = check(save(state), state)
    read["whole"][...] = 0
    np.testing.assert_array_equal(read["tied"], base.numpy())


def test_conjugated_and_negated_views(save):
    value, other = sample(torch.complex64, 3, 2), sample(torch.complex64, 3, 2)
    state = {"conj": value.conj().T, "neg": other.conj().imag}
    assert state["conj"].is_conj()
    assert state["neg"].is_neg()
    check(save(state), state)


def test_views_of_storages_in_old_files(tmp_path):
    """Files from before torch 0.4 name parts of storages: (key, offset, size) as the sixth of an id."""
    tensor = torch.arange(10.0)
    torch.save({"w": tensor}, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "w.pt").read_bytes()
    before = b"K\x0aNtq"
    assert content.count(before) == 1
    start = content.index(before)
    for view, size, expected in [
        (b"X\x01\0\0\0vK\x03K\x07\x87", 7, range(3, 10)),
        (b"X\x01\0\0\0vK\x04K\x07\x87", 7, None),
    ]:
        edited = content[:start] + b"K\x0a" + view + b"tq" + content[start + len(before) :]
        edited = edited.replace(b"K\x0a\x85", b"K" + bytes([size]) + b"\x85")
        (tmp_path / "view.pt").write_bytes(edited)
        if expected is None:
            with pytest.raises(DataError, match="does not lie in its storage of 10 elements"):
                read_state_dict(tmp_path / "view.pt")
        else:
            assert read_state_dict(tmp_path / "view.pt")["w"].tolist() == list(expected)


def test_parameters_modules_and_protocols(save):
    model = torch_models.build("resnet8")
    check(save(model.state_dict()), model.state_dict())  # an OrderedDict with the attribute _metadata
    check(save(dict(model.named_parameters())), dict(model.named_parameters()))
    check(save(model.state_dict(), pickle_protocol=4), model.state_dict())


@pytest.mark.parametrize("wrap", [
    lambda state: {"state_dict": state, "best_prec1": 91.73, "epoch": 200, "arch": "resnet20"},
    lambda state: {"model": state, "optimizer": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.1}]}},
    lambda state: {"net": state, "acc": np.float64(91.5), "history": np.arange(3)},
    lambda state: {"model_state_dict": state},
    lambda state: {"model": {"state_dict": {f"module.{name}": x for name, x in state.items()}}},
    lambda state: {f"module.{name}": x for name, x in state.items()},
])  # fmt: skip
def test_wrappers_and_prefixes(save, wrap):
    state = {"conv.weight": sample(torch.float32, 2, 3), "module.bias": sample(torch.float32, 2)}
    check(save(wrap(state)), state)


def test_a_prefix_of_some_names_stays(save):
    state = {"module.a": torch.ones(1), "b": torch.ones(1)}
    check(save(state), state)


def test_old_files_gain_their_counters_and_others_do_not(save):
    old = {"bn.running_mean": torch.ones(2), "running_mean": torch.ones(1), "my_running_mean": torch.ones(1)}
    state = read_state_dict(save(old))
    assert state.keys() - old.keys() == {"bn.num_batches_tracked", "num_batches_tracked"}
    assert state["bn.num_batches_tracked"].dtype == np.int64
    assert state["bn.num_batches_tracked"].shape == ()
    assert state["bn.num_batches_tracked"] == 0
    new = {**old, "bn.num_batches_tracked": torch.tensor(5)}
    check(save(new), new)


def test_big_endian_files(tmp_path):
    """As torch writes on such a machine: its own order in the storages, and byteorder says so."""
    state = {
        str(dtype): sample(dtype, 3, 2) for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.bool)
    }
    torch.save(state, tmp_path / "little.pt")
    swapped = {"data/0": 4, "data/1": 2, "data/2": 8, "data/3": 1}
    with zipfile.ZipFile(tmp_path / "little.pt") as old, zipfile.ZipFile(tmp_path / "big.pt", "w") as new:
        for name in old.namelist():
            content, size = old.read(name), swapped.get(name.partition("/")[2])
            if size:
                content = np.frombuffer(content, f"u{size}").byteswap().tobytes()
            new.writestr(name, b"big" if name.endswith("byteorder") else content)
    check(tmp_path / "big.pt", state)


def test_safetensors_of_every_dtype(tmp_path):
    dtypes = [*FLOATS, *INTEGERS, *UNSIGNED, torch.bool, torch.complex64]
    shapes = [(), (0, 3), (2, 3, 4)]
    state = {f"{dtype} {shape}": sample(dtype, *shape) for dtype in dtypes for shape in shapes}
    safetensors.torch.save_file(state, tmp_path / "weights")  # the content tells, not the ending
    check(tmp_path / "weights", state)
    safetensors.torch.save_file({"module.w": torch.ones(2).to(torch.float8_e5m2)}, tmp_path / "8.safetensors")
    with pytest.raises(DataError, match=r"tensor 'module.w' is of F8_E5M2; known are"):
        read_state_dict(tmp_path / "8.safetensors")


@pytest.mark.parametrize("length", [0x80, 0x4B50])
def test_safetensors_whose_length_looks_like_another_file(tmp_path, length):
    """The header of 128 bytes begins as a pickle does, that of 0x4B50 as a zip archive."""
    header = b'{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}'.ljust(length)
    (tmp_path / "w.bin").write_bytes(length.to_bytes(8, "little") + header + b"\x05\x07")
    assert read_state_dict(tmp_path / "w.bin")["w"].tolist() == [5, 7]


def test_all_of_a_file_is_read_as_it_is(save):
    weight, history = torch.ones(2, 3), [1, (2.5, None), "text", True]
    value = {"model": {"module.w": weight, "tied": weight}, 3: [weight.T, history], "again": history}
    read = read_file(save(value), lambda array: ("made", array.shape))
    assert read == {
        "model": {"module.w": ("made", (2, 3)), "tied": ("made", (2, 3))},
        3: [("made", (3, 2)), history],
        "again": history,
    }
    assert read["again"] is read[3][1]


def test_a_dtype_is_no_plain_value(save):
    with pytest.raises(
        DataError, match=r"dtypes\[0\] is neither a tensor nor a plain value; save the weights"
    ):
        read_file(save({"dtypes": [torch.float32]}))
    assert read_state_dict(save({"dtypes": [torch.float32], "net": {"w": torch.ones(1)}}))["w"] == 1


def test_what_contains_itself_is_read(save):
    value = {"w": torch.ones(1)}
    value["model"] = value
    read = read_file(save(value))
    assert read["model"] is read
    with pytest.raises(DataError, match=r"holds no state_dict.*'w' \(tensor\), 'model' \(dict\)"):
        read_state_dict(save(value))


def test_the_pretrained_network(tmp_path):
    """Akamaster's ResNet-20 of 2018, written by PyTorch before 0.4.1 under DataParallel on a GPU."""
    path = next((path for path in PRETRAINED if path.is_file()), None)
    if path is None:
        pytest.skip(f"no {PRETRAINED[0].relative_to(ROOT)}, which is not part of the repository")
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith("12fca82f")
    content = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)["state_dict"]
    expected = {name.removeprefix("module."): value for name, value in content.items()}
    state = read_state_dict(path)
    counters = {name: torch.tensor(0) for name in state if name.endswith("num_batches_tracked")}
    check(path, {**expected, **counters})
    assert len(counters) == 19
    assert list(state)[0] == "conv1.weight"
    assert "linear.weight" in state
    assert sum(x.size for name, x in state.items() if name.endswith(("weight", "bias"))) == 269_722


def test_reading_loads_no_torch(tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pt")
    code = "import sys; import tinynet.weights as w; print(*w.read_state_dict(sys.argv[1]), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w.pt")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "w False"
