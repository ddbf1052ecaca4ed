"""The receivers: HTTP in, within limits, for those who may."""
