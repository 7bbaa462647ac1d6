"""The measuring conventions: image files, colour, resizing, borders, tiles."""
