"""How good a model is on people and sites it has never seen, and how sure we are of it."""
