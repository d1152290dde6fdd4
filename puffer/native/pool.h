/* Worker threads that run slices of jobs. Knows nothing of environments.
 *
 * A job is one function called once per slice, with slice numbers 0 .. slices-1. Every worker goes through the jobs in
 * the order of submission and takes its own slice of each, so a worker keeps meeting the same rows (they stay in its
 * core's cache). Whoever waits for a job takes the slices that nobody has begun: on a machine that is busy with
 * something else a worker may not be running just now. Workers spin for a few microseconds for the next job and then
 * sleep on a condition variable: dispatch to a busy pool costs a store, a sleeping pool costs nothing.
 *
 * A fork copies the memory of a pool but not its threads: pool_is_alive() is false in the child, which must make a
 * pool of its own (the copy is abandoned, because its lock may be held by a thread that does not exist).
 */
#ifndef PUFFER_POOL_H
#define PUFFER_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define POOL_SPINS 4000
#define POOL_SLICES 256

typedef void (*pool_function)(void *argument, int slice, int slices);

typedef struct {
    pool_function function;
    void *argument;
    int slices;
    int first_slice; /* slice of worker 0: 1 when the submitting thread runs slice 0 itself */
    atomic_int remaining;
    atomic_int begun[POOL_SLICES];
} pool_job;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t posted;   /* a job was submitted, or the pool is stopping */
    pthread_cond_t finished; /* a job has no slices left */
    pthread_t *threads;
    _Atomic(pool_job *) *queue; /* ring of submitted jobs */
    uint64_t capacity;
    int workers;
    int sleeping;
    int waiting;
    int forks;
    atomic_int started;
    atomic_int stopping;
    _Atomic uint64_t submitted;
} pool_t;

static inline void pool_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* How many forks led to this process, counted from the call of pool_watch_forks. */
static int pool_forks;

static inline void pool_on_fork(void) { pool_forks++; }

static inline void pool_watch_forks(void) { pthread_atfork(NULL, NULL, pool_on_fork); }

static inline uint64_t pool_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void pool_finish_slice(pool_t *pool, pool_job *job) {
    if (atomic_fetch_sub_explicit(&job->remaining, 1, memory_order_acq_rel) != 1) return;
    pthread_mutex_lock(&pool->lock);
    if (pool->waiting) pthread_cond_broadcast(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
}

/* Runs a slice of a job, unless somebody has begun it. A worker that lost its turn may come with a job that has been
 * submitted again since: then this is a slice of the new submission, which is as good. */
static inline void pool_take(pool_t *pool, pool_job *job, int slice) {
    if (atomic_exchange_explicit(&job->begun[slice], 1, memory_order_acq_rel)) return;
    job->function(job->argument, slice, job->slices);
    pool_finish_slice(pool, job);
}

/* Waits until more than `handled` jobs were submitted; returns 0 when the pool stops. */
static inline int pool_next(pool_t *pool, uint64_t handled) {
    for (int spin = 0; spin < POOL_SPINS; spin++) {
        if (atomic_load_explicit(&pool->submitted, memory_order_acquire) > handled) return 1;
        if (atomic_load_explicit(&pool->stopping, memory_order_relaxed)) break;
        pool_pause();
    }
    pthread_mutex_lock(&pool->lock);
    pool->sleeping++;
    while (atomic_load(&pool->submitted) <= handled && !atomic_load(&pool->stopping))
        pthread_cond_wait(&pool->posted, &pool->lock);
    pool->sleeping--;
    pthread_mutex_unlock(&pool->lock);
    return atomic_load(&pool->submitted) > handled;
}

static inline void *pool_work(void *argument) {
    pool_t *pool = argument;
    int worker = atomic_fetch_add(&pool->started, 1);
    for (uint64_t handled = 0; pool_next(pool, handled); handled++) {
        /* Of the jobs that fell out of the ring in the meantime, others have done all slices. */
        uint64_t submitted = atomic_load(&pool->submitted);
        if (submitted - handled > pool->capacity) handled = submitted - pool->capacity;
        pool_job *job = atomic_load(&pool->queue[handled % pool->capacity]);
        pool_take(pool, job, worker + job->first_slice);
    }
    return NULL;
}

static inline int pool_is_alive(const pool_t *pool) { return pool->forks == pool_forks; }

static inline void pool_release(pool_t *pool) {
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->posted);
    pthread_mutex_destroy(&pool->lock);
    free(pool->queue);
    free(pool->threads);
    free(pool);
}

