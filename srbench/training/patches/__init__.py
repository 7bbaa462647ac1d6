"""Where the patches of a training step come from."""
