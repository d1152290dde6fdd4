"""Numbers of a game that Procgen's library has no function for: they are changed in the state that it saves."""
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from puffer.systems.procgen.interface cimport LARGEST_STATE, library_t

cdef enum:
    # The index of the first level to draw, among the numbers of a saved state that follow the game's name.
    FIRST_LEVEL = 13
    NUMBERS = 17


cdef void set_levels(const library_t* library, void* game, const int32_t* levels) noexcept nogil:
    """Let a game draw the levels levels[0] to levels[1] - 1, from its next episode on."""
    _change_state(library, game, _first_level, levels, 2)


cdef void set_time_limit(const library_t* library, void* game, int32_t limit) noexcept nogil:
    """Let the episode of a game last as many steps."""
    _change_state(library, game, _time_limit, &limit, 1)


cdef void _change_state(const library_t* library, void* game, int (*place)(const char*) noexcept nogil,
                        const int32_t* values, int count) noexcept nogil:
    """Write numbers into the saved state of a game, at the offset that `place` gives."""
    cdef char* state = <char*>malloc(LARGEST_STATE)
    cdef int size
    # Without memory they stay as they are. The library itself would end the process.
    if state == NULL:
        return
    size = library.get_state(game, 0, state, LARGEST_STATE)
    memcpy(state + place(state), values, count * sizeof(int32_t))
    library.set_state(game, 0, state, size)
    free(state)


cdef int _first_level(const char* state) noexcept nogil:
    """The offset of the first level to draw, which is followed by the end of the levels."""
    # A version, a name, 17 numbers.
    return _after_text(state, 4) + 4 * FIRST_LEVEL


cdef int _time_limit(const char* state) noexcept nogil:
    # Then two random streams, each a flag and a text; three results of a step, an action.
    cdef int offset = _after_text(state, 4) + 4 * NUMBERS
    offset = _after_text(state, offset + 4)
    return _after_text(state, offset + 4) + 4 * 4


cdef int _after_text(const char* state, int offset) noexcept nogil:
    """The end of the text at this offset, which begins with its length."""
    cdef int32_t length
    memcpy(&length, state + offset, 4)
    return offset + 4 + length
