"""A generated workload on one database that both PostgreSQL connectors read, and the comparison of their event streams."""
