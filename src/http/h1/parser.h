// HTTP/1.x heads, from bytes to RequestHead and ResponseHead: strict, incremental, without I/O.
//
// The caller keeps all bytes of the current head in one contiguous buffer and calls parse() with the whole of it each time
// more has come; the parser resumes where it stopped (a byte is looked at once) and refuses at the first line that is wrong.
// The buffer may move between calls. When the head is complete, the result's views point into the bytes of that last call.
// Not thread-safe; one parser a connection, reused.
//
// Refused, never repaired (each with the Fault named): a bare CR or LF anywhere in the head [bad_header; bad_request in the
// start line], obs-fold, white space before the colon, an empty or non-token name, controls and NUL in values, a start line that
// is not exactly `method SP target SP HTTP/1.x` (RFC 9112 §3) [bad_request, bad_version for other major versions; 1.2 to 1.9 are read as
// 1.1, RFC 9110 §2.5], more fields than the limit, a target or head over its limit. At most one empty line (CRLF) before a request line is
// skipped (§2.2). Of a response one thing is repaired: white space before a colon is dropped (RFC 9112 §5.1, a MUST for proxies).
//
// After the last line the head is judged whole (RFC 9112 §3.2, §6, §7; RFC 9110 §8.6):
//   Host: exactly one in HTTP/1.1, at most one in 1.0, valid as uri-host[:port]              [bad_host]
//   Content-Length: digits only, one value; a repeated or listed value is refused even if equal, so is an empty one [bad_framing]
//   Transfer-Encoding: exactly `chunked`, once, only in HTTP/1.1, never with Content-Length  [bad_framing]
//   Expect: only `100-continue`                                                                [expectation_failed]
//   Connection: no more names than fields are allowed                                           [too_many_fields]
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/h1/field_section.h"
#include "http/message.h"

namespace portico::http::h1 {

// Bounds of one head, in bytes and counts. The defaults are LANGUAGE.md §7's.
struct HeadLimits {
    uint32_t head = 64 * 1024;    // whole head, start line and the final empty line included [head_too_large]
    uint32_t target = 16 * 1024;  // request target [target_too_long]
    uint32_t fields = 128;        // [too_many_fields]
    bool operator==(const HeadLimits&) const = default;
};

class HeadParser {
  public:
    explicit HeadParser(HeadLimits limits = {}) : limits_(limits) {}

    // @param data  every byte of this head so far, from its first byte; may hold bytes that follow it
    // @returns done when the head is complete: `out` is filled and consumed() says where it ends; more otherwise
    // @errors  the faults above; the parser must be reset before it is used again
    Result<Progress> parse_request(std::string_view data, RequestHead& out);
    // The same for a status line (RFC 9112 §4) and a response's fields. `request` is the method of the request that it answers.
    // All faults of the message are Fault::upstream_protocol or upstream_head_too_large, whose context says which bound: "more than 128
    // fields: headers".
    Result<Progress> parse_response(std::string_view data, Method request, ResponseHead& out);

    // Bytes of `data` that the finished head took.
    size_t consumed() const { return at_; }
    // True once a byte of a head was seen (a timeout before that is an idle connection, not a slow one).
    bool started() const { return at_ > 0; }
    void set_limits(HeadLimits limits) { limits_ = limits; }
    void reset();

  private:
    // The part of the start line that the next byte belongs to; `fields` once the line is complete.
    enum class Part : uint8_t {
        leading, leading_line_feed, method, target, version,  // of a request
        status, status_end, reason, reason_line_feed,         // of a response, which begins with `version` too
        fields,
    };
    struct Span {  // offsets, because the buffer may move between calls
        uint32_t at = 0, size = 0;
        std::string_view in(std::string_view data) const { return data.substr(at, size); }
    };

    template <class ReadLine>
    Result<Progress> advance(std::string_view data, SpaceBeforeColon space, ReadLine&& read_line);
    Result<Progress> request_line(std::string_view head);
    Result<Progress> status_line(std::string_view head);
    void read_usual_status(std::string_view head);
    Result<void> judge_request(std::string_view head, RequestHead& out) const;
    Result<void> judge_response(std::string_view head, Method request, ResponseHead& out) const;
    // Ends the part being read at `at` and begins the next one at `next`.
    Span end_part(size_t at, Part next_part, size_t next);

    HeadLimits limits_;
    size_t at_ = 0;    // the next byte to look at; once done, the head's end
    size_t mark_ = 0;  // where the part being read began
    Part part_ = Part::leading;
    Version version_ = Version::http11;
    char major_ = 0, minor_ = 0;
    int status_ = 0;
    Span method_, target_, reason_;
    FieldSection section_;
};

// Chunked bodies (RFC 9112 §7.1), decoded in place. Strict: 1*HEXDIG sizes of at most 16 digits and below 2^63, CRLF only,
// chunk extensions are parsed and dropped (token[=token|quoted-string] without white space; a body whose extensions outweigh
// its data by more than 4 KiB is refused), trailers are parsed like fields, with the same refusals, and may not be
// Content-Length, Transfer-Encoding or Host (RFC 9110 §6.5.1). Trailers are bounded by 8 KiB and 64 fields.
class ChunkedDecoder {
  public:
    // @param space dropped: it reads responses
    explicit ChunkedDecoder(SpaceBeforeColon space) : space_(space) {}

    struct Step {
        size_t data = 0;      // decoded body bytes, now at the front of the buffer
        size_t consumed = 0;  // bytes of input used; anything after them belongs to the next message (only when done)
        bool done = false;    // the last chunk and the trailers were read
    };
    // Decodes `size` bytes at `bytes`, moving body bytes together at the front. Unless done, all of the input is consumed
    // (what is not body is remembered inside the decoder, within bounds).
    // @errors bad_chunk (malformed), head_too_large or too_many_fields (trailers)
    Result<Step> decode(char* bytes, size_t size);
    // Trailer fields, after done. Views into the decoder's own copy.
    const FieldList& trailers() const { return trailers_; }
    void reset();

  private:
    enum class State : uint8_t {
        size_start, size, size_line_feed,
        name_start, name, value_start, value, quoted, quoted_pair, quoted_end,  // chunk extensions
        data, data_return, data_line_feed, trailers, done,
    };
    // One byte of a chunk's header line. @returns false where it is wrong
    bool header_byte(char c);
    bool size_digit(char c);
    bool extension_byte(char c);
    bool end_extension(char c);
    // Reads trailer bytes, at most to their end. @returns how many it used
    Result<size_t> read_trailers(std::string_view input);

    SpaceBeforeColon space_;
    State state_ = State::size_start;
    uint64_t left_ = 0;  // of the chunk: its size while the header is read, then its bytes still to come
    uint8_t digits_ = 0;
    uint64_t extension_debt_ = 0;  // bytes of extensions that no data has paid for yet
    std::string trailer_text_;
    FieldSection section_;
    FieldList trailers_;
};

}  // namespace portico::http::h1
