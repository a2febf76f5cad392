"""Three workspaces and a year of their calls, played over the daemons' contract."""
