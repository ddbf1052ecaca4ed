"""Which policy holds on this machine: read from its places, fetched, joined."""
