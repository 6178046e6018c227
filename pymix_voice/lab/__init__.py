"""Demo, benchmarks, simulated world, audit and measurements."""
