"""Datasets: where their images are, and whether they are the right ones."""
