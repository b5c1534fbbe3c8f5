"""The library of exercises: their clips and references."""
