"""The scores of competitions, computed from measurements by the formulas of their organisers."""
