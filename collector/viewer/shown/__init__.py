"""Kept spans as a person reads them: turns, tool calls, edits, times and costs (pure; nothing unsealed is read)."""
