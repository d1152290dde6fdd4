/* One build that is fast on every x86-64 and crashes on none: a function marked PUFFER_CLONES is compiled for
 * AVX-512, AVX2 and the baseline, and the loader picks. Elsewhere (macOS, musl, other processors, sanitizers, whose
 * runtime is not up yet when the loader picks) the mark means nothing.
 *
 * The build passes -ffp-contract=off, so the versions give the same bits. */
#ifndef PUFFER_DISPATCH_H
#define PUFFER_DISPATCH_H

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PUFFER_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PUFFER_CLONES
#endif

#endif
