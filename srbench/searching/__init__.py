"""Search for networks: propose names of a family, try each as a cell, and train the best of them in earnest."""
