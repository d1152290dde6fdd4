/* Memory of ours that nothing may touch, for AddressSanitizer to report; without it there is nothing to do. */
#ifndef PUFFER_SANITIZER_H
#define PUFFER_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define puffer_forbid(memory, size) __asan_poison_memory_region(memory, size)
#else
#define puffer_forbid(memory, size) ((void)(memory), (void)(size))
#endif

#endif
