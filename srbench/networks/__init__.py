"""Networks: their specs, their building blocks, their weights."""
