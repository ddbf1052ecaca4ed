"""Turns as OpenInference spans: ids, places, times, conversations (pure)."""
