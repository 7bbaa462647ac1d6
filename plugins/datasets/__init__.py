"""The datasets of datasets.toml and the photographs embedded in scikit-image."""
