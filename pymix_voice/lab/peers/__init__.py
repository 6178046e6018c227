"""What the project is compared with: a limit in C, a naive version, Sphinx, Tor.

Each is run on the same machine, by one command, beside our own mix and gateway.

Must not know: how our own mix and gateway are measured.
"""
