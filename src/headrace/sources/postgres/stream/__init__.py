"""Following the log: decoding, positions, the slot."""
