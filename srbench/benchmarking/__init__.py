"""Benchmarking: what a person asks for, as one function each."""
