"""The former path of the layouts, until nothing imports it."""

from puffer.spaces import ActionLayout, Layout, LayoutError, Leaf

__all__ = ["ActionLayout", "Layout", "LayoutError", "Leaf"]
