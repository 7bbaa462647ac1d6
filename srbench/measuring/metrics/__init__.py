"""Metrics as pure functions of sr and hr, one number per image.

The protocol selects channels, rounds and shaves before a metric is called.
"""
