#include "http/h1/field_section.h"

#include "base/text.h"
#include "http/scan.h"

namespace portico::http::h1 {

void FieldSection::reset(size_t at) {
    state_ = State::line_start;
    at_ = at;
    lines_.clear();
}

Result<Progress> FieldSection::parse(std::string_view data, uint32_t max_fields, SpaceBeforeColon space) {
    const char* const begin = data.data();
    const char* const end = begin + data.size();
    const char* p = begin + at_;
    const auto offset = [&] { return static_cast<uint32_t>(p - begin); };
    while (p != end) {
        switch (state_) {
            case State::line_start:
                if (*p == '\r') {
                    ++p;
                    state_ = State::last_line_feed;
                    break;
                }
                if (*p == ' ' || *p == '\t') return fail(Fault::bad_header, "line that begins with white space");
                if (!is(kTokenChar, *p)) return fail(Fault::bad_header, "field name");
                if (lines_.size() >= max_fields) return fail(Fault::too_many_fields);
                name_at_ = offset();
                state_ = State::name;
                [[fallthrough]];
            case State::name:
                p = find_token_end(p, end);
                if (p == end) break;
                name_end_ = offset();
                state_ = State::space;
                [[fallthrough]];
            case State::space:
                if (space == SpaceBeforeColon::dropped) {
                    while (p != end && (*p == ' ' || *p == '\t')) ++p;
                    if (p == end) break;
                }
                if (*p != ':') return fail(Fault::bad_header, "field name");
                ++p;
                value_at_ = offset();
                state_ = State::value;
                [[fallthrough]];
            case State::value:
                p = find_control(p, end);
                if (p == end) break;
                if (*p != '\r') return fail(Fault::bad_header, "control in a field value");
                ++p;
                state_ = State::line_feed;
                if (p == end) break;
                [[fallthrough]];
            case State::line_feed: {
                if (*p != '\n') return fail(Fault::bad_header, "bare CR");
                ++p;
                const auto size = static_cast<uint32_t>(offset() - 2 - value_at_);
                const std::string_view value = trim_ows(data.substr(value_at_, size));
                lines_.emplace_back(name_at_, name_end_ - name_at_, static_cast<uint32_t>(value.data() - begin),
                                    static_cast<uint32_t>(value.size()),
                                    field_name(data.substr(name_at_, name_end_ - name_at_)));
                state_ = State::line_start;
                break;
            }
            case State::last_line_feed:
                if (*p != '\n') return fail(Fault::bad_header, "bare CR");
                at_ = offset() + 1;
                return Progress::done;
        }
    }
    at_ = data.size();
    return Progress::more;
}

}  // namespace portico::http::h1
