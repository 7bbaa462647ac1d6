"""Datasets: manifests, layouts on disk, verification, the training cache."""
