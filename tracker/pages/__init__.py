"""Doors for the public, customers and agents: HTML pages."""
