// Under AddressSanitizer: memory that is kept for later may not be touched, as if it were freed. Otherwise nothing.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define PORTICO_POISON(from, size) ASAN_POISON_MEMORY_REGION(from, size)
#define PORTICO_UNPOISON(from, size) ASAN_UNPOISON_MEMORY_REGION(from, size)
#endif
#endif
#ifndef PORTICO_POISON
#define PORTICO_POISON(from, size) ((void)0)
#define PORTICO_UNPOISON(from, size) ((void)0)
#endif
