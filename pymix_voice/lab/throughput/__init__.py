"""How much a mix, a gateway and a whole zone carry here, and how near that is to the limit."""
