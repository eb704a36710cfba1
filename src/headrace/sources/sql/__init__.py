"""A polling source for any SQL database, under the keys of Confluent's JDBC source (kafka-connect-jdbc)."""
