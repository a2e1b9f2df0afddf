"""What holds for every test."""

from __future__ import annotations

import os

# Before NumPy loads, as the command line does it: threads that wait for each other on busy cores
# make small matrices a hundred times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
