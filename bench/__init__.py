"""Measured speed. `python -m bench.<name>`; nothing here is a test."""
