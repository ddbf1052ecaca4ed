"""OpenCode's events as facts: one dialect a generation, what plugins see beside them (pure)."""
