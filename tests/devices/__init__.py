"""Specifications of field devices: orders on their way, interlocks, health."""
