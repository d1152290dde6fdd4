"""Hand-over between processes: counters in shared memory that one side raises and the other waits for, and wires.

A counter is two neighbouring 32-bit words: its value, and whether somebody sleeps on it. A waiting process looks at it
for a bounded time and then sleeps in the kernel; raising it asks the kernel to wake somebody only if somebody sleeps.
So a hand-over to a process that is still looking costs a store, and a long wait costs nothing. A process that looks
offers its core to others after each look, so that it never keeps it from the one that it waits for.

A command is counted, given and, where an argument belongs to it, sent in one call, and so is an answer taken: no signal
handler of Python runs in between, so that Ctrl-C finds a worker either asked or not.
"""
import os

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from "puffer/backends/channel.h" nogil:
    bint channel_look(uint32_t* word, uint32_t value, int64_t nanoseconds)
    uint32_t channel_load(uint32_t* word)
    void channel_store(uint32_t* word, uint32_t value)
    void channel_add(uint32_t* word)
    void channel_sleep(uint32_t* word, uint32_t value, int64_t nanoseconds)
    void channel_wake(uint32_t* word)
    int64_t channel_now()
    uint32_t channel_core()
    void channel_end_with_parent(int parent)
    bint channel_ready(int socket, short events, int64_t end)
    int channel_send(int socket, const char* bytes, size_t size, int64_t end)
    int channel_receive(int socket, char* bytes, size_t size, int64_t end)
    short POLLIN


# Words in a worker's line of counters: the command counter (two words), the command, the answered value of the command
# counter, whether a message follows the answer, the core that the worker runs on, and the value of the command counter
# whose answer has been taken.
cdef enum:
    COMMAND_WORD = 0
    OPERATION_WORD = 2
    ANSWERED_WORD = 3
    FOLLOWS_WORD = 4
    CORE_WORD = 5
    TAKEN_WORD = 6
    # The head of a message: its number, and its length in eight bytes, the lowest first.
    HEAD = 9

# Words of a line: a cache line, so that no two workers write to the same one.
cdef enum:
    WORDS = 16

LINE = WORDS


cdef class Wire:
    """Wire(descriptor)
--

One end of a connected stream socket over which messages, each a number and bytes, travel whole.

Attributes
----------
sent, received : int
    Messages so far.
"""

    cdef readonly int descriptor
    cdef readonly uint64_t sent
    cdef readonly uint64_t received

    def __cinit__(self, int descriptor):
        self.descriptor = descriptor

    def poll(self, double seconds):
        """Whether there is a message, or the other end is gone, within so many seconds."""
        cdef bint ready
        with nogil:
            ready = channel_ready(self.descriptor, POLLIN, channel_now() + <int64_t>(seconds * 1e9))
        _handle_signals()
        return ready

    def send(self, int number, bytes content=b"", double seconds=60.0):
        """Send a message. Raises ConnectionError if the other end is gone or does not read."""
        self.put(number, content, seconds)

    def receive(self, double seconds=60.0):
        """The next message as (number, bytes).

        With seconds=0 it waits for ever. Raises EOFError if the other end is gone, ConnectionError if it stops.
        """
        cdef char head[HEAD]
        cdef uint64_t length
        cdef int64_t end = channel_now() + <int64_t>(seconds * 1e9) if seconds else 0
        self.get(head, HEAD, end)
        memcpy(&length, head + 1, 8)
        content = bytearray(length)
        if length:
            self.get(<char*>content, length, end)
        self.received += 1
        return <uint8_t>head[0], bytes(content)

    cdef int put(self, int number, bytes content, double seconds) except -1:
        cdef char head[HEAD]
        cdef uint64_t length = len(content)
        cdef const char* body = content
        cdef int64_t end = channel_now() + <int64_t>(seconds * 1e9)
        cdef int error
        head[0] = <char>number
        memcpy(head + 1, &length, 8)
        self.sent += 1
        with nogil:
            error = channel_send(self.descriptor, head, HEAD, end) or channel_send(self.descriptor, body, length, end)
        if error:
            raise _broken(error, "sent")
        return 0

    cdef int get(self, char* target, size_t size, int64_t end) except -1:
        cdef int error
        with nogil:
            error = channel_receive(self.descriptor, target, size, end)
        if error == -1:
            raise EOFError("the other end is gone")
        if error:
            raise _broken(error, "received")
        return 0


def _broken(error, what):
    """The exception for an error of a socket.

    No other OSError, such as the TimeoutError with which the handler of a signal may end a call while it waits.
    """
    return ConnectionError(error, f"a message could not be {what}: {os.strerror(error)}")


