"""For analysts: notebooks, and the few modules that they are written with."""
