"""What is stored about a finished cell, and the identity of its row."""
