#include "http/h1/advance.h"
#include "http/h1/framing.h"
#include "http/h1/parser.h"
#include "http/scan.h"

namespace portico::http::h1 {
namespace {

std::unexpected<Error> bad(std::string_view what) {
    return fail(Fault::upstream_protocol, what);
}

// The scanner names faults as a client's; here they are the upstream's.
Error as_upstream_fault(Error error, const HeadLimits& limits) {
    if (error.fault == Fault::head_too_large) return {Fault::upstream_head_too_large, "more than " + std::to_string(limits.head) + " bytes: head"};
    if (error.fault == Fault::too_many_fields) return {Fault::upstream_head_too_large, "more than " + std::to_string(limits.fields) + " fields: headers"};
    error.fault = Fault::upstream_protocol;
    return error;
}

}  // namespace

Result<Progress> HeadParser::parse_response(std::string_view data, Method request, ResponseHead& out) {
    const Result<Progress> progress = advance(data, SpaceBeforeColon::dropped, [this](std::string_view head) { return status_line(head); });
    if (!progress) return fail(as_upstream_fault(progress.error(), limits_));
    if (*progress == Progress::more) return progress;
    if (auto judged = judge_response(data, request, out); !judged) return fail(std::move(judged).error());
    return Progress::done;
}

// "HTTP/1.1 200 ": nearly always the line begins like this, and is here. Anything else is judged byte by byte.
void HeadParser::read_usual_status(std::string_view head) {
    constexpr size_t kSize = 13;
    if (head.size() < kSize || !head.starts_with("HTTP/1.1 ") || head[kSize - 1] != ' ') return;
    const auto digit = [&](size_t at) { return static_cast<unsigned>(head[at] - '0'); };
    if (digit(9) < 1 || digit(9) > 5 || digit(10) > 9 || digit(11) > 9) return;
    version_ = Version::http11;
    status_ = static_cast<int>(digit(9) * 100 + digit(10) * 10 + digit(11));
    part_ = Part::reason;
    mark_ = at_ = kSize;
}

Result<Progress> HeadParser::status_line(std::string_view head) {
    if (part_ == Part::leading) {
        part_ = Part::version;
        status_ = 0;
        read_usual_status(head);
    }
    while (at_ != head.size()) {
        const char c = head[at_];
        switch (part_) {
            case Part::version: {
                static constexpr std::string_view kVersion = "HTTP/1.d ";
                const bool digit = at_ == 7;
                if (digit ? c < '0' || c > '9' : c != kVersion[at_]) return bad("version");
                // A later minor version is read as the highest one that is known here (RFC 9110 §2.5).
                if (digit) version_ = c != '0' ? Version::http11 : Version::http10;
                ++at_;
                if (at_ == kVersion.size()) end_part(at_, Part::status, at_);
                break;
            }
            case Part::status:
                if (c < '0' || c > '9') return bad("status code");
                status_ = status_ * 10 + (c - '0');
                ++at_;
                if (at_ - mark_ < 3) break;
                if (status_ < 100 || status_ > 599) return bad("status code");
                end_part(at_, Part::status_end, at_);
                break;
            case Part::status_end:
                // The space before an empty reason is often forgotten; nothing can be mistaken for it.
                if (c != ' ' && c != '\r') return bad("status code");
                end_part(at_, Part::reason, c == ' ' ? at_ + 1 : at_);
                break;
            case Part::reason: {
                const char* const p = find_control(head.data() + at_, head.data() + head.size());
                at_ = static_cast<size_t>(p - head.data());
                if (at_ == head.size()) break;
                if (*p != '\r') return bad("control in the reason phrase");
                reason_ = end_part(at_, Part::reason_line_feed, at_ + 1);
                break;
            }
            default:
                if (c != '\n') return bad("bare CR");
                end_part(at_, Part::fields, at_ + 1);
                return Progress::done;
        }
    }
    return Progress::more;
}

Result<void> HeadParser::judge_response(std::string_view head, Method request, ResponseHead& out) const {
    out.clear();
    out.status = status_;
    out.reason = reason_.in(head);
    out.version = version_;

    FramingFields framing;
    bool has_connection = false;
    bool has_upgrade = false;
    for (const FieldSection::Line& line : section_.lines()) {
        const Field& field = out.fields.add(line.name(head), line.value(head), line.id);
        framing.see(field);
        has_connection |= field.id == FieldName::connection;
        has_upgrade |= field.id == FieldName::upgrade;
    }
    const auto declared = framing.judge(version_);
    if (!declared) return bad("length of the body");
    if (!never_has_body(status_, request)) {
        out.body = *declared;
        if (out.body.framing == Framing::none) out.body.framing = Framing::until_close;
    }
    if (has_connection) read_connection(out.fields, out.connection);
    if (out.connection.names.size() > limits_.fields) return bad("too many names in Connection");
    out.keep_alive = out.body.framing != Framing::until_close && stays_open(version_, out.connection);
    out.upgrade = has_upgrade && out.connection.upgrade;
    return {};
}

}  // namespace portico::http::h1
