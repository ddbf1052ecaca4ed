"""The door: HTTP in, within limits, for those who may."""
