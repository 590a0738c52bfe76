"""Adapters for web frameworks: they translate, and decide nothing."""
