from __future__ import annotations

import itertools
import math
from collections import Counter, OrderedDict, namedtuple

import numpy as np
import pytest
import torch
import torch.utils.data

import tinynet
import tinynet.utils.data
from tinynet.generator import Generator

LIBRARIES = (tinynet, torch)
BOTH = pytest.mark.parametrize("library", LIBRARIES, ids=["tinynet", "torch"])
Point = namedtuple("Point", "x y")


def plain(value):
    """Return a batch as nested Python values, tensors with their dtype."""
    if isinstance(value, tinynet.Tensor | torch.Tensor):
        return str(value.dtype).rpartition(".")[2], value.tolist()
    if isinstance(value, dict):
        return type(value).__name__, {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(part) for part in value]
    return value


def outcome(act):
    """Return what act gives, or the type of its error."""
    try:
        return plain(act())
    except Exception as error:
        return type(error)


def numbers(lib, count=10):
    return lib.utils.data.TensorDataset(lib.arange(count), lib.arange(count) * 0.5)


# Datasets


@BOTH
def test_datasets_by_index(library):
    data = library.utils.data
    first, second = numbers(library, 3), numbers(library, 4)
    assert [int(x) for x, _ in first] == [0, 1, 2]
    both = first + second
    assert isinstance(both, data.ConcatDataset)
    assert len(both) == 7
    assert [int(x) for x, _ in both] == [0, 1, 2, 0, 1, 2, 3]
    assert [int(both[i][0]) for i in (-1, -7, 3)] == [3, 0, 0]
    part = data.Subset(second, [3, 1])
    assert (len(part), [int(x) for x, _ in part]) == (2, [3, 1])
    assert plain(part[[0, 1]]) == plain(second[[3, 1]])
    assert plain(part.__getitems__([1])) == plain([second[1]])


@BOTH
def test_datasets_in_sequence(library):
    data = library.utils.data

    class Count(data.IterableDataset):
        def __init__(self, n):
            self.n = n

        def __iter__(self):
            return iter(range(self.n))

        def __len__(self):
            return self.n

    both = Count(2) + Count(3)
    assert isinstance(both, data.ChainDataset)
    assert (list(both), len(both)) == ([0, 1, 0, 1, 2], 5)


@BOTH
def test_classes_take_type_arguments(library):
    data = library.utils.data
    for kind in (data.Dataset, data.IterableDataset, data.DataLoader, data.Sampler):
        assert kind[int]

    class Squares(data.Dataset[int]):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return index**2

    assert plain(list(data.DataLoader(Squares(), 4))) == plain([library.tensor([0, 1, 4, 9])])


DATASET_ERRORS = {
    "sizes": lambda lib: lib.utils.data.TensorDataset(lib.ones(2), lib.ones(3)),
    "no datasets": lambda lib: lib.utils.data.ConcatDataset([]),
    "iterable": lambda lib: lib.utils.data.ConcatDataset([iterable(lib)]),
    "beyond": lambda lib: lib.utils.data.ConcatDataset([numbers(lib)])[10],
    "before": lambda lib: lib.utils.data.ConcatDataset([numbers(lib)])[-11],
    "no getitem": lambda lib: lib.utils.data.Dataset()[0],
    "chain": lambda lib: list(lib.utils.data.ChainDataset([[1]])),
    "split": lambda lib: lib.utils.data.random_split(numbers(lib), [3, 4]),
    "shares": lambda lib: lib.utils.data.random_split(numbers(lib), [0.5, 0.6]),
    "share": lambda lib: lib.utils.data.random_split(numbers(lib), [1.2, -0.2]),
}


@pytest.mark.parametrize("case", DATASET_ERRORS)
def test_datasets_refuse_what_torch_refuses(case):
    ours, theirs = (outcome(lambda lib=lib: DATASET_ERRORS[case](lib)) for lib in LIBRARIES)
    assert ours == theirs
    assert issubclass(ours, Exception)


