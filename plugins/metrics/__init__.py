"""The bundled metrics."""
