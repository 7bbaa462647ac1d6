"""Comparing two leaderboards."""
