"""Measuring recognition: what a model answered about labelled images, and scores of these answers."""