@pytest.mark.parametrize("lengths", [[3, 7], [10], [0, 10], [0.33, 0.33, 0.34], [0.25, 0.75], [0.5, 0.5]])
@BOTH
def test_random_split_divides_everything(library, lengths):
    data = library.utils.data
    parts = data.random_split(numbers(library), lengths)
    assert sorted(i for part in parts for i in part.indices) == list(range(10))
    expected = torch.utils.data.random_split(numbers(torch), lengths)
    assert [len(part) for part in parts] == [len(part) for part in expected]


@BOTH
def test_empty_shares_warn(library):
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        library.utils.data.random_split(numbers(library, 3), [0.9, 0.1])


def test_random_split_follows_its_generator():
    def split(generator=None):
        parts = tinynet.utils.data.random_split(numbers(tinynet, 50), [0.5, 0.5], generator)
        return parts[0].indices

    assert split(Generator().manual_seed(1)) == split(Generator().manual_seed(1))
    assert split(Generator().manual_seed(1)) != split(Generator().manual_seed(2))
    tinynet.manual_seed(4)
    first = split()
    tinynet.manual_seed(4)
    assert split() == first
    assert split() != first


# Samplers


def test_random_orders():
    data = tinynet.utils.data
    tinynet.manual_seed(0)
    sampler = data.RandomSampler(range(100))
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    assert first != sorted(first)
    tinynet.manual_seed(0)
    assert list(data.RandomSampler(range(100))) == first
    assert len(sampler) == 100
    assert type(first[0]) is int


def test_samples_beyond_one_round():
    drawn = list(tinynet.utils.data.RandomSampler(range(4), num_samples=10))
    assert len(drawn) == 10
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3]
    assert len(set(drawn[8:])) == 2
    assert len(list(tinynet.utils.data.RandomSampler(range(4), num_samples=3))) == 3


def test_draws_with_replacement_are_even():
    tinynet.manual_seed(0)
    drawn = Counter(tinynet.utils.data.RandomSampler(range(5), True, 20000))
    # A share of 1/5 of 20000 has a standard deviation of 57.
    assert all(abs(drawn[i] - 4000) < 5 * 57 for i in range(5))


def test_weighted_draws():
    data = tinynet.utils.data
    tinynet.manual_seed(0)
    weights = [0.0, 1.0, 3.0]
    drawn = Counter(data.WeightedRandomSampler(weights, 20000))
    assert drawn[0] == 0
    assert abs(drawn[2] - 15000) < 5 * math.sqrt(20000 * 3 / 16)
    once = data.WeightedRandomSampler(tinynet.tensor(weights), 2, replacement=False)
    assert sorted(once) == [1, 2]
    assert len(once) == 2


def test_random_subsets():
    sampler = tinynet.utils.data.SubsetRandomSampler([5, 7, 9], Generator().manual_seed(0))
    orders = {tuple(sampler) for _ in range(100)}
    assert orders == set(itertools.permutations((5, 7, 9)))
    assert len(sampler) == 3


