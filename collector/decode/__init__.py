"""Bytes to an `ExportRequest`: both encodings, leniently where real clients deviate, and pure.

One span, log record or metric that cannot be read is left out and counted; only a body that cannot be
read at all is refused.
"""

from collector.decode.rejected import Rejected
from collector.decode.request import JSON, PROTOBUF, Decoded, decode

__all__ = ["JSON", "PROTOBUF", "Decoded", "Rejected", "decode"]
