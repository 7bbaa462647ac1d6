"""The speed of srbench itself, as ratios within one run, against plain PyTorch and public peers."""
