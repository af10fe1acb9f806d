"""Cut whole units out of a model: what hangs together, what matters, how much goes, and the smaller model itself."""
