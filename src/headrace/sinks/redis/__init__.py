"""Redis sink: a hash, JSON document, string or stream entry per record, exactly once in effect.

Files: `config` (settings), `connector` (validation, planning), `keys` (key pattern), `rows` (what a record says about a
row), `render` (values as text and JSON), `encode` (records to commands), `positions` (how far each partition is written),
`batches` (transactions), `write` (what follows from them), `task` (control flow).
With the Rust core also `plans` (what is known of a block's schemas) and `blocks` (blocks of columns to transactions).
"""

from headrace.sinks.redis.connector import RedisSinkConnector

__all__ = ["RedisSinkConnector"]
