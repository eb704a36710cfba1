"""The JVM peer: Kafka Connect with Debezium at its best, beside the product, on the same server and the same data.

Files: `offsets` (how far a topic is), `cluster` (broker and worker), `settings` (how both are tuned), `contender` (the peer's runs),
`turns` (the cases).
"""
