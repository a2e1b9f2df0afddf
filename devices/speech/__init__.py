"""Speech for terminals that only play: the words, the tone before them, and the recordings."""
