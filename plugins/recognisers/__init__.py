"""Networks that map images to embeddings."""
