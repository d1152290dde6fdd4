"""Nodes of the spaces whose values vary in size: Text, OneOf, Sequence and Graph.

Each has room for its largest value, an int32 leaf with the length that is used, and zeros in the rest.
"""
from cpython.tuple cimport PyTuple_Check
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from puffer.layout.rows cimport LeafNode, Node, as_nodes, as_tuple, brief

import numpy as np

from puffer.layout.rows import LayoutError


cdef class TextNode(Node):
    """TextNode(path, characters, length)\n--\n\n

    A string and its length: as bytes of UTF-8 if the characters are uint8, and else as code points.
    """

    cdef LeafNode characters
    cdef LeafNode length
    cdef Py_ssize_t max_length
    cdef bint is_bytes

    def __cinit__(self, str path not None, LeafNode characters not None, LeafNode length not None):
        self.characters = characters
        self.length = _count(length)
        self.max_length = characters.size
        self.is_bytes = characters.dtype == np.uint8
        if not self.is_bytes and characters.dtype != np.int32:
            raise TypeError("expected bytes as uint8, or code points as int32")

    def tree(self, pick):
        return {"characters": pick(self.characters), "length": pick(self.length)}

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        if not isinstance(value, str):
            raise LayoutError(f"{self.path}: expected a str, got {brief(value)} of type {type(value).__name__}")
        cdef str text = value if type(value) is str else str.__str__(value)
        cdef char* target = row + self.characters.offset + index * self.characters.nbytes
        cdef bytes encoded
        cdef int32_t code
        if self.is_bytes:
            encoded = self.encoded(text)
            self.require_room(len(encoded), text)
            self.clear(row, index)
            memcpy(target, <const char*>encoded, len(encoded))
            self.length.write(len(encoded), row, index)
            return 0
        self.require_room(len(text), text)
        self.clear(row, index)
        for character in text:
            code = <int32_t>character
            memcpy(target, &code, sizeof(code))
            target += sizeof(code)
        self.length.write(len(text), row, index)
        return 0

    cdef bytes encoded(self, str text):
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            raise LayoutError(f"{self.path}: expected a text that UTF-8 can hold, got {brief(text)}") from error

    cdef int require_room(self, Py_ssize_t length, str text) except -1:
        if length > self.max_length:
            unit = "characters" if length == len(text) else "bytes of UTF-8"
            raise LayoutError(f"{self.path}: expected at most {self.max_length} {unit}, got {length}: {brief(text)}")
        return 0

    cdef object read(self, char* row, Py_ssize_t index):
        cdef Py_ssize_t length = _checked(self, self.length.integer(row, index), 0, self.max_length)
        codes = self.characters.read(row, index)[:length].tolist()
        try:
            if self.is_bytes:
                return bytes(codes).decode()
            return "".join([chr(code) for code in codes])
        except ValueError as error:
            raise LayoutError(f"{self.path}: the row holds no text: {brief(codes)}") from error

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        self.characters.clear(row, index)
        self.length.clear(row, index)
        return 0


cdef class OneOfNode(Node):
    """OneOfNode(path, which, alternatives)\n--\n\nAll alternatives side by side; those not chosen are zero."""

    cdef LeafNode which
    cdef tuple alternatives

    def __cinit__(self, str path not None, LeafNode which not None, tuple alternatives not None):
        self.which = _count(which)
        self.alternatives = as_nodes(alternatives, len(alternatives))

    def tree(self, pick):
        return {
            "index": pick(self.which),
            "alternatives": tuple([(<Node>node).tree(pick) for node in self.alternatives]),
        }

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        if not PyTuple_Check(value) or len(value) != 2:
            raise LayoutError(
                f"{self.path}: expected a tuple (index, value), got {brief(value)} of type {type(value).__name__}"
            )
        self.which.write(value[0], row, index)
        cdef Py_ssize_t i
        cdef Py_ssize_t chosen = _checked(self, self.which.integer(row, index), 0, len(self.alternatives) - 1)
        for i in range(len(self.alternatives)):
            if i == chosen:
                (<Node>self.alternatives[i]).write(value[1], row, index)
            else:
                (<Node>self.alternatives[i]).clear(row, index)
        return 0

    cdef object read(self, char* row, Py_ssize_t index):
        cdef Py_ssize_t chosen = _checked(self, self.which.integer(row, index), 0, len(self.alternatives) - 1)
        return np.int64(chosen), (<Node>self.alternatives[chosen]).read(row, index)

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        self.which.clear(row, index)
        for node in self.alternatives:
            (<Node>node).clear(row, index)
        return 0


