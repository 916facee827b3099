"""Mutations that are sent again: what a key stands for, what came of it, and the answer that was sent."""
