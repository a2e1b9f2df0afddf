"""Tests of the wiring and the commands."""
