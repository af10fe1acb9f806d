"""The training loop (there is one), its stages, augmentation and journal, and the candidate that it trains."""
