"""Super-resolution: a network maps lr to sr, which is compared with hr."""
