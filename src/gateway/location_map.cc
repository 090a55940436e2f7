#include "gateway/location_map.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

// A value in its pieces.
struct Reference {
    std::string_view scheme;     // "http", "https"; empty: none is written
    std::string_view authority;  // empty: none is written
    std::string_view path;       // begins with "/"
    std::string_view tail;       // query and fragment
};

// @returns none for what is relative to the request's own path, or is no address of HTTP
std::optional<Reference> parse(std::string_view value) {
    Reference r;
    for (const std::string_view scheme : {"http", "https"}) {
        if (value.size() > scheme.size() + 3 && iequals(value.substr(0, scheme.size()), scheme) && value.substr(scheme.size()).starts_with("://")) {
            r.scheme = scheme;
            value.remove_prefix(scheme.size() + 1);
            break;
        }
    }
    if (value.starts_with("//")) {
        const size_t end = std::min(value.find_first_of("/?#", 2), value.size());
        r.authority = value.substr(2, end - 2);
        if (!http::is_valid_authority(r.authority)) return std::nullopt;
        value.remove_prefix(end);
    } else if (!r.scheme.empty()) {
        return std::nullopt;
    }
    const size_t end = std::min(value.find_first_of("?#"), value.size());
    r.path = value.substr(0, end);
    r.tail = value.substr(end);
    if (r.path.empty() && !r.authority.empty()) r.path = "/";
    return r.path.starts_with('/') ? std::optional(r) : std::nullopt;
}

// One that the service was not sent is another host's. Neither is a scheme that is neither the endpoint's nor the client's: it asks the
// client to change it, and would lead back to the same request without.
bool is_of_service(const Reference& r, const LocationView& view) {
    if (r.authority.empty()) return true;
    const std::string_view own = view.endpoint_tls ? "https" : "http";
    const bool of_client = r.scheme.empty() || r.scheme == view.client_scheme;
    if (!of_client && r.scheme != own) return false;
    return http::is_same_authority(r.authority, view.authority, r.scheme.empty() ? own : r.scheme);
}

bool begins_with_segments(std::string_view path, std::string_view prefix) {
    return !prefix.empty() && path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// Browsers read `//` and `/\` as the beginning of another host, any `\` as a slash, and drop tabs before they look.
bool may_be_sent(std::string_view path) {
    const auto is_visible = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
    return std::ranges::all_of(path, is_visible) && !path.starts_with("//") && !path.contains('\\') && !has_dot_segment(path);
}

}  // namespace

LocationMap::LocationMap(config::LocationMode mode, const TargetTemplate* sent, std::span<const RouteTable::Entry> ways) : mode_(mode), same_(sent == nullptr) {
    if (same_ || mode == config::LocationMode::pass || !compile(*sent)) return;
    // What a path does not send on of its rest cannot be found again.
    const bool lossy = std::ranges::any_of(ways, [&](const RouteTable::Entry& e) { return e.path.open() != sent_.back().rest; });
    if (lossy) sent_.clear();
}

// @returns whether the path can be read back: path parameters that each end with their segment, and `{**}` last
bool LocationMap::compile(const TargetTemplate& sent) {
    if (sent.has_query()) return false;
    std::string text;
    bool in_segment = false;  // a parameter has begun in this segment
    for (const TemplatePart& part : sent.path().parts()) {
        if (!sent_.empty() && sent_.back().rest) return sent_.clear(), false;
        if (part.source == Source::literal) {
            text += part.text;
            if (part.text.contains('/')) in_segment = false;
            continue;
        }
        const bool rest = part.source == Source::rest;
        if (in_segment || (!rest && part.source != Source::parameter) || (rest && !text.ends_with('/'))) return sent_.clear(), false;
        sent_.push_back({std::move(text), rest, part.slot, false});
        text.clear();
        in_segment = true;
    }
    if (sent_.empty() || !sent_.back().rest) sent_.push_back({std::move(text), false, 0, true});
    return true;
}

// Reads a path that the service names as one that it would have been sent. @returns false where it would not
bool LocationMap::take(std::string_view path, Match& found) const {
    std::array<bool, kMaxParameters> seen{};
    for (size_t i = 0; i < sent_.size(); ++i) {
        const Piece& piece = sent_[i];
        // The root of what is below `/x/` is `/x`, as of `/x/**`.
        if (piece.rest && path.size() + 1 == piece.text.size() && piece.text.starts_with(path)) {
            found.rest = {};
            return true;
        }
        if (!path.starts_with(piece.text)) return false;
        path.remove_prefix(piece.text.size());
        if (piece.end) return path.empty();
        if (piece.rest) {
            // With its slash, or a view of nothing there.
            found.rest = {path.data() - 1, path.size() + 1};
            return true;
        }
        const std::string_view after = std::string_view(sent_[i + 1].text);
        const std::string_view beside = after.substr(0, after.find('/'));
        const std::string_view segment = path.substr(0, path.find('/'));
        if (segment.size() <= beside.size() || !segment.ends_with(beside)) return false;
        const std::string_view value = segment.substr(0, segment.size() - beside.size());
        if (seen[piece.slot] && found.values[piece.slot] != value) return false;
        seen[piece.slot] = true;
        found.values[piece.slot] = value;
        path.remove_prefix(value.size());
    }
    return path.empty();
}

std::optional<std::string> LocationMap::client_path(const LocationView& view, std::string_view path) const {
    if (same_) return std::string(path);
    Match found = *view.match;
    if (sent_.empty() || !take(path, found)) return std::nullopt;
    const RouteTable::Entry* const way = found.way;
    std::string made;
    size_t parameter = 0;
    for (const PathSegment& s : way->path.segments()) {
        made += '/';
        if (s.kind == PathSegment::Kind::fixed) {
            made += s.text;
            continue;
        }
        const std::string_view value = found.values[way->slots[parameter++]];
        if (s.matcher != nullptr && !segment_matches(*s.matcher, value)) return std::nullopt;
        made += value;
    }
    if (way->path.open()) made += found.rest;
    if (made.empty()) made = "/";
    // The root of what is below is no path that the route sends: one that is led to from there as well would lead there for ever.
    const bool of_root = way->path.open() && found.rest.data() == nullptr;
    if (of_root && made == view.client_path) return std::nullopt;
    return made;
}

std::optional<std::string> LocationMap::mapped(const LocationView& view, std::string_view value) const {
    const auto r = parse(value);
    if (!r || !is_of_service(*r, view)) return std::nullopt;
    const bool seems_mapped = mode_ == config::LocationMode::automatic && begins_with_segments(r->path, view.prefix);
    auto path = seems_mapped ? std::optional(std::string(r->path)) : client_path(view, r->path);
    if (!path || !may_be_sent(*path)) return std::nullopt;
    path->append(r->tail);
    return path;
}

void LocationMap::apply(const LocationView& view, http::FieldList& fields, Arena& arena) const {
    if (mode_ == config::LocationMode::pass) return;
    for (http::Field& f : fields.all()) {
        const bool names_place = f.id == http::FieldName::location || (f.id == http::FieldName::other && iequals(f.name, "Content-Location"));
        if (!names_place) continue;
        if (const auto path = mapped(view, f.value)) f.value = arena.copy(*path);
    }
}

}  // namespace portico::gateway
