"""Recognition of low-resolution images: a network maps an image to an embedding, which classifies or identifies it."""
