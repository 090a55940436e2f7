// Searches over the bytes of a head, 16 at a time where the processor has SSE2 (every x86-64 has). Each looks only at
// the bytes that it is given: nothing past `end` is read. Layer 1.
#pragma once

#include "http/characters.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace portico::http {

// @returns the first byte in [at, end) that may not stand in a field value (a control other than HTAB: CR, LF, NUL …),
// or end
inline const char* find_control(const char* at, const char* end) {
#if defined(__SSE2__)
    const __m128i last_control = _mm_set1_epi8(0x1F);
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i del = _mm_set1_epi8(0x7F);
    for (; end - at >= 16; at += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        // Unsigned v <= 0x1F, as SSE2 compares signed bytes only.
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v);
        const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), low), _mm_cmpeq_epi8(v, del));
        const int found = _mm_movemask_epi8(bad);
        if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
    }
#endif
    while (at != end && is(kFieldValueChar, *at)) ++at;
    return at;
}

// @returns the first byte in [at, end) that ends or spoils a request target in a request line (SP, a control, DEL), or
// end
inline const char* find_target_end(const char* at, const char* end) {
#if defined(__SSE2__)
    const __m128i space = _mm_set1_epi8(0x20);
    const __m128i del = _mm_set1_epi8(0x7F);
    for (; end - at >= 16; at += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, space), v), _mm_cmpeq_epi8(v, del));
        const int found = _mm_movemask_epi8(bad);
        if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
    }
#endif
    while (at != end && static_cast<uint8_t>(*at) > 0x20 && *at != 0x7F) ++at;
    return at;
}

// @returns the first byte in [at, end) that is not a token's, or end
inline const char* find_token_end(const char* at, const char* end) {
#if defined(__SSE2__)
    // Nearly every name is letters and "-" and fits one load; the table below decides about whatever else comes.
    if (end - at >= 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i rank = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        const __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(rank, _mm_set1_epi8('z' - 'a')), rank);
        const __m128i usual = _mm_or_si128(letter, _mm_cmpeq_epi8(v, _mm_set1_epi8('-')));
        const int run = _mm_movemask_epi8(usual);
        at += __builtin_ctz(~static_cast<unsigned>(run));
    }
#endif
    while (at != end && is(kTokenChar, *at)) ++at;
    return at;
}

}  // namespace portico::http
