"""How the process runs: settings, where each came from, and what follows from them."""
