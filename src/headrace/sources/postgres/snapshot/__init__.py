"""Reading the tables as they were at one position of the log."""
