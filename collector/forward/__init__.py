"""Sealed batches to their destinations, with the token put in on the way out, until they are taken."""
