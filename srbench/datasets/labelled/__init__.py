"""Labelled datasets: images with classes or identities, pairs to verify, galleries and probes."""
