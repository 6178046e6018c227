"""A relay that stands between the real processes of a zone, and is the network between them."""
