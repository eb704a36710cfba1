"""FileStreamSource: the lines of a file as records, under the settings and offsets of the one that comes with Kafka."""
