"""Differential tests: the same input through the originals' classes and through ours."""
