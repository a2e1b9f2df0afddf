"""Specifications of counting people."""
