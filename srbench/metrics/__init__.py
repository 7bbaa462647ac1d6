"""Scores of super-resolved images, as pure functions."""
