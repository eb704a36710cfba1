"""PostgreSQL sink: binary COPY into staging, one target transaction per batch, positions kept in the target."""
