"""The configuration: models, files, problems, and the reference made of them."""
