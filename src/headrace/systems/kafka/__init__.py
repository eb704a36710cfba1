"""Kafka's binary protocol, as far as a member of a group needs it: the client library joins consumer groups only."""