cdef class SequenceNode(Node):
    """SequenceNode(path, item, length, max_length, stack=None, unstack=None)\n--\n

    Up to `max_length` values of one space. `stack(list of values)` makes the value of a stacked sequence, and
    `unstack(value)` takes it apart; without them the value is a tuple.
    """

    cdef Node item
    cdef LeafNode length
    cdef readonly Py_ssize_t max_length
    cdef object stack
    cdef object unstack

    def __cinit__(
        self, str path not None, Node item not None, LeafNode length not None, Py_ssize_t max_length,
        stack=None, unstack=None,
    ):
        self.item = item
        self.length = _count(length)
        self.max_length = max_length
        self.stack = stack
        self.unstack = unstack

    def tree(self, pick):
        return {"items": self.item.tree(pick), "length": pick(self.length)}

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        cdef tuple items
        cdef Py_ssize_t i
        if self.unstack is None:
            items = as_tuple(self, value)
        else:
            try:
                items = tuple(self.unstack(value))
            except (TypeError, ValueError, LookupError) as error:
                raise LayoutError(f"{self.path}: expected stacked values, got {brief(value)} ({error})") from error
        if len(items) > self.max_length:
            raise LayoutError(
                f"{self.path}: expected at most {self.max_length} items, got {len(items)}: {brief(value)}"
            )
        for i in range(len(items)):
            self.item.write(items[i], row, index * self.max_length + i)
        for i in range(len(items), self.max_length):
            self.item.clear(row, index * self.max_length + i)
        self.length.write(len(items), row, index)
        return 0

    cdef object read(self, char* row, Py_ssize_t index):
        cdef Py_ssize_t i
        cdef Py_ssize_t length = _checked(self, self.length.integer(row, index), 0, self.max_length)
        items = [self.item.read(row, index * self.max_length + i) for i in range(length)]
        return tuple(items) if self.stack is None else self.stack(items)

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        cdef Py_ssize_t i
        for i in range(self.max_length):
            self.item.clear(row, index * self.max_length + i)
        self.length.clear(row, index)
        return 0


cdef class GraphNode(Node):
    """GraphNode(path, instance, nodes, edges, links)\n--\n

    The nodes and edges are two sequences, `links` the int32 pairs of the edges; `instance(nodes, edges, links)` makes
    the value. A graph that names no edges at all has edges of length -1; a space without an edge space has no `edges`.
    """

    cdef object instance
    cdef SequenceNode nodes
    cdef SequenceNode edges
    cdef LeafNode links

    def __cinit__(self, str path not None, instance, SequenceNode nodes not None, SequenceNode edges, LeafNode links):
        self.instance = instance
        self.nodes = nodes
        self.edges = edges
        self.links = links
        if (edges is None) != (links is None):
            raise TypeError("expected edges and links, or neither")

    def tree(self, pick):
        tree = {"nodes": self.nodes.tree(pick)}
        if self.edges is not None:
            tree.update(edges=self.edges.tree(pick), edge_links=pick(self.links))
        return tree

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        if not PyTuple_Check(value) or len(value) != 3:
            raise LayoutError(f"{self.path}: expected a GraphInstance, got {brief(value)} of {type(value).__name__}")
        nodes, edges, links = value
        if (edges is None) != (links is None):
            raise LayoutError(f"{self.path}: expected edges and edge_links, or neither, got {brief(value)}")
        self.nodes.write(nodes, row, index)
        if self.edges is None:
            if edges is not None:
                raise LayoutError(f"{self.path}: expected no edges, as there is no edge space, got {brief(edges)}")
        elif edges is None:
            self._clear_edges(row, index)
            self.edges.length.write(-1, row, index)
        else:
            self.edges.write(edges, row, index)
            self._write_links(links, row, index)
        return 0

    cdef int _write_links(self, object links, char* row, Py_ssize_t index) except -1:
        cdef Py_ssize_t i
        cdef Py_ssize_t edges = self.edges.length.integer(row, index)
        cdef Py_ssize_t first = index * self.edges.max_length
        cdef tuple pairs = as_tuple(self.links, links)
        if len(pairs) != edges:
            raise LayoutError(f"{self.links.path}: expected a pair for each of {edges} edges, got {brief(links)}")
        for i in range(edges):
            self.links.write(pairs[i], row, first + i)
        for i in range(edges, self.edges.max_length):
            self.links.clear(row, first + i)
        return 0

    cdef object read(self, char* row, Py_ssize_t index):
        nodes = self.nodes.read(row, index)
        if self.edges is None or self.edges.length.integer(row, index) == -1:
            return self.instance(nodes, None, None)
        edges = self.edges.read(row, index)
        cdef Py_ssize_t i
        cdef Py_ssize_t first = index * self.edges.max_length
        links = [self.links.read(row, first + i) for i in range(self.edges.length.integer(row, index))]
        return self.instance(nodes, edges, np.array(links, np.int32).reshape(-1, 2))

    cdef int _clear_edges(self, char* row, Py_ssize_t index) except -1:
        cdef Py_ssize_t i
        self.edges.clear(row, index)
        for i in range(self.edges.max_length):
            self.links.clear(row, index * self.edges.max_length + i)
        return 0

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        self.nodes.clear(row, index)
        if self.edges is not None:
            self._clear_edges(row, index)
        return 0


cdef LeafNode _count(LeafNode leaf):
    if leaf.dtype != np.int32 or leaf.shape:
        raise TypeError(f"{leaf.path}: expected an int32 leaf without dimensions")
    return leaf


cdef Py_ssize_t _checked(Node node, Py_ssize_t number, Py_ssize_t low, Py_ssize_t high) except? -1:
    """A length or an index, once it is known to lie in the row."""
    if not low <= number <= high:
        raise LayoutError(f"{node.path}: expected a length or an index from {low} to {high}, got {number}")
    return number
