"""Spans of many conventions to OpenInference spans, one convention a span (pure).

A span that no convention knows is left as it is; so is one whose convention fails on it.
"""
