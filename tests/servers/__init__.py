"""Real servers for tests: each one a context manager on a port or a socket of its own, gone when its block ends."""
