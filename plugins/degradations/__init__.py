"""Ways to make lr from hr."""
