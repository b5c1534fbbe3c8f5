"""What a user allows, and what of theirs is kept, handed out and deleted (docs/privacy.md)."""
