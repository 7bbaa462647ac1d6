"""How fast srbench itself is: ratios within one run, against plain PyTorch and public peers."""
