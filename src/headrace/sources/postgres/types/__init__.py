"""How PostgreSQL types become schemas and values."""
