"""Incremental snapshots: tables read in chunks while the stream runs, each chunk put in its place among the changes.

After Debezium's, which is after DBLog (Andreakis and Papapanagiotou, 2020): a window is opened, a chunk is read, the window is closed;
rows of the chunk that a change of the stream is newer than are dropped, the others handed out where the window closes.
"""
