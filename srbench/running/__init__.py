"""Running: jobs, their keys, and the store of what they made."""
