// The order in which both kinds of head are read: start line, fields, limits. Only the parser's own sources include
// this.
#pragma once

#include "http/h1/parser.h"

namespace portico::http::h1 {

// read_line(head) reads the start line; afterwards at_ stands behind it.
template <class ReadLine>
Result<Progress> HeadParser::advance(std::string_view data, SpaceBeforeColon space, ReadLine&& read_line) {
    // Nothing past the limit is looked at, so that a head is judged alike however its bytes arrive.
    const std::string_view head = data.substr(0, limits_.head);
    if (part_ != Part::fields) {
        const Result<Progress> line = read_line(head);
        if (!line) return line;
        if (*line == Progress::done) section_.reset(at_);
    }
    if (part_ == Part::fields) {
        const Result<Progress> fields = section_.parse(head, limits_.fields, space);
        if (!fields) return fields;
        at_ = section_.end();
        if (*fields == Progress::done) return Progress::done;
    }
    if (head.size() == limits_.head) return fail(Fault::head_too_large);
    return Progress::more;
}

inline HeadParser::Span HeadParser::end_part(size_t at, Part next_part, size_t next) {
    const Span ended{static_cast<uint32_t>(mark_), static_cast<uint32_t>(at - mark_)};
    part_ = next_part;
    mark_ = at_ = next;
    return ended;
}

}  // namespace portico::http::h1
