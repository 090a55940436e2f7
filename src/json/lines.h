// Newline-delimited JSON (NDJSON, JSON Lines) cut into its lines while it comes: each line is one JSON text. Layer 1.
//
// Decided: a line ends with LF or CR LF; the last one needs no end; empty lines are passed over; a line longer than the bound is a
// fault, seen as soon as that much of it is there. What a line holds is not looked at.
//
// A LineSplitter belongs to one body and one thread. It copies only lines that are cut by the end of a part.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace portico::json {

class LineSplitter {
  public:
    // @param max_line bytes of a line, its end not counted
    explicit LineSplitter(size_t max_line) : max_line_(max_line) {}

    // Gives the next part of the body. `last`: it is the end. `part` must outlive the lines that next() gives.
    // @requires next() has given everything of the part before
    void give(std::string_view part, bool last);
    // The next line that is complete; none: it wants another part, a line is too long, or nothing more may be spent (base/meter.h). The
    // view lives until the next call.
    std::optional<std::string_view> next();
    // A line is longer than may be: nothing more comes.
    bool is_too_long() const { return too_long_; }
    // How many lines were given, so that a fault can name one.
    size_t count() const { return count_; }
    // Bytes of a line that has not ended yet.
    size_t held() const { return held_.size(); }

  private:
    std::optional<std::string_view> cut();
    // @returns whether `line` is one to give: without its CR, not empty and not too long
    bool accept(std::string_view& line);

    size_t max_line_;
    size_t count_ = 0;
    std::string_view rest_;  // of the part
    std::string held_;       // the beginning of a line, from parts before
    bool held_given_ = false;
    bool last_ = false;
    bool too_long_ = false;
};

}  // namespace portico::json
