"""slimaffect: make affect models cheap without making them worse."""

__version__ = "0.1.0"