@BOTH
def test_fixed_orders(library):
    data = library.utils.data
    assert list(data.SequentialSampler("abc")) == [0, 1, 2]
    assert list(data.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert [len(data.BatchSampler(range(n), 2, drop)) for n in (4, 5) for drop in (True, False)] == [
        2,
        2,
        2,
        3,
    ]


SAMPLER_ERRORS = {
    "empty": lambda data: data.RandomSampler([]),
    "none": lambda data: data.RandomSampler([1], num_samples=0),
    "fraction": lambda data: data.RandomSampler([1], num_samples=1.5),
    "replacement": lambda data: data.RandomSampler([1], 1),
    "weights": lambda data: data.WeightedRandomSampler([[1.0]], 1),
    "no weight": lambda data: list(data.WeightedRandomSampler([0.0], 1)),
    "negative": lambda data: list(data.WeightedRandomSampler([-1.0, 2.0], 1)),
    "too many": lambda data: list(data.WeightedRandomSampler([1.0, 2.0], 3, False)),
    "weighted count": lambda data: data.WeightedRandomSampler([1.0], 0),
    "weighted replacement": lambda data: data.WeightedRandomSampler([1.0], 1, 1),
    "batch": lambda data: data.BatchSampler(range(3), 0, False),
    "batch bool": lambda data: data.BatchSampler(range(3), True, False),
    "batch drop": lambda data: data.BatchSampler(range(3), 1, 1),
}


@pytest.mark.parametrize("case", SAMPLER_ERRORS)
def test_samplers_refuse_what_torch_refuses(case):
    ours, theirs = (outcome(lambda lib=lib: SAMPLER_ERRORS[case](lib.utils.data)) for lib in LIBRARIES)
    assert ours == theirs
    assert issubclass(ours, Exception)


# Batches

BATCHES = {
    "ints": [1, 2],
    "floats": [1.0, 2.0],
    "bools": [True, False],
    "texts": ["a", "b"],
    "bytes": [b"a"],
    "tuples": [(1, 2.0), (3, 4.0)],
    "lists": [[1, 2], [3, 4]],
    "dicts": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "ordered": [OrderedDict(a=1), OrderedDict(a=2)],
    "named": [Point(1, 2.0), Point(3, 4.0)],
    "nested": [(1, [2.0, {"a": 3}]), (4, [5.0, {"a": 6}])],
    "scalars": [np.float32(1), np.float32(2)],
    "doubles": [np.float64(1)],
    "arrays": [np.ones(2), np.zeros(2)],
    "bytes arrays": [np.ones((1, 2), np.uint8)],
    "mixed": [1.0, 2],
    "ranges": [range(2), range(2)],
    "none": [None],
    "sets": [{1}],
    "lengths": [(1, 2), (1,)],
    "text arrays": [np.array("a")],
    "array shapes": [np.ones(2), np.ones(3)],
    "keys": [{"a": 1}, {"b": 1}],
    "empty": [],
}


@pytest.mark.parametrize("case", BATCHES)
def test_collating_equals_torch(case):
    ours, theirs = (
        outcome(lambda lib=lib: lib.utils.data.default_collate(BATCHES[case])) for lib in LIBRARIES
    )
    assert ours == theirs


@pytest.mark.parametrize("case", [c for c in BATCHES if c not in ("text arrays",)])
def test_converting_equals_torch(case):
    ours, theirs = (
        outcome(lambda lib=lib: lib.utils.data.default_convert(BATCHES[case])) for lib in LIBRARIES
    )
    assert ours == theirs


@BOTH
def test_tensors_are_stacked(library):
    collate = library.utils.data.default_collate
    assert plain(collate([library.ones(2), library.zeros(2)])) == ("float32", [[1, 1], [0, 0]])
    with pytest.raises(RuntimeError):
        collate([library.ones(2), library.ones(3)])


def test_an_unknown_type_is_named():
    with pytest.raises(TypeError, match="found <class 'object'>"):
        tinynet.utils.data.default_collate([object()])


# The loader


def iterable(lib, count=5, length=False):
    class Stream(lib.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(count))

    class Sized(Stream):
        def __len__(self):
            return count

    return Sized() if length else Stream()


LOADERS = {
    "default": lambda data, lib: data.DataLoader(numbers(lib)),
    "batches": lambda data, lib: data.DataLoader(numbers(lib), 4),
    "drop_last": lambda data, lib: data.DataLoader(numbers(lib), batch_size=4, drop_last=True),
    "no batches": lambda data, lib: data.DataLoader(numbers(lib), batch_size=None),
    "sampler": lambda data, lib: data.DataLoader(numbers(lib), 2, sampler=[3, 1, 2]),
    "batch_sampler": lambda data, lib: data.DataLoader(numbers(lib), batch_sampler=[[3, 1], [2]]),
    "collate": lambda data, lib: data.DataLoader(range(5), 2, collate_fn=list),
    "list": lambda data, lib: data.DataLoader([(i, str(i)) for i in range(5)], 2),
    "iterable": lambda data, lib: data.DataLoader(iterable(lib), 2),
    "iterable drop_last": lambda data, lib: data.DataLoader(iterable(lib), 2, drop_last=True),
    "iterable single": lambda data, lib: data.DataLoader(iterable(lib), None),
    "iterable length": lambda data, lib: data.DataLoader(iterable(lib, length=True), 2),
    "iterable length drop": lambda data, lib: data.DataLoader(iterable(lib, 5, True), 2, drop_last=True),
    "iterable length single": lambda data, lib: data.DataLoader(iterable(lib, length=True), None),
    "whole batches": lambda data, lib: data.DataLoader(data.Subset(numbers(lib), [1, 2, 3]), 2),
    "accepted": lambda data, lib: data.DataLoader(numbers(lib), 4, pin_memory=False, timeout=0),
    "empty": lambda data, lib: data.DataLoader([]),
}


@pytest.mark.parametrize("case", LOADERS)
def test_batches_equal_torchs(case):
    ours, theirs = (LOADERS[case](lib.utils.data, lib) for lib in LIBRARIES)
    assert plain(list(ours)) == plain(list(theirs))
    assert plain(list(ours)) == plain(list(theirs))  # a loader starts anew
    assert outcome(lambda: len(ours)) == outcome(lambda: len(theirs))
    assert (ours.batch_size, ours.drop_last) == (theirs.batch_size, theirs.drop_last)


LOADER_ERRORS = {
    "shuffle and sampler": lambda data, lib: data.DataLoader(numbers(lib), shuffle=True, sampler=[1]),
    "batch_sampler and size": lambda data, lib: data.DataLoader(numbers(lib), 2, batch_sampler=[[1]]),
    "batch_sampler and shuffle": lambda data, lib: data.DataLoader(
        numbers(lib), 1, True, batch_sampler=[[1]]
    ),
    "drop_last alone": lambda data, lib: data.DataLoader(numbers(lib), None, drop_last=True),
    "iterable shuffle": lambda data, lib: data.DataLoader(iterable(lib), shuffle=True),
    "iterable sampler": lambda data, lib: data.DataLoader(iterable(lib), sampler=[1]),
    "iterable batch_sampler": lambda data, lib: data.DataLoader(iterable(lib), batch_sampler=[[1]]),
    "workers": lambda data, lib: data.DataLoader(numbers(lib), num_workers=-1),
    "timeout": lambda data, lib: data.DataLoader(numbers(lib), timeout=-1),
    "prefetch": lambda data, lib: data.DataLoader(numbers(lib), prefetch_factor=2),
    "prefetch count": lambda data, lib: data.DataLoader(numbers(lib), prefetch_factor=-1, num_workers=1),
    "persistent": lambda data, lib: data.DataLoader(numbers(lib), persistent_workers=True),
    "context": lambda data, lib: data.DataLoader(numbers(lib), multiprocessing_context="spawn"),
    "size 0": lambda data, lib: data.DataLoader(numbers(lib), 0),
    "size 2.0": lambda data, lib: data.DataLoader(numbers(lib), 2.0),
    "empty shuffle": lambda data, lib: data.DataLoader([], shuffle=True),
}


@pytest.mark.parametrize("case", LOADER_ERRORS)
def test_loaders_refuse_what_torch_refuses(case):
    ours, theirs = (outcome(lambda lib=lib: LOADER_ERRORS[case](lib.utils.data, lib)) for lib in LIBRARIES)
    assert ours == theirs
    assert issubclass(ours, Exception)


@pytest.mark.parametrize("workers", [0, 3])
def test_shuffled_batches_depend_on_the_seed_alone(workers):
    def epochs(seed=None, generator=None):
        if seed is not None:
            tinynet.manual_seed(seed)
        loader = tinynet.utils.data.DataLoader(
            numbers(tinynet, 30), 7, shuffle=True, num_workers=workers, generator=generator, pin_memory=True,
            worker_init_fn=lambda worker: pytest.fail("there are no workers"), persistent_workers=workers > 0,
        )  # fmt: skip
        return [[x.tolist() for x, _ in loader] for _ in range(2)]

    first = epochs(seed=1)
    assert sorted(itertools.chain(*first[0])) == list(range(30))
    assert first[0] != first[1]
    assert epochs(seed=1) == first
    assert epochs(seed=2) != first
    ours = epochs(generator=Generator().manual_seed(5))
    assert epochs(seed=9, generator=Generator().manual_seed(5)) == ours
    assert [len(batch) for batch in first[0]] == [7, 7, 7, 7, 2]


def test_no_code_runs_in_a_worker():
    assert tinynet.utils.data.get_worker_info() is None
