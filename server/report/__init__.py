"""A session as a report for people: to read on a screen, to print, to hand to a therapist."""
