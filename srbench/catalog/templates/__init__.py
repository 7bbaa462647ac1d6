"""What `srbench add-plugin` writes."""
