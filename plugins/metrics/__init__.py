"""Metrics, registered like everybody's."""
