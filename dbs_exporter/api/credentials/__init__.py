"""Where an account's credentials come from, and when they are renewed."""
