"""The report of gains: what distillers add to their controls."""
