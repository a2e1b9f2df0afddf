"""How many will come today and when the peak is, from what was counted so far and before."""
