"""Train a network: configuration, recipes, the loop, metrics, checkpoints."""
