"""Distilling: the interface of everything that trains a student."""
