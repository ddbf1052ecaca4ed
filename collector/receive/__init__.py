"""The door: HTTP in, within limits, for those who may."""

from collector.receive.guard import Guard
from collector.receive.limits import Budget
from collector.receive.opencode import OpenCodeReceiver
from collector.receive.otlp import OtlpReceiver

__all__ = ["Budget", "Guard", "OpenCodeReceiver", "OtlpReceiver"]
