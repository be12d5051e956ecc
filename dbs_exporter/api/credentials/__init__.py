"""The sources of an account's credentials, and when credentials are renewed."""
