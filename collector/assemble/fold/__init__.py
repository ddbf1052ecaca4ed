"""Facts put together: sessions, messages, and the turns among them (pure)."""
