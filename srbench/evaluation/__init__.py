"""Inference, scoring and the certification of datasets."""
