"""The flat layout of spaces: `Layout` for observations, `ActionLayout` for actions. See `puffer.layout`."""

from puffer.layout.spaces import ActionLayout, Layout, LayoutError, Leaf

__all__ = ["ActionLayout", "Layout", "LayoutError", "Leaf"]
