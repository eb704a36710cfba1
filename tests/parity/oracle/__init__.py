"""The program that answers as the originals do: Kafka Connect's and Debezium's own classes, behind JSON lines.

It runs in an environment of its own (`make oracle`) and never imports headrace.
"""
