"""Sealed batches to their destinations, with the token put in on the way out, until they are taken."""

from collector.forward.destination import Destination
from collector.forward.forwarder import Forwarder
from collector.forward.tokens import FileToken, FixedToken, TokenSource

__all__ = ["Destination", "FileToken", "FixedToken", "Forwarder", "TokenSource"]
