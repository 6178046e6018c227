"""Who and when: zone and key files, addresses, descriptors, control links, steering."""
