"""Several nodes that serve as one: who is there, which session is on which, what they tell."""

from .errors import BadNode, ClusterAway, OnAnotherNode

__all__ = ["BadNode", "ClusterAway", "OnAnotherNode"]
