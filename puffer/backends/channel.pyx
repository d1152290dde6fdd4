"""Hand-over between processes: counters in shared memory that one side raises and the other waits for.

A counter is two neighbouring 32-bit words: its value, and whether somebody sleeps on it. Who waits looks at it for a
bounded time and then sleeps in the kernel; who raises it asks the kernel to wake somebody only if somebody sleeps. So a
hand-over to a process that is still looking costs a store, and a process that waits for long costs nothing. Who looks
offers its core to others after each look, so that it never keeps it from a process that it waits for.
"""
from libc.stdint cimport int64_t, uint32_t

cdef extern from *:
    """
    #include <errno.h>
    #include <sched.h>
    #include <signal.h>
    #include <stdint.h>
    #include <time.h>
    #include <unistd.h>
    #if defined(__linux__)
    #include <linux/futex.h>
    #include <sys/prctl.h>
    #include <sys/syscall.h>
    #endif

    static inline void channel_pause(void) {
    #if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
    #elif defined(__aarch64__)
        __asm__ __volatile__("yield");
    #endif
    }

    static int64_t channel_now(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }

    static inline uint32_t channel_load(uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
    static inline void channel_store(uint32_t *word, uint32_t value) {
        __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
    }
    static inline void channel_add(uint32_t *word) { __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST); }

    /* Sleeps while *word == value, at most that long; may return early. Where there is no futex, a short nap. */
    static void channel_sleep(uint32_t *word, uint32_t value, int64_t nanoseconds) {
    #if defined(__linux__)
        struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
        syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0);
    #else
        struct timespec nap = {0, 50000};
        if (channel_load(word) == value) nanosleep(&nap, NULL);
        (void)nanoseconds;
    #endif
    }

    static void channel_wake(uint32_t *word) {
    #if defined(__linux__)
        syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    #else
        (void)word;
    #endif
    }

    /* Looks at a word that is `value`, for so long at most; whether it has changed. */
    static int channel_look(uint32_t *word, uint32_t value, int64_t nanoseconds) {
        for (int look = 0; look < 100; look++) {
            if (channel_load(word) != value) return 1;
            channel_pause();
        }
        for (int64_t end = channel_now() + nanoseconds; channel_now() < end;) {
            if (channel_load(word) != value) return 1;
            sched_yield();
        }
        return 0;
    }

    /* The core that this thread runs on, counted from 1; 0 if the system does not say. */
    static uint32_t channel_core(void) {
    #if defined(__linux__)
        int core = sched_getcpu();
        return core < 0 ? 0 : (uint32_t)core + 1;
    #else
        return 0;
    #endif
    }

    static pid_t channel_parent;

    static void channel_on_parent_signal(int number) {
        (void)number;
        if (getppid() != channel_parent) _exit(1);
    }

    /* The kernel sends its signal when the thread that started us ends, too: then the parent process is still there. */
    static void channel_end_with_parent(int parent) {
        channel_parent = (pid_t)parent;
    #if defined(__linux__)
        struct sigaction action = {0};
        action.sa_handler = channel_on_parent_signal;
        action.sa_flags = SA_RESTART;
        sigaction(SIGUSR2, &action, NULL);
        prctl(PR_SET_PDEATHSIG, SIGUSR2);
    #endif
        if (getppid() != channel_parent) _exit(1);
    }
    """
    bint channel_look(uint32_t* word, uint32_t value, int64_t nanoseconds) nogil
    uint32_t channel_load(uint32_t* word) nogil
    void channel_store(uint32_t* word, uint32_t value) nogil
    void channel_add(uint32_t* word) nogil
    void channel_sleep(uint32_t* word, uint32_t value, int64_t nanoseconds) nogil
    void channel_wake(uint32_t* word) nogil
    int64_t channel_now() nogil
    uint32_t channel_core() nogil
    void channel_end_with_parent(int parent) nogil


def raise_counters(uint32_t[::1] words not None, Py_ssize_t place, Py_ssize_t count=1, Py_ssize_t stride=2):
    """Raise the counters at words[place], words[place + stride] and so on by one, and wake who sleeps on them.

    All are raised before anybody is woken: on the core of the first to wake, this process may not go on until that one
    has done its work.
    """
    cdef Py_ssize_t k
    for k in range(count):
        _check(words, place + k * stride)
    for k in range(count):
        channel_add(&words[place + k * stride])
    for k in range(count):
        if channel_load(&words[place + k * stride + 1]):
            channel_wake(&words[place + k * stride])


def store(uint32_t[::1] words not None, Py_ssize_t place, uint32_t value):
    """Set the word at words[place], after everything that was written before."""
    _check(words, place)
    channel_store(&words[place], value)


def store_core(uint32_t[::1] words not None, Py_ssize_t place):
    """Set the word at words[place] to the core that this thread runs on, counted from 1, or 0 if that is not known."""
    _check(words, place)
    channel_store(&words[place], channel_core())


def first_repeated(uint32_t[::1] words not None, Py_ssize_t place, Py_ssize_t count, Py_ssize_t stride):
    """The first of the words at words[place], words[place + stride], ... that repeats one before it, not 0; or -1."""
    cdef Py_ssize_t k, other
    for k in range(count):
        _check(words, place + k * stride)
    for k in range(1, count):
        if not words[place + k * stride]:
            continue
        for other in range(k):
            if words[place + other * stride] == words[place + k * stride]:
                return k
    return -1


def value_of(uint32_t[::1] words not None, Py_ssize_t place):
    """The value of the counter at words[place]."""
    _check(words, place)
    return channel_load(&words[place])


def wait_for_change(uint32_t[::1] words not None, Py_ssize_t place, uint32_t value, double seconds, double look):
    """Wait until the counter at words[place] is no longer `value`; returns its value then, or after `seconds`.

    Looks for `look` seconds before it sleeps. Signals are handled while it waits: Ctrl-C raises KeyboardInterrupt.
    """
    _check(words, place)
    cdef uint32_t* word = &words[place]
    cdef uint32_t* sleeps = &words[place + 1]
    cdef int64_t left, end = 0
    with nogil:
        channel_look(word, value, <int64_t>(look * 1e9))
    while channel_load(word) == value:
        end = end or channel_now() + <int64_t>(seconds * 1e9)
        left = end - channel_now()
        if left <= 0:
            break
        with nogil:
            channel_store(sleeps, 1)
            channel_sleep(word, value, left)
            channel_store(sleeps, 0)
        # Python's signal handlers run here, on returning to the interpreter.
        _handle_signals()
    return channel_load(word)


def end_with_parent(int parent):
    """Let the kernel end this process when the process `parent`, which started it, ends."""
    channel_end_with_parent(parent)


cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


cdef int _handle_signals() except -1:
    return PyErr_CheckSignals()


cdef int _check(uint32_t[::1] words, Py_ssize_t place) except -1:
    if not 0 <= place < words.shape[0] - 1:
        raise IndexError(f"no counter at {place} of {words.shape[0]} words")
    return 0
