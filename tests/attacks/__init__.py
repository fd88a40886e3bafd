"""Attacks of THREATS.md, kept as tests: each one failed when it was first tried, or shows the wall that stopped it."""
