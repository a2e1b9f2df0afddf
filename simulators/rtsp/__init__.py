"""Simulated cameras: many of them behind one RTSP address, each with its own clip and faults."""
