"""Datasets, the order in which to visit them, and batches of them, with PyTorch's names."""

from tinynet.utils.data import dataloader, dataset, sampler
from tinynet.utils.data.collate import default_collate, default_convert
from tinynet.utils.data.dataloader import DataLoader, get_worker_info
from tinynet.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tinynet.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
