"""Measurements of tinynet, most of them beside PyTorch; results and their conditions lie in `results/`."""
