"""What tests share: a real collector process, a destination, and telemetry to send."""
