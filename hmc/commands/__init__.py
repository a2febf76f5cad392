"""One module per kind of command; each imports what it needs when it runs."""
