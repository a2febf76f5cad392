"""What people and their tools ask of the cloud, over HTTP, and what they decide."""
