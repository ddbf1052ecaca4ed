"""OpenCode's events as spans: items ─> facts (two dialects, one vocabulary) ─> turns ─> spans (pure)."""
