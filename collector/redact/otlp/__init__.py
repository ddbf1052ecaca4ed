"""Every text position of OTLP, and what a policy says of each (pure)."""
