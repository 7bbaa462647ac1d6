"""Choosing a network for a budget: scores of others or of results, costs measured on this machine."""
