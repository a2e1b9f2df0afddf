"""The site file: read whole, or refused with file, line and what would be right."""