/* Finishes the submitted jobs, then ends the threads. In a forked child there is nothing to end. */
static inline void pool_free(pool_t *pool) {
    if (!pool || !pool_is_alive(pool)) return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stopping, 1);
    pthread_cond_broadcast(&pool->posted);
    pthread_mutex_unlock(&pool->lock);
    for (int k = 0; k < pool->workers; k++) pthread_join(pool->threads[k], NULL);
    pool_release(pool);
}

/* A pool of `workers` threads, at most `capacity` jobs under way at once. NULL when it cannot be made. */
static inline pool_t *pool_new(int workers, int capacity) {
    pool_t *pool = calloc(1, sizeof(pool_t));
    if (!pool) return NULL;
    pool->capacity = (uint64_t)capacity;
    pool->forks = pool_forks;
    pool->threads = calloc((size_t)workers, sizeof(pthread_t));
    pool->queue = calloc((size_t)capacity, sizeof *pool->queue);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->posted, NULL);
    pthread_cond_init(&pool->finished, NULL);
    if (!pool->threads || !pool->queue) {
        pool_release(pool);
        return NULL;
    }
    for (; pool->workers < workers; pool->workers++) {
        if (pthread_create(&pool->threads[pool->workers], NULL, pool_work, pool)) {
            pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

/* Hands a job to the workers and returns at once. With `share`, the caller is to run slice 0 itself. */
static inline void pool_submit(pool_t *pool, pool_job *job, pool_function function, void *argument, int share) {
    job->function = function;
    job->argument = argument;
    job->first_slice = share ? 1 : 0;
    job->slices = pool->workers + job->first_slice;
    atomic_store_explicit(&job->remaining, pool->workers, memory_order_relaxed);
    /* From here on the slices can be taken. */
    for (int slice = job->first_slice; slice < job->slices; slice++)
        atomic_store_explicit(&job->begun[slice], 0, memory_order_release);
    pthread_mutex_lock(&pool->lock);
    uint64_t submitted = atomic_load_explicit(&pool->submitted, memory_order_relaxed);
    atomic_store(&pool->queue[submitted % pool->capacity], job);
    atomic_store_explicit(&pool->submitted, submitted + 1, memory_order_release);
    if (pool->sleeping) pthread_cond_broadcast(&pool->posted);
    pthread_mutex_unlock(&pool->lock);
}

static inline int pool_is_finished(pool_job *job) {
    return atomic_load_explicit(&job->remaining, memory_order_acquire) == 0;
}

/* Waits for a submitted job: takes what nobody has begun, spins briefly, then sleeps. */
static inline void pool_wait(pool_t *pool, pool_job *job) {
    for (int slice = job->first_slice; slice < job->slices; slice++)
        if (!atomic_load_explicit(&job->begun[slice], memory_order_relaxed)) pool_take(pool, job, slice);
    for (int spin = 0; spin < POOL_SPINS; spin++) {
        if (pool_is_finished(job)) return;
        pool_pause();
    }
    pthread_mutex_lock(&pool->lock);
    pool->waiting++;
    while (!pool_is_finished(job)) pthread_cond_wait(&pool->finished, &pool->lock);
    pool->waiting--;
    pthread_mutex_unlock(&pool->lock);
}

/* Runs a job on the workers and the calling thread together. */
static inline void pool_run(pool_t *pool, pool_job *job, pool_function function, void *argument) {
    pool_submit(pool, job, function, argument, 1);
    function(argument, 0, job->slices);
    pool_wait(pool, job);
}

#endif
