"""A user's history as files, and back."""
