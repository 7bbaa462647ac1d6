"""Parameters, MACs, activations, latency and memory."""
