// The field lines of a head or of a trailer section, found one after another: the scanner that requests, responses and
// chunked trailers share. Strict, incremental, without I/O and without meaning: what a field says is judged by its
// owner.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/fields.h"

namespace portico::http::h1 {

enum class Progress : uint8_t { more, done };
// White space between a field's name and its colon. Servers have been made to disagree by it: of a request it is refused. Of a response it
// is dropped, so that nobody behind sees it (RFC 9112 §5.1).
enum class SpaceBeforeColon : uint8_t { refused, dropped };

class FieldSection {
  public:
    // Offsets into the bytes given to parse(), because the buffer may move between calls.
    struct Line {
        uint32_t name_at, name_size, value_at, value_size;
        FieldName id;
        std::string_view name(std::string_view data) const { return data.substr(name_at, name_size); }
        std::string_view value(std::string_view data) const { return data.substr(value_at, value_size); }
    };

    // Forgets everything; the first line begins at offset `at`.
    void reset(size_t at = 0);
    // Goes on where the last call stopped. Each byte is looked at once, and the first wrong one refuses.
    // @param data  the bytes of the last call, and more; shorter than 4 GiB
    // @returns done after the empty line; end() is then behind it
    // @errors  bad_header, too_many_fields
    Result<Progress> parse(std::string_view data, uint32_t max_fields, SpaceBeforeColon space);
    size_t end() const { return at_; }
    std::span<const Line> lines() const { return lines_; }

  private:
    enum class State : uint8_t { line_start, name, space, value, line_feed, last_line_feed };

    State state_ = State::line_start;
    size_t at_ = 0;                                       // the next byte to look at
    uint32_t name_at_ = 0, name_end_ = 0, value_at_ = 0;  // of the line being read
    std::vector<Line> lines_;
};

}  // namespace portico::http::h1
