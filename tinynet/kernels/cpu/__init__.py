"""Faster kernels for NumPy arrays; delete this folder and everything still works."""
