"""Tasks: what the models of a suite do. A `Task` is one object; the rooms above it serve every task the same way."""
