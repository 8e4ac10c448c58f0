"""academyctl: one command for the people who keep an online academy running."""

__version__ = "0.1.0"
