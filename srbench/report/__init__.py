"""Leaderboards, statistics, plots and comparisons, all made from records."""
