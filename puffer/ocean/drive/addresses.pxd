# Where the tables that Python made lie in memory; who holds them holds the object that they are from.
from libc.stdint cimport int32_t, uint8_t

from puffer.ocean.drive.world cimport Scene, Tables


cdef inline Tables tables_at(arrays):
    """The addresses of a `_tables.Tables`."""
    if arrays.scenes.dtype.itemsize != sizeof(Scene):
        raise RuntimeError("a scene of the tables does not lie in memory as that of the native code")
    cdef Tables tables
    tables.scenes = <const Scene*>address_of(arrays.scenes)
    tables.objects = <const float*>address_of(arrays.objects)
    tables.row_of_object = <const int32_t*>address_of(arrays.row_of_object)
    tables.object_of_row = <const int32_t*>address_of(arrays.object_of_row)
    tables.tracks = <const float*>address_of(arrays.tracks)
    tables.valid = <const uint8_t*>address_of(arrays.valid)
    tables.points = <const float*>address_of(arrays.points)
    tables.edges = <const float*>address_of(arrays.edges)
    tables.first_near = <const int32_t*>address_of(arrays.first_near)
    tables.near = <const int32_t*>address_of(arrays.near)
    tables.first_edge = <const int32_t*>address_of(arrays.first_edge)
    tables.near_edges = <const int32_t*>address_of(arrays.near_edges)
    return tables


cdef inline const void* address_of(array):
    if not array.flags.c_contiguous:
        raise RuntimeError("a table has gaps")
    return <const void*><size_t>array.ctypes.data
