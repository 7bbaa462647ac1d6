"""The documentation site: what `make docs` writes for zensical, and how the result is checked."""
