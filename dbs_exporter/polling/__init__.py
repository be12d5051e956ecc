"""When what is read, and what is kept of it."""
