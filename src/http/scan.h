// Searches over the bytes of a head, 16 at a time where the processor has SSE2 (every x86-64 has). Each looks only at
// the bytes that it is given: nothing past `end` is read. Layer 1.
#pragma once

#include "http/characters.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace portico::http {

#if defined(__SSE2__)
namespace detail {

inline __m128i load(const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

// Which bytes are controls other than HTAB. Unsigned v <= 0x1F, as SSE2 compares signed bytes only.
inline __m128i controls(__m128i v) {
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
    return _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\t')), low), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F)));
}

// Which bytes a path in normal form is made of, and that one look tells: kPathChar.
inline __m128i path_characters(__m128i v) {
    const auto within = [&](char first, char last) {
        const __m128i rank = _mm_sub_epi8(v, _mm_set1_epi8(first));
        return _mm_cmpeq_epi8(_mm_min_epu8(rank, _mm_set1_epi8(static_cast<char>(last - first))), rank);
    };
    const auto is_byte = [&](char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); };
    const __m128i letter_rank = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    const __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(letter_rank, _mm_set1_epi8('z' - 'a')), letter_rank);
    const __m128i signs = _mm_andnot_si128(is_byte('%'), within('$', ';'));  // $ & ' ( ) * + , - . / 0-9 : ;
    const __m128i rest = _mm_or_si128(_mm_or_si128(is_byte('='), is_byte('@')), _mm_or_si128(is_byte('_'), _mm_or_si128(is_byte('~'), is_byte('!'))));
    return _mm_or_si128(_mm_or_si128(letter, signs), rest);
}

}  // namespace detail
#endif

// @returns the first byte in [at, end) that may not stand in a field value (a control other than HTAB: CR, LF, NUL …),
// or end
inline const char* find_control(const char* at, const char* end) {
#if defined(__SSE2__)
    using detail::controls, detail::load;
    // Most values are short; tokens and cookies are long, and are passed over 64 bytes a step once they have shown it.
    for (int steps = 0; end - at >= 16; at += 16) {
        const int found = _mm_movemask_epi8(controls(load(at)));
        if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
        if (++steps != 2) continue;
        for (; end - at >= 80; at += 64) {
            const __m128i any = _mm_or_si128(_mm_or_si128(controls(load(at + 16)), controls(load(at + 32))),
                                             _mm_or_si128(controls(load(at + 48)), controls(load(at + 64))));
            if (_mm_movemask_epi8(any) != 0) break;
        }
    }
#endif
    while (at != end && is(kFieldValueChar, *at)) ++at;
    return at;
}

// True where [at, end) is a path that needs neither a rewrite nor a closer look: path characters only, no `;`, and no segment that is empty
// (but for the last) or begins with a dot.
inline bool is_plain_path(const char* at, const char* end) {
    char before = 0;
#if defined(__SSE2__)
    for (; end - at >= 16; at += 16) {
        const __m128i v = detail::load(at);
        if (_mm_movemask_epi8(detail::path_characters(v)) != 0xFFFF) return false;
        const int slashes = _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('/')));
        const int behind_slashes = slashes << 1 | (before == '/' ? 1 : 0);
        const int dots = _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('.')));
        const int semicolons = _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(';')));
        if (((behind_slashes & (dots | slashes)) | semicolons) != 0) return false;
        before = at[15];
    }
#endif
    for (; at != end; ++at) {
        if (!is(kPathChar, *at) || *at == ';' || (before == '/' && (*at == '.' || *at == '/'))) return false;
        before = *at;
    }
    return true;
}

// True where every byte of [at, end) may stand in a request target: kTargetChar.
inline bool is_target(const char* at, const char* end) {
#if defined(__SSE2__)
    for (; end - at >= 16; at += 16) {
        const __m128i v = detail::load(at);
        // 0x21 to 0x7E, without "#"
        const __m128i rank = _mm_sub_epi8(v, _mm_set1_epi8(0x21));
        const __m128i visible = _mm_cmpeq_epi8(_mm_min_epu8(rank, _mm_set1_epi8(0x7E - 0x21)), rank);
        if (_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('#')), visible)) != 0xFFFF) return false;
    }
#endif
    while (at != end && is(kTargetChar, *at)) ++at;
    return at == end;
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
