"""The catalog: finding plugins and what they provide."""
