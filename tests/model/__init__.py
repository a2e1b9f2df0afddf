"""Specifications of the words of the trade."""
