"""Which clips are worth training on: selectors as pure functions of arrays, and how clips become such arrays."""
