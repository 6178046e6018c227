"""Coverage-guided fuzzing of everything that takes bytes: see docs/fuzzing.md."""
