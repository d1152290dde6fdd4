"""The clock of NetHack's games: the time at which a game begins, which each thread sets for the game that it begins.

The games' library calls the C function `nethack_clock` of this module, which other libraries find once they are shown
it, by `show()`.
"""
import ctypes

from libc.stdint cimport int64_t


cdef extern from *:
    """
    #include <time.h>
    #if defined(__GNUC__)
    #define PUFFER_VISIBLE __attribute__((visibility("default")))
    static __thread time_t puffer_now;
    #else
    #define PUFFER_VISIBLE
    static time_t puffer_now;
    #endif

    static void puffer_set_now(long long seconds) { puffer_now = (time_t)seconds; }

    /* As the C function time. */
    PUFFER_VISIBLE time_t nethack_clock(time_t* out) {
        if (out) *out = puffer_now;
        return puffer_now;
    }
    """
    void puffer_set_now(long long seconds) noexcept nogil


def set_time(int64_t seconds):
    """Set the clock of this thread, in seconds since 1970."""
    puffer_set_now(seconds)


def show():
    """Let the libraries that this process loads from now on find `nethack_clock`."""
    ctypes.CDLL(__file__, mode=ctypes.RTLD_GLOBAL)
