"""Programs of the JVM that the tests and the benchmark stand beside: which Java runs them, their jars, how they are started."""
