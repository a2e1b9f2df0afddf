"""Field devices: health, orders on their way, interlocks."""
