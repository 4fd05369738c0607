"""PyTorch twins of tinynet's networks and training, to check against. The only package that imports torch."""
