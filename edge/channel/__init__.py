"""A channel: a named live output over many runs of its source."""
