"""The process: start and stop in order, which path answers what, and what a process needs around it."""
