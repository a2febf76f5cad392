"""What came in, looked at after the fact: never a reason to refuse anything."""
