"""The bundled runtimes."""
