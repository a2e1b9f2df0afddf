"""Rendered crowd scenes of known truth: what a camera over a street, a bridge or a square would see."""
