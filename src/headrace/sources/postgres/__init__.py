"""The PostgreSQL source.

connector.py   settings, validation, the plan of one task       task.py       the loop: connect, snapshot, stream, confirm, retry
config.py      ConfigDef and parsed settings (rows: keys.py)    session.py    connections; how snapshot and stream join
stream.py      pgoutput messages to events (pure but for DDL)   snapshot.py   COPY to events
tables.py      what is compiled for a table's shape             shapes.py     a table's shape from catalog or relation message
types.py       schema and conversion by type and mode           offsets.py    positions, resume, what the slot may forget
"""
