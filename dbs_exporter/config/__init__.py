"""The configuration: its models, loading a file, its problems, and the generated reference."""
