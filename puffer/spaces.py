"""The flat layout of spaces: any Gymnasium space as one flat row of memory.

`Layout` is for observations and `ActionLayout` for actions. Both are built once for a space; the copies themselves are
compiled.

Every leaf of a space has a path: the keys and indices that lead to it, joined by "/", as in "camera/rgb" or "hand/0".
A "~" in a key is written "~0", a "/" is written "~1", and an empty key "~". A space that is a leaf itself has the path
"observation" or "action".
"""

from puffer.layout.action import ActionLayout
from puffer.layout.leaf import Leaf
from puffer.layout.observation import Layout
from puffer.layout.rows import LayoutError

__all__ = ["ActionLayout", "Layout", "LayoutError", "Leaf"]
