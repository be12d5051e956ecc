"""What is read: one module per thing, with its calls and its metric families."""
