"""Live sessions: from an offer to their end."""
