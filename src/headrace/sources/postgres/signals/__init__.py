"""What is asked for by signal, beside the stream; see also `incremental`."""
