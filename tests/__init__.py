"""Specifications of every room, and of the whole."""
