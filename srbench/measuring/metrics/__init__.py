"""Metrics as pure functions of sr and hr, one number per image.

Which channels, what rounding and how much border: that is the protocol's business, done before a metric is called.
"""
