"""FileStreamSink: a line of text per record, under the settings of the one that comes with Kafka."""