cdef class Line:
    """Line(counters, index, wire)
--

A worker's line in `counters`, uint32 ((workers + 1) * LINE,), and the wire for arguments and answers. The first line is
the parent's: its counter counts answers.

Attributes
----------
is_asked : bool
    Whether the answer to the last command has not been taken yet.
is_answered : bool
    Whether the worker has answered the last command.
has_message : bool
    Whether a message belongs to that answer.
core : int
    The core that the worker runs on, counted from 1, or 0 if that is not known.
"""

    cdef uint32_t[::1] counters
    cdef Py_ssize_t first
    cdef Wire wire

    def __cinit__(self, uint32_t[::1] counters not None, Py_ssize_t index, Wire wire not None):
        if not 0 <= index < counters.shape[0] // WORDS - 1:
            raise IndexError(f"there is no line of worker {index} in {counters.shape[0]} words")
        self.counters = counters
        self.first = (index + 1) * WORDS
        self.wire = wire

    @property
    def is_asked(self):
        return channel_load(&self.counters[self.first]) != channel_load(&self.counters[self.first + TAKEN_WORD])

    @property
    def is_answered(self):
        return channel_load(&self.counters[self.first]) == channel_load(&self.counters[self.first + ANSWERED_WORD])

    @property
    def has_message(self):
        return bool(channel_load(&self.counters[self.first + FOLLOWS_WORD]))

    @property
    def core(self):
        return channel_load(&self.counters[self.first + CORE_WORD])

    def clear(self):
        """Begin the line, for a new worker."""
        self.counters[self.first:self.first + WORDS] = 0

    # ---- The parent ----

    def command(self, uint32_t operation, bytes argument=None):
        """Give a command, and send its argument behind it."""
        channel_store(&self.counters[self.first + OPERATION_WORD], operation)
        channel_add(&self.counters[self.first])
        _wake(&self.counters[self.first])
        # After the command, so that the worker reads an argument that is more than fits between the two.
        if argument is not None:
            self.wire.put(0, argument, 60.0)

    def take(self):
        """Take the answer to the last command, which is there: the bytes of its message, or None."""
        message = self.wire.receive()[1] if self.has_message else None
        channel_store(&self.counters[self.first + FOLLOWS_WORD], 0)
        channel_store(&self.counters[self.first + TAKEN_WORD], channel_load(&self.counters[self.first]))
        return message

    # ---- The worker ----

    def wait(self, uint32_t seen, double look):
        """Wait for a command after the one with the counter value `seen`. Returns its value and the operation."""
        cdef uint32_t value = seen
        while value == seen:
            value = wait_for_change(self.counters, self.first, seen, 3600.0, look)
        return value, channel_load(&self.counters[self.first + OPERATION_WORD])

    def answer(self, uint32_t seen, bytes message=None):
        """Answer the command with the counter value `seen`."""
        channel_store(&self.counters[self.first + FOLLOWS_WORD], message is not None)
        channel_store(&self.counters[self.first + CORE_WORD], channel_core())
        channel_store(&self.counters[self.first + ANSWERED_WORD], seen)
        channel_add(&self.counters[0])
        _wake(&self.counters[0])
        # Only now: a message that fills the socket waits for the parent to read it.
        if message is not None:
            self.wire.put(0, message, 86400.0)


def command_all(lines, uint32_t operation):
    """Give the same command, without an argument, to several workers.

    All are commanded before any is woken: on the core of the first to wake, this process may not go on until that one
    has done its work.
    """
    cdef Line line
    for line in lines:
        channel_store(&line.counters[line.first + OPERATION_WORD], operation)
    for line in lines:
        channel_add(&line.counters[line.first])
    for line in lines:
        _wake(&line.counters[line.first])


def first_on_shared_core(lines):
    """The index of the first worker that runs on the core of one before it, or -1."""
    cdef Line line, other
    cdef uint32_t core
    for k, line in enumerate(lines):
        core = channel_load(&line.counters[line.first + CORE_WORD])
        for other in lines[:k]:
            if core and core == channel_load(&other.counters[other.first + CORE_WORD]):
                return k
    return -1


cdef inline void _wake(uint32_t* counter) noexcept:
    """Wake whoever sleeps on a counter that has been raised."""
    if channel_load(counter + 1):
        channel_wake(counter)


def value_of(uint32_t[::1] words not None, Py_ssize_t index):
    """The value of the counter at words[index]."""
    _check(words, index)
    return channel_load(&words[index])


def wait_for_change(uint32_t[::1] words not None, Py_ssize_t index, uint32_t value, double seconds, double look):
    """Wait until the counter at words[index] is no longer `value`; returns its value then, or after `seconds`.

    Looks for `look` seconds before it sleeps. Signals are handled while it waits: Ctrl-C raises KeyboardInterrupt.
    """
    _check(words, index)
    cdef uint32_t* word = &words[index]
    cdef uint32_t* sleeps = &words[index + 1]
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


cdef int _check(uint32_t[::1] words, Py_ssize_t index) except -1:
    if not 0 <= index < words.shape[0] - 1:
        raise IndexError(f"no counter at {index} of {words.shape[0]} words")
    return 0
