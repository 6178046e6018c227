"""Where the world begins: trio, sockets, clocks, randomness, files and sound stand only here."""
