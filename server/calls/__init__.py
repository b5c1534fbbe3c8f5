"""Calls while they are on: who is there, what they tell each other, and what is scored."""
