"""The PostgreSQL connectors side by side: types, masks, settings."""
