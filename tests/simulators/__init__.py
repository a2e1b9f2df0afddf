"""Specifications of the simulated field."""
