"""The fleet: scaling policies and plans, Lambda sources, what a change replaced."""
