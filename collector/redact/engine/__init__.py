"""Finding and replacing: triggers, a bounded look at each place, and the text read in other ways (pure)."""
