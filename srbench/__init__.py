"""One benchmark for single-image super-resolution."""
