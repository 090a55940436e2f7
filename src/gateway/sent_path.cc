#include "gateway/sent_path.h"

#include <algorithm>

#include "base/text.h"
#include "gateway/probe.h"
#include "http/uri.h"
#include "observe/trace_context.h"

namespace portico::gateway {
namespace {

std::string decoded(std::string_view text) {
    Arena arena;
    return std::string(http::decode_segment(text, arena));
}

// Whether a value that is not the path's own is sent as this text.
bool is_encoded_so(std::string_view text) {
    std::string again;
    http::encode_segment(decoded(text), again);
    return again == text;
}

bool is_host_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

}  // namespace

SentPath SentPath::of(const RouteTable::Entry& entry, const Template* path) {
    SentPath sent(entry);
    size_t parameter = 0;
    for (const PathSegment& s : entry.path.segments()) {
        if (s.kind == PathSegment::Kind::fixed) continue;
        sent.values_.push_back({Source::parameter, s.name, entry.slots[parameter++], &s});
        if (s.kind == PathSegment::Kind::pattern) sent.values_.back().samples = std::make_shared<const std::vector<std::string>>(pattern_samples(s));
    }
    if (path != nullptr) {
        sent.add(path->parts());
        return sent;
    }
    size_t value = 0;
    for (const PathSegment& s : entry.path.segments()) {
        if (s.kind == PathSegment::Kind::fixed) sent.pieces_.push_back({{s.text}, {}});
        else sent.pieces_.push_back({{{}, {}}, {value++}});
    }
    if (entry.path.open()) {
        sent.rest_piece_ = sent.pieces_.size();
        sent.pieces_.push_back({{{}, {}}, {kRest}});
        sent.as_it_came_ = true;
    }
    return sent;
}

// One name has one value, however often a path holds it.
size_t SentPath::value_of(const TemplatePart& part) {
    Value v{part.source, name_of(part), UINT32_MAX};
    switch (part.source) {
        case Source::parameter:
        case Source::named_parameter: {
            const auto found = std::ranges::find_if(values_, [&](const Value& p) {
                return p.segment != nullptr && (part.source == Source::parameter ? p.slot == part.slot : p.name == part.text);
            });
            if (found != values_.end()) return static_cast<size_t>(found - values_.begin());
            v.choice = Choice::others;  // this path lacks it
            break;
        }
        case Source::header:
        case Source::query_value:
        case Source::cookie: v.name = part.text; break;
        case Source::request_host:
            if (!entry_->host.empty() && !entry_->host.starts_with('*')) v.text = entry_->host;
            break;
        case Source::request_id: break;
        case Source::client_ip:
        case Source::request_method:
        case Source::request_path:
        case Source::request_scheme: v.choice = Choice::untold; break;
        case Source::document: v.choice = part.from_answer ? Choice::others : Choice::untold; break;
        default: v.choice = Choice::others; break;
    }
    const auto same = std::ranges::find_if(values_, [&](const Value& o) {
        return o.source == v.source && (v.source == Source::header ? iequals(o.name, v.name) : o.name == v.name);
    });
    if (same != values_.end() && v.choice != Choice::others) return static_cast<size_t>(same - values_.begin());
    values_.push_back(std::move(v));
    return values_.size() - 1;
}

// In normal form, but for what depends on the values beside it.
void SentPath::add_literal(std::string_view text) {
    Arena arena;
    while (!text.empty()) {
        if (text.front() == '/') {
            text.remove_prefix(1);
            const bool again = !pieces_.empty() && pieces_.back().values.empty() && pieces_.back().texts[0].empty();
            if (!again) pieces_.emplace_back();
            continue;
        }
        const std::string_view piece = text.substr(0, text.find('/'));
        text.remove_prefix(piece.size());
        // Behind a letter, so that no dot makes a segment of dots.
        const std::string behind = "/x" + std::string(piece);
        const auto normal = http::normalise_path(behind, arena);
        pieces_.back().texts.back() += normal ? normal->text.substr(2) : piece;
    }
}

void SentPath::add(const std::vector<TemplatePart>& parts) {
    for (const TemplatePart& part : parts) {
        if (part.source == Source::literal) {
            if (pieces_.empty() && !part.text.starts_with('/')) pieces_.emplace_back();
            add_literal(part.text);
            continue;
        }
        if (pieces_.empty()) pieces_.emplace_back();
        if (part.source == Source::rest && !open()) {
            rest_piece_ = pieces_.size() - 1;
            pieces_.back().values.push_back(kRest);
        } else {
            pieces_.back().values.push_back(value_of(part));
        }
        pieces_.back().texts.emplace_back();
    }
    if (pieces_.empty()) pieces_.emplace_back();
}

SentPath::Choice SentPath::choice() const {
    Choice worst = Choice::client;
    for (const Value& v : values_) worst = std::max(worst, v.choice);
    return worst;
}

size_t SentPath::size(size_t rest) const {
    if (!open()) return pieces_.size();
    if (rest > 0) return pieces_.size() + rest - 1;
    return as_it_came_ && pieces_.size() > 1 ? pieces_.size() - 1 : pieces_.size();
}

std::vector<size_t> SentPath::rests_for(size_t wanted) const {
    std::vector<size_t> rests;
    if (!open()) {
        if (size(0) == wanted) rests.push_back(0);
        return rests;
    }
    if (wanted >= size(1)) rests.push_back(wanted - size(1) + 1);
    if (wanted == size(0)) rests.push_back(0);
    return rests;
}

bool SentPath::accepts(const Value& v, std::string_view text) const {
    if (text.empty()) return v.may_be_empty;
    switch (v.source) {
        case Source::parameter: return v.segment == nullptr || v.segment->kind != PathSegment::Kind::pattern || segment_matches(*v.segment->matcher, text);
        case Source::header:
        case Source::query_value: return is_encoded_so(text);
        case Source::cookie: return is_encoded_so(text) && text.find_first_of(";, \"") == std::string_view::npos;
        case Source::request_host: return is_host_text(text) && (entry_->host.empty() || RouteTable::host_matches(entry_->host, text));
        case Source::request_id: return observe::is_valid_request_id(text);
        default: return true;
    }
}

SentPath::Request SentPath::request(const std::vector<Value>& values, size_t rest) const {
    Request r;
    size_t value = 0, number = 0;
    for (const PathSegment& s : entry_->path.segments()) {
        std::string text = s.text;
        if (s.kind != PathSegment::Kind::fixed) {
            const Value& v = values[value++];
            if (v.text) text = *v.text;
            else (void)sample_segment(&s, &s, number, text);
        }
        ++number;
        r.path += "/" + text;
    }
    std::string cookies;
    for (; value < values.size() - rest; ++value) {
        const Value& v = values[value];
        const std::string text = decoded(v.text.value_or("1"));
        if (v.source == Source::header) r.headers.emplace_back(v.name, text);
        else if (v.source == Source::query_value) r.query.emplace_back(v.name, text);
        else if (v.source == Source::request_id) r.headers.emplace_back("X-Request-ID", text);
        else if (v.source == Source::request_host) r.host = v.text.value_or("");
        else if (v.source == Source::cookie) cookies += (cookies.empty() ? "" : "; ") + v.name + "=" + text;
    }
    if (!cookies.empty()) r.headers.emplace_back("Cookie", cookies);
    for (; value < values.size(); ++value) r.path += "/" + values[value].text.value_or("x");
    if (r.path.empty()) r.path = "/";
    return r;
}

}  // namespace portico::gateway
