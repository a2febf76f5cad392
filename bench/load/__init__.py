"""What many daemons at once, or one with a long history, ask of one API."""
