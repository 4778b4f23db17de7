"""The run directory: where a run lies, what is written there and how it is read again."""
