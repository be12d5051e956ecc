"""What is known of plans, backups, restores and gateways: pure data and what follows from it."""
