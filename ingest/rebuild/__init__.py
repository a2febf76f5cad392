"""From the ledger of changes to published marts, one cycle at a time."""
