"""A crowd: many light clients in one process, as load for benchmarks and audits."""
