# The C interface of Procgen's library, of version 1.
from libc.stdint cimport uint8_t

cdef struct option_t:
    char name[128]
    int type
    int count
    const void* items

cdef struct options_t:
    option_t* items
    int count

# An array of pointers, one for each thing in a space, and an item of each array for each environment.
cdef struct buffers_t:
    void** observations
    float* rewards
    uint8_t* firsts
    void** infos
    void** actions

cdef enum:
    LIBRARY_VERSION = 1
    UINT8 = 1
    INT32 = 2
    # The room that the package has for saving a game; a larger state would end the process.
    LARGEST_STATE = 1 << 20

# An environment of the interface is called a game here.
cdef struct library_t:
    int (*version)() noexcept nogil
    void* (*make)(int games, options_t options) noexcept nogil
    void (*set_buffers)(void* game, buffers_t* buffers) noexcept nogil
    void (*act)(void* game) noexcept nogil
    void (*draw)(void* game) noexcept nogil
    void (*close)(void* game) noexcept nogil
    int (*get_state)(void* game, int index, char* state, int size) noexcept nogil
    void (*set_state)(void* game, int index, const char* state, int size) noexcept nogil

cdef bytes load_library(library_t* library)
