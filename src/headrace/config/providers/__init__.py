"""Kafka's config providers: file, directory, environment."""
