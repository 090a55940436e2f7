#include <algorithm>

#include "base/text.h"
#include "http/h1/advance.h"
#include "http/h1/framing.h"
#include "http/h1/parser.h"
#include "http/scan.h"
#include "http/uri.h"

namespace portico::http::h1 {
namespace {

// Longer than any registered method by far; bounds what a peer can make us keep before its first space.
constexpr size_t kMaxMethod = 64;

std::unexpected<Error> bad_line(std::string_view what) {
    return fail(Fault::bad_request, what);
}

}  // namespace

void HeadParser::reset() {
    at_ = mark_ = 0;
    part_ = Part::leading;
    section_.reset();
}

Result<Progress> HeadParser::parse_request(std::string_view data, RequestHead& out) {
    const Result<Progress> progress = advance(data, SpaceBeforeColon::refused, [this](std::string_view head) { return request_line(head); });
    if (!progress || *progress == Progress::more) return progress;
    if (auto judged = judge_request(data, out); !judged) return fail(std::move(judged).error());
    return Progress::done;
}

Result<Progress> HeadParser::request_line(std::string_view head) {
    const char* const begin = head.data();
    const char* const end = begin + head.size();
    while (at_ < head.size()) {
        const char c = head[at_];
        switch (part_) {
            case Part::leading:
                if (c != '\r') {
                    end_part(at_, Part::method, at_);
                    break;
                }
                end_part(at_, Part::leading_line_feed, at_ + 1);
                break;
            case Part::leading_line_feed:
                if (c != '\n') return bad_line("bare CR");
                end_part(at_, Part::method, at_ + 1);
                break;
            case Part::method: {
                const char* const stop = begin + std::min(head.size(), mark_ + kMaxMethod + 1);
                const char* const p = find_token_end(begin + at_, stop);
                at_ = static_cast<size_t>(p - begin);
                if (at_ - mark_ > kMaxMethod) return fail(Fault::bad_method, "too long");
                if (p == end) break;
                if (*p != ' ' || at_ == mark_) return bad_line("method");
                method_ = end_part(at_, Part::target, at_ + 1);
                break;
            }
            case Part::target: {
                const char* const stop = begin + std::min(head.size(), mark_ + limits_.target + size_t{1});
                const char* const p = find_target_end(begin + at_, stop);
                at_ = static_cast<size_t>(p - begin);
                if (at_ - mark_ > limits_.target) return fail(Fault::target_too_long);
                if (p == end) break;
                if (*p != ' ' || at_ == mark_) return bad_line("request target");
                target_ = end_part(at_, Part::version, at_ + 1);
                break;
            }
            default: {
                static constexpr std::string_view kLine = "HTTP/d.d\r\n";
                const size_t i = at_ - mark_;
                // Nearly always it is this one, and here whole.
                if (i == 0 && head.substr(at_).starts_with("HTTP/1.1\r\n")) {
                    at_ += kLine.size();
                    version_ = Version::http11;
                    part_ = Part::fields;
                    return Progress::done;
                }
                const bool digit = kLine[i] == 'd';
                if (digit ? c < '0' || c > '9' : c != kLine[i]) return bad_line("version");
                if (i == 5) major_ = c;
                if (i == 7) minor_ = c;
                ++at_;
                if (i + 1 < kLine.size()) break;
                if (major_ != '1') return fail(Fault::bad_version);
                // A later minor version is read as the highest one that is known here (RFC 9110 §2.5).
                version_ = minor_ != '0' ? Version::http11 : Version::http10;
                part_ = Part::fields;
                return Progress::done;
            }
        }
    }
    return Progress::more;
}

Result<void> HeadParser::judge_request(std::string_view head, RequestHead& out) const {
    out.clear();
    out.method_text = method_.in(head);
    out.method = method_of(out.method_text);
    out.target = target_.in(head);
    out.version = version_;

    FramingFields framing;
    uint32_t hosts = 0;
    bool has_connection = false;
    bool has_upgrade = false;
    bool expects = false;
    bool unknown_expectation = false;
    for (const FieldSection::Line& line : section_.lines()) {
        const Field& field = out.fields.add(line.name(head), line.value(head), line.id);
        switch (field.id) {
            case FieldName::host:
                ++hosts;
                out.host = field.value;
                break;
            case FieldName::connection: has_connection = true; break;
            case FieldName::upgrade: has_upgrade = true; break;
            case FieldName::expect:
                expects = true;
                unknown_expectation |= !iequals(field.value, "100-continue");
                break;
            case FieldName::content_length:
            case FieldName::transfer_encoding:
            case FieldName::other: framing.see(field); break;
            default: break;
        }
    }

    if (hosts > 1) return fail(Fault::bad_host, "more than one Host");
    if (hosts == 0 && version_ == Version::http11) return fail(Fault::bad_host, "no Host");
    if (hosts == 1 && !is_valid_authority(out.host)) return fail(Fault::bad_host, "not a host and port");
    if (out.target.front() != '/') {
        const auto target = parse_target(out.target, out.method);
        if (!target) return fail(target.error());
        if (target->form == TargetForm::absolute) {
            if (hosts == 1 && !is_same_authority(out.host, target->authority, target->scheme)) {
                return fail(Fault::bad_host, "Host differs from the target's authority");
            }
            out.host = target->authority;
        }
    }
    const auto body = framing.judge(version_);
    if (!body) return fail(Fault::bad_framing);
    out.body = *body;
    if (unknown_expectation) return fail(Fault::expectation_failed);

    if (has_connection) read_connection(out.fields, out.connection);
    // Each is compared with each field on the way out: 30,000 names in one head would cost milliseconds.
    if (out.connection.names.size() > limits_.fields) return fail(Fault::too_many_fields, "names in Connection");
    out.keep_alive = stays_open(version_, out.connection);
    // RFC 9110 §10.1.1 and §7.8: neither means anything in HTTP/1.0; who sends no content waits for nothing.
    const bool has_content = out.body.framing == Framing::chunked || out.body.length > 0;
    out.expect_continue = expects && has_content && version_ == Version::http11;
    out.upgrade = has_upgrade && out.connection.upgrade && version_ == Version::http11;
    return {};
}

}  // namespace portico::http::h1
