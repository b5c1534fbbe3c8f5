"""The commands of `posesim` that need the server. They import what they need when they run."""
