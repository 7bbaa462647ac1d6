"""The report of degradations: every training measured under every degradation."""
