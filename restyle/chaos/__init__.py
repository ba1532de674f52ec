"""Faults on purpose: a whole restyle of its own, broken while it paints, and held to what it promises."""
