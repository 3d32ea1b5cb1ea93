"""Measurements, run by `make bench`: each a ratio to a peer or to the physical limit in the same run."""
