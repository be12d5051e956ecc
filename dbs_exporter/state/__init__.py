"""State on disk: what a process knew, for the next to go on from."""
