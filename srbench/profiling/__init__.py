"""Profiling: parameters, MACs, activations, latency and memory of a network."""
