"""torch's namespaces beside tensors, layers and optimisers: what they hold, and what their stand-ins do."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.utils.data

import tinynet
from tinynet import amp, as_torch, backends, cuda, jit, nn

GPU = tinynet.backend.cuda_is_available()


# Names


NAMESPACES = """
    amp backends.cudnn cuda.amp distributed hub jit nn.init nn.modules.batchnorm nn.parallel nn.parameter nn.utils
    optim.lr_scheduler utils.checkpoint utils.data utils.model_zoo
"""


def test_import_tinynet_makes_the_namespaces_available():
    code = "import tinynet; " + "; ".join(f"tinynet.{name}" for name in NAMESPACES.split())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", as_torch.MODULES)
def test_every_module_exists_in_torch_too(name):
    importlib.import_module(f"torch.{name}")
    importlib.import_module(f"tinynet.{name}")


LAYER_FILES = sorted(
    path.stem for path in (Path(nn.__path__[0]) / "modules").glob("*.py") if path.stem != "__init__"
)


@pytest.mark.parametrize("stem", LAYER_FILES)
def test_layers_stand_in_torchs_files(stem):
    ours = importlib.import_module(f"tinynet.nn.modules.{stem}")
    theirs = importlib.import_module(f"torch.nn.modules.{stem}")
    for name, value in vars(theirs).items():
        if inspect.isclass(value) and value.__module__ == theirs.__name__ and hasattr(nn, name):
            assert getattr(ours, name) is getattr(nn, name)
    for name in getattr(ours, "__all__", ()):
        assert hasattr(theirs, name)


def test_every_layer_of_torch_stands_in_its_file():
    for name in nn.__all__:
        theirs = getattr(torch.nn, name, None)
        if inspect.isclass(theirs) and theirs.__module__.startswith("torch.nn.modules."):
            ours = importlib.import_module(theirs.__module__.replace("torch", "tinynet", 1))
            assert getattr(ours, name) is getattr(nn, name), f"tinynet.nn.modules lacks {name}"


@pytest.mark.parametrize("value", [3, (1, 2), [1, 2, 3], range(2), "ab"])
def test_tuples_of_sizes_are_torchs(value):
    for name in ("_single", "_pair", "_triple", "_quadruple"):
        ours, theirs = (getattr(library.nn.modules.utils, name)(value) for library in (tinynet, torch))
        assert ours == theirs
    ours, theirs = (library.nn.modules.utils._ntuple(5)(value) for library in (tinynet, torch))
    assert ours == theirs
    if not isinstance(value, int):
        assert nn.modules.utils._reverse_repeat_tuple(
            value, 2
        ) == torch.nn.modules.utils._reverse_repeat_tuple(value, 2)


# The GPU and its switches


@pytest.mark.skipif(GPU, reason="there is a GPU")
def test_without_a_gpu_questions_are_answered():
    assert not cuda.is_available()
    assert (
        cuda.device_count()
        == cuda.memory_allocated()
        == cuda.max_memory_allocated()
        == cuda.memory_reserved()
        == 0
    )
    for nothing in (cuda.empty_cache, cuda.reset_peak_memory_stats):
        assert nothing() is None
    assert cuda.manual_seed(3) is None
    assert cuda.manual_seed_all(3) is None
    assert not cuda.is_bf16_supported()
    for ask in (cuda.current_device, cuda.get_device_name, cuda.synchronize, cuda.get_device_capability):
        with pytest.raises(tinynet.BackendUnavailable, match="install CuPy"):
            ask()
    with pytest.raises(tinynet.BackendUnavailable):
        cuda.set_device(0)
    assert cuda.set_device(-1) is None


@pytest.mark.skipif(not GPU, reason="there is no GPU")
def test_with_a_gpu_questions_are_answered():
    assert cuda.is_available()
    assert cuda.device_count() >= 1
    cuda.set_device("cuda:0")
    assert cuda.current_device() == 0
    assert cuda.get_device_name()
    assert cuda.get_device_capability(0) >= (3, 0)
    before = cuda.memory_allocated()
    kept = tinynet.ones(1 << 20).to("cuda")
    assert cuda.memory_allocated() >= before + kept.nbytes
    assert cuda.memory_reserved() >= cuda.memory_allocated()
    cuda.synchronize()
    cuda.empty_cache()


def test_seeding_the_gpu_leaves_the_seed_alone():
    tinynet.manual_seed(5)
    cuda.manual_seed_all(7)
    assert tinynet.initial_seed() == 5


def test_switches_can_be_set(monkeypatch):
    for name in ("benchmark", "deterministic", "enabled", "allow_tf32"):
        monkeypatch.setattr(backends.cudnn, name, True)
    monkeypatch.setattr(backends.cuda.matmul, "allow_tf32", True)
    assert not backends.cudnn.is_available()
    assert backends.cudnn.version() is None
    assert not backends.mps.is_available()
    assert not backends.mps.is_built()
    assert backends.cuda.is_built() == GPU


@pytest.mark.parametrize("make", [
    lambda: (amp.autocast("cuda", enabled=False), amp.GradScaler("cuda", enabled=False)),
    lambda: (amp.autocast("cpu", enabled=False), amp.GradScaler(enabled=False)),
    lambda: (cuda.amp.autocast(enabled=False), cuda.amp.GradScaler(enabled=False)),
])  # fmt: skip
def test_mixed_precision_switched_off_changes_nothing(make):
    autocast, scaler = make()
    weight = nn.Parameter(tinynet.ones(2))
    optimizer = tinynet.optim.SGD([weight], lr=1.0)
    with autocast:
        loss = (weight * weight).sum()
    assert scaler.scale(loss) is loss
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert weight.tolist() == [-1, -1]
    assert (scaler.get_scale(), scaler.is_enabled(), scaler.state_dict()) == (1.0, False, {})
    scaler.load_state_dict({})
    assert autocast(lambda x: x + 1)(1) == 2


@pytest.mark.parametrize("make", [amp.autocast, amp.GradScaler, cuda.amp.autocast, cuda.amp.GradScaler])
def test_mixed_precision_needs_a_gpu_and_is_refused_there(make, monkeypatch):
    monkeypatch.setattr(amp, "cuda_is_available", lambda: False)
    with pytest.warns(UserWarning, match="there is no GPU"):
        make()
    monkeypatch.setattr(amp, "cuda_is_available", lambda: True)
    with pytest.raises(NotImplementedError, match="mixed precision is not supported"):
        make()


def test_mixed_precision_on_the_cpu_is_refused():
    with pytest.raises(NotImplementedError, match="enabled=False"):
        amp.autocast("cpu")


# TorchScript, hub, several GPUs and processes


def test_script_decorators_return_what_they_get():
    def f(x):
        return x

    for decorate in (
        jit.script,
        jit.export,
        jit.ignore,
        jit.unused,
        jit.script_if_tracing,
        jit.ignore(drop=True),
    ):
        assert decorate(f) is f
    assert not jit.is_scripting()
    assert not jit.is_tracing()
    assert jit.annotate(int, 3) == 3
    with pytest.raises(NotImplementedError, match="cannot be recorded"):
        jit.trace(f, tinynet.ones(1))


def test_data_parallel_passes_on():
    model = nn.Linear(2, 3)
    wrapped = nn.DataParallel(model, device_ids=[0])
    x = tinynet.ones(1, 2)
    assert wrapped.module is model
    assert wrapped(x).tolist() == model(x).tolist()
    assert list(wrapped.state_dict()) == ["module.weight", "module.bias"]
    assert nn.parallel.DataParallel is nn.DataParallel
    with pytest.raises(NotImplementedError, match="several processes"):
        nn.parallel.DistributedDataParallel(model)


def test_several_gpus_are_refused(monkeypatch):
    monkeypatch.setattr("tinynet.nn.data_parallel.cuda_is_available", lambda: True)
    with pytest.raises(NotImplementedError, match=r"one GPU only, got device_ids=\[0, 1\]"):
        nn.DataParallel(nn.Linear(1, 1), device_ids=[0, 1])


def test_there_is_no_group_of_processes():
    assert not tinynet.distributed.is_available()
    assert not tinynet.distributed.is_initialized()
    assert not torch.distributed.is_initialized()
    for name in ("get_rank", "get_world_size", "barrier"):
        for library in (tinynet, torch):
            with pytest.raises(ValueError, match="process group"):
                getattr(library.distributed, name)()
    with pytest.raises(NotImplementedError, match="several processes"):
        tinynet.distributed.init_process_group("gloo")


def test_layers_converted_for_several_processes_share_their_parameters(rng):
    model = nn.Sequential(
        nn.Linear(4, 3), nn.Sequential(nn.BatchNorm1d(3, 1e-3, None).eval(), nn.InstanceNorm1d(3))
    )
    before = dict(model.state_dict(keep_vars=True))
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    twin = torch.nn.Sequential(
        torch.nn.Linear(4, 3),
        torch.nn.Sequential(torch.nn.BatchNorm1d(3, 1e-3, None).eval(), torch.nn.InstanceNorm1d(3)),
    )
    assert converted is model
    assert repr(model) == repr(torch.nn.SyncBatchNorm.convert_sync_batchnorm(twin))
    assert not model[1][0].training
    after = model.state_dict(keep_vars=True)
    assert list(after) == list(before)
    assert all(after[name] is value for name, value in before.items())
    assert isinstance(nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm2d(2)), nn.SyncBatchNorm)
    for refused in (
        nn.SyncBatchNorm,
        lambda n, process_group: nn.SyncBatchNorm.convert_sync_batchnorm(model, 1),
    ):
        with pytest.raises(NotImplementedError, match="several processes"):
            refused(3, process_group=1)


OWN = (
    "BackendUnavailable aliases backend creation default_dtype dtypes generator grad_mode inspection kernels "
    "memory run_ahead switches threads"
)


def test_the_top_level_holds_torchs_names_and_tinynets_modules():
    names = {name for name in dir(tinynet) if not name.startswith("_")}
    loaded_by_others = (
        "as_torch data errors evaluate gradcheck models pickle_reader predict train training viz weights"
    )
    assert {name for name in names if not hasattr(torch, name)} - set(loaded_by_others.split()) == set(
        OWN.split()
    )


def test_constants_are_torchs():
    for name in ("e", "inf", "newaxis", "pi"):
        assert getattr(tinynet, name) == getattr(torch, name)
    assert tinynet.nan != tinynet.nan
    assert tinynet.ones(2)[:, tinynet.newaxis].shape == (2, 1)


def test_functions_of_layers_at_the_top_level_take_torchs_arguments(rng):
    x = rng.standard_normal((2, 4, 6, 6))
    w = rng.standard_normal((6, 2, 3, 3))
    for call in (
        lambda lib, x, w: lib.conv2d(x, w, None, 1, 1, 1, 2),
        lambda lib, x, w: lib.conv_transpose2d(x, w[:4], None, (2, 2), (1, 1)),
        lambda lib, x, w: lib.conv1d(x[0], w[:, :, 0].repeat(1, 3, 1), stride=2),
        lambda lib, x, w: lib.max_pool2d(x, 2, 2, 0, 1, True),
        lambda lib, x, w: lib.avg_pool1d(x[0], 2, 2, 0, True),
        lambda lib, x, w: lib.max_pool1d(x[0], 3, 2),
        lambda lib, x, w: lib.adaptive_avg_pool1d(x[0], 4),
        lambda lib, x, w: lib.layer_norm(x, (6, 6), None, None, 1e-3),
        lambda lib, x, w: lib.group_norm(x, 2, None, None, 1e-3),
        lambda lib, x, w: lib.rms_norm(x, (6,)),
        lambda lib, x, w: lib.dropout(x, 0.5, False),
        lambda lib, x, w: lib.pixel_shuffle(x, 2),
        lambda lib, x, w: lib.pixel_unshuffle(x, 3),
        lambda lib, x, w: lib.channel_shuffle(x, 2),
    ):
        ours = call(tinynet, tinynet.tensor(x), tinynet.tensor(w)).numpy()
        np.testing.assert_allclose(ours, call(torch, torch.tensor(x), torch.tensor(w)).numpy(), atol=1e-12)
