"""Measuring: from images and a network to scores under a protocol."""
