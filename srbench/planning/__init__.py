"""Planning: from a suite to models and cells."""
