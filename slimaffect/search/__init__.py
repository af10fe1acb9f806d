"""How few trials find good settings: the space, the plan of a search, its journal, and what may be frozen."""
