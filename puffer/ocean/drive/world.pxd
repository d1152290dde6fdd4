# The scenes of a batch in tables, and what moves in a copy.
from libc.stdint cimport int32_t, int64_t, uint8_t

from puffer.ocean._clip cimport clip

cdef enum:
    MOST_OBJECTS = 128
    POINT = 16       # numbers of a point of the road, as `relative.pxd` takes them
    EDGE = 6         # x, y, cosine, sine, half length, half width
    OBJECT = 8       # length, width, height, kind, id, goal x, goal y, reach
    VEHICLE = 7

cdef enum status_t:
    ABSENT           # not on the road
    LEAVING          # reached its goal, or crashed, in this step, and is taken away by the next
    HERE
    STOPPED          # crashed, and stands in the way

cdef enum touch_t:
    TOUCHES_VEHICLE = 1
    TOUCHES_OTHER = 2
    TOUCHES_EDGE = 4

cdef struct Body:
    float x, y, heading, cosine, sine
    float speed      # in the dynamics "invertible" negative while it drives backwards
    int32_t status
    int32_t touches

cdef struct Scene:
    int32_t objects
    int32_t steps
    int32_t columns, rows        # of cells
    float left, bottom, side
    int32_t points               # of the road
    int64_t first_point
    int64_t first_object
    int64_t first_track
    int64_t first_cell

cdef struct Tables:
    const Scene* scenes
    const float* objects
    const int32_t* row_of_object  # -1 for those that follow the recording
    const int32_t* object_of_row
    const float* tracks           # x, y, heading, speed
    const uint8_t* valid
    const float* points
    const float* edges
    # By cell: the points around it, nearest first, and the edges that a body in it may touch.
    const int32_t* first_near
    const int32_t* near
    const int32_t* first_edge
    const int32_t* near_edges


cdef inline int64_t cell_at(const Scene* scene, float x, float y) noexcept nogil:
    """The cell of a place, or the one next to it. What is near a place outside is near that cell too."""
    cdef int column = <int>clip((x - scene.left) / scene.side, 0, <float>(scene.columns - 1))
    cdef int row = <int>clip((y - scene.bottom) / scene.side, 0, <float>(scene.rows - 1))
    return scene.first_cell + <int64_t>row * scene.columns + column
