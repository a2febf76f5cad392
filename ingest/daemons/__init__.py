"""What daemons call: pairing, batches, and what they ask about themselves."""
