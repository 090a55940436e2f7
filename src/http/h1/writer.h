// HTTP/1.1 heads as bytes, and chunk framing. Writers append to memory that the caller sized by the *_bound functions, so
// the hot path makes no allocation and no second pass. Layer 1.
//
// The caller (gateway/forward, edge/h1_server) decides which fields go out; a writer only refuses what could split a
// message: in debug builds it checks that names are tokens and values hold no CR, LF or NUL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "http/message.h"

namespace portico::http::h1 {

// Appends to a caller's buffer; `full()` once something did not fit (nothing past the end is ever written).
class Output {
  public:
    Output(char* at, size_t size) : begin_(at), at_(at), end_(at + size) {}
    void put(std::string_view s) {
        if (static_cast<size_t>(end_ - at_) < s.size()) {
            full_ = true;
            return;
        }
        at_ = copy(at_, s);
    }
    void put(char c) {
        if (at_ == end_) full_ = true;
        else *at_++ = c;
    }
    void put_decimal(uint64_t n);
    void field(std::string_view name, std::string_view value) {
        check_field(name, value);
        constexpr size_t kAround = 4;  // ": " and CRLF
        if (static_cast<size_t>(end_ - at_) < name.size() + value.size() + kAround) {
            full_ = true;
            return;
        }
        char* at = copy(at_, name);
        *at++ = ':';
        *at++ = ' ';
        at = copy(at, value);
        *at++ = '\r';
        *at++ = '\n';
        at_ = at;
    }
    void status_line(int status, std::string_view reason = {});  // reason_of(status) when empty
    void request_line(std::string_view method, std::string_view target);
    bool full() const { return full_; }
    size_t size() const { return static_cast<size_t>(at_ - begin_); }

  private:
#ifdef NDEBUG
    static void check_field(std::string_view, std::string_view) {}
#else
    static void check_field(std::string_view name, std::string_view value);
#endif

    // Names and most values are short: two moves that overlap, and no call. @returns where the text ends
    static char* copy(char* to, std::string_view text) {
        const char* const from = text.data();
        const size_t size = text.size();
        const auto both_ends = [&]<size_t n>(std::integral_constant<size_t, n>) {
            char last[n];
            __builtin_memcpy(last, from + size - n, n);
            __builtin_memcpy(to, from, n);
            __builtin_memcpy(to + size - n, last, n);
        };
        if (size > 32) __builtin_memcpy(to, from, size);
        else if (size >= 16) both_ends(std::integral_constant<size_t, 16>());
        else if (size >= 8) both_ends(std::integral_constant<size_t, 8>());
        else if (size >= 4) both_ends(std::integral_constant<size_t, 4>());
        else for (size_t i = 0; i < size; ++i) to[i] = from[i];
        return to + size;
    }

    char* begin_;
    char* at_;
    char* end_;
    bool full_ = false;
};

// The largest chunk header: 16 hex digits and CRLF.
inline constexpr size_t kChunkHeaderRoom = 18;
// Writes the header of a chunk of `size` bytes so that it ends just before `data` (which has kChunkHeaderRoom bytes of room
// in front). @returns where it begins. The caller puts CRLF behind the data.
char* write_chunk_header(char* data, uint64_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n";  // then trailers, then kChunkEnd

// "Tue, 15 Nov 1994 08:12:31 GMT" (RFC 9110 §5.6.7) into 29 bytes.
inline constexpr size_t kDateSize = 29;
void write_date(int64_t unix_seconds, char* out);

}  // namespace portico::http::h1
