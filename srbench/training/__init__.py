"""Training: patches, the loop that runs every distiller, checkpoints, progress."""
