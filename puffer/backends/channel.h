/* Counters in shared memory, and sockets, without Python. */
#ifndef PUFFER_CHANNEL_H
#define PUFFER_CHANNEL_H

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
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

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* Whether a socket is ready for `events` before the time `end`; without an end it waits for ever. */
static int channel_ready(int socket, short events, int64_t end) {
    for (;;) {
        int64_t left = end ? (end - channel_now()) / 1000000 : 1000;
        struct pollfd entry = {socket, events, 0};
        int ready = poll(&entry, 1, left < 0 ? 0 : left > 1000 ? 1000 : (int)left);
        if (ready > 0) return 1;
        if (ready < 0 && errno != EINTR) return 0;
        if (end && channel_now() >= end) return errno = ETIMEDOUT, 0;
    }
}

/* Sends all bytes before the time `end`; returns 0 or the number of the error. */
static int channel_send(int socket, const char *bytes, size_t size, int64_t end) {
    while (size) {
        ssize_t count = send(socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            bytes += count;
            size -= (size_t)count;
        } else if (errno != EINTR && ((errno != EAGAIN && errno != EWOULDBLOCK) ||
                                      !channel_ready(socket, POLLOUT, end))) {
            return errno;
        }
    }
    return 0;
}

/* Receives exactly so many bytes before the time `end`; returns 0, -1 at the end of the stream, or the error. */
static int channel_receive(int socket, char *bytes, size_t size, int64_t end) {
    while (size) {
        ssize_t count = recv(socket, bytes, size, MSG_DONTWAIT);
        if (count == 0) return -1;
        if (count > 0) {
            bytes += count;
            size -= (size_t)count;
        } else if (errno != EINTR && ((errno != EAGAIN && errno != EWOULDBLOCK) ||
                                      !channel_ready(socket, POLLIN, end))) {
            return errno;
        }
    }
    return 0;
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

#endif
