/* Memory of ours that nothing may touch, for AddressSanitizer to report. It may be there without this module being built
 * for it, under an environment that is.
 */
#ifndef PUFFER_SANITIZER_H
#define PUFFER_SANITIZER_H

#include <stddef.h>

#if defined(__GNUC__) && !defined(__APPLE__) && !defined(_WIN32)
extern void __asan_poison_memory_region(void const volatile *memory, size_t size) __attribute__((weak));
#define puffer_is_sanitized() (__asan_poison_memory_region != NULL)
#define puffer_forbid(memory, size) (puffer_is_sanitized() ? __asan_poison_memory_region(memory, size) : (void)0)
#else
#define puffer_is_sanitized() 0
#define puffer_forbid(memory, size) ((void)(memory), (void)(size))
#endif

#endif
