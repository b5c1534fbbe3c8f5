"""What computes: the worker processes, and the network in them."""
