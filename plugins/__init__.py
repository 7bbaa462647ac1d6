"""The bundled methods; third-party plugins use the same door."""
