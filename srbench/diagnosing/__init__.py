"""Find out why a score, a dataset, weights, a machine or tiles are not what was expected."""
