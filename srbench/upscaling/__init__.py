"""Enlarging photographs with a network, in Python and on the command line."""
