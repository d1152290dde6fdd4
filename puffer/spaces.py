"""The flat layout of spaces: `Layout` for observations, `ActionLayout` for actions. See `puffer.layout`."""

from puffer.layout.action import ActionLayout
from puffer.layout.leaf import Leaf
from puffer.layout.observation import Layout
from puffer.layout.rows import LayoutError

__all__ = ["ActionLayout", "Layout", "LayoutError", "Leaf"]
