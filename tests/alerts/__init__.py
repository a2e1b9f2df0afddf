"""Specifications of warnings: holds, cases, ownership, plans and what survives a restart."""
