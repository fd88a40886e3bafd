"""Ways news leaves the house, one file per channel."""
