"""Networks as they are deployed: eight-bit integers, and the images on which they are calibrated."""
