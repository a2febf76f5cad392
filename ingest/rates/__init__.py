"""How prices become known: from the catalogue, and from people."""
