#include "gateway/path_pattern.h"

#include <algorithm>

#include <re2/re2.h>

#include "base/meter.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

bool is_name(std::string_view s) {
    if (s.empty()) return false;
    for (size_t i = 0; i < s.size(); ++i) {
        const char c = s[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
    }
    return true;
}

// The end of a segment that begins at `at`: the next slash outside of braces, which nest.
size_t segment_end(std::string_view text, size_t at) {
    int depth = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == '\\' && depth > 0) ++at;
        else if (text[at] == '{') ++depth;
        else if (text[at] == '}') --depth;
        else if (text[at] == '/' && depth <= 0) break;
    }
    return std::min(at, text.size());
}

// What `{id?}`, `{*rest}` or `{path...}`, as other gateways write them, was likely meant to be.
std::string likely_segment(std::string_view inner) {
    if (inner.find('*') != std::string_view::npos || inner.find("..") != std::string_view::npos) return "** at the end of a path stands for all that follow; a template names them {**}";
    std::string name;
    for (const char c : inner.substr(0, inner.find(':'))) {
        if (c == '-' || c == '.') name += '_';
        else if (is_name(name + c)) name += c;
    }
    return is_name(name) ? "did you mean {" + name + "}?" : "";
}

// What a path without its slash was likely meant to be. A URL says the host as well.
std::string whole_match(std::string_view text) {
    const size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
    if (scheme == 0) return "/" + std::string(text);
    const std::string_view rest = text.substr(scheme);
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view authority = rest.substr(0, slash);
    const std::string path(slash < rest.size() ? rest.substr(slash) : "/");
    return "match: { host: " + std::string(authority.substr(0, authority.find(':'))) + ", path: " + path + " }";
}

bool parse_parameter(std::string_view inner, PathSegment& into, std::string& fault, CompiledPatterns* compiled) {
    const size_t colon = inner.find(':');
    into.name = inner.substr(0, colon);
    if (!is_name(into.name)) {
        fault = "\"" + into.name + "\" cannot be a parameter's name: letters, digits and _ only";
        return false;
    }
    if (colon == std::string_view::npos) {
        into.kind = PathSegment::Kind::parameter;
        return true;
    }
    into.kind = PathSegment::Kind::pattern;
    into.regex = inner.substr(colon + 1);
    if (compiled != nullptr) {
        if (const auto known = compiled->find(into.regex); known != compiled->end()) {
            into.matcher = known->second;
            return true;
        }
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto matcher = std::make_shared<re2::RE2>(into.regex, options);
    if (into.regex.empty() || !matcher->ok()) {
        fault = "the pattern of {" + into.name + "} is not a regular expression (RE2): " +
                (into.regex.empty() ? "it is empty" : matcher->error());
        return false;
    }
    into.matcher = std::move(matcher);
    if (compiled != nullptr) compiled->emplace(into.regex, into.matcher);
    return true;
}

}  // namespace

bool segment_matches(const re2::RE2& matcher, std::string_view encoded) {
    if (!Meter::spend(1 + encoded.size() / 8)) return false;
    if (encoded.find('%') == std::string_view::npos) {
        return re2::RE2::FullMatch(re2::StringPiece(encoded.data(), encoded.size()), matcher);
    }
    Arena arena;
    const std::string_view decoded = http::decode_segment(encoded, arena);
    return re2::RE2::FullMatch(re2::StringPiece(decoded.data(), decoded.size()), matcher);
}

std::optional<PathPattern> PathPattern::parse(std::string_view text, std::string& fault, std::string& hint, CompiledPatterns* compiled) {
    PathPattern p;
    p.text_ = text;
    if (!text.starts_with('/')) {
        fault = "a path begins with \"/\"";
        hint = "did you mean " + whole_match(text) + "?";
        return std::nullopt;
    }
    if (text.find('?') != std::string_view::npos && text.find('{') == std::string_view::npos) {
        fault = "a path ends before its \"?\"";
        hint = "conditions on the query stand under match: query";
        return std::nullopt;
    }
    for (size_t at = 1; at <= text.size();) {
        const size_t end = segment_end(text, at);
        const std::string_view segment = text.substr(at, end - at);
        at = end + 1;
        if (p.open_) {
            fault = "\"**\" stands last in a path";
            return std::nullopt;
        }
        if (segment == "**" || segment == "{**}") {
            p.open_ = true;
            continue;
        }
        PathSegment s;
        if (segment.starts_with('{') && segment.ends_with('}')) {
            const std::string_view inner = segment.substr(1, segment.size() - 2);
            if (!parse_parameter(inner, s, fault, compiled)) {
                if (!is_name(s.name)) hint = likely_segment(inner);
                return std::nullopt;
            }
            for (const PathSegment& before : p.segments_) {
                if (before.name != s.name || before.kind == PathSegment::Kind::fixed) continue;
                fault = "the parameter {" + s.name + "} stands twice in this path";
                return std::nullopt;
            }
        } else if (segment.find_first_of("{}") != std::string_view::npos) {
            fault = "a parameter fills a whole segment: \"" + std::string(segment) + "\" is part text, part braces";
            hint = "use a pattern, such as {name:[a-z]+\\.json}";
            return std::nullopt;
        } else if (segment.find('*') != std::string_view::npos) {
            fault = "\"*\" matches nothing in a path";
            hint = "a parameter {name} stands for one segment, ** at the end for all that follow";
            return std::nullopt;
        } else {
            s.text = segment;
        }
        p.segments_.push_back(std::move(s));
    }
    // A path that no request can have after normalisation would never match.
    for (size_t i = 0; i + (p.open_ ? 0 : 1) < p.segments_.size(); ++i) {
        if (p.segments_[i].kind != PathSegment::Kind::fixed || !p.segments_[i].text.empty()) continue;
        fault = "two slashes in a row are one before a path is matched: no request's path can hold them";
        hint = "write one";
        return std::nullopt;
    }
    for (const PathSegment& s : p.segments_) {
        if (s.kind != PathSegment::Kind::fixed || s.text.empty()) continue;
        Arena arena;
        const std::string whole = "/" + s.text;
        const auto normal = http::normalise_path(whole, arena);  // perhaps a view of its input
        if (!normal || normal->text.substr(1) != s.text) {
            fault = "\"" + s.text + "\" is not in normal form: no request's path can hold it";
            if (normal && normal->text.size() > 1) hint = "did you mean " + std::string(normal->text.substr(1)) + "?";
            return std::nullopt;
        }
    }
    for (const PathSegment& s : p.segments_) {
        p.shape_ += '/';
        switch (s.kind) {
            case PathSegment::Kind::fixed: p.shape_ += s.text; break;
            case PathSegment::Kind::pattern: p.shape_ += "{:}"; break;
            case PathSegment::Kind::parameter: p.shape_ += "{}"; break;
        }
    }
    if (p.open_) p.shape_ += "/**";
    return p;
}

bool PathPattern::holds_separator() const {
    return std::ranges::any_of(segments_, [](const PathSegment& s) {
        if (s.kind != PathSegment::Kind::fixed) return false;
        constexpr std::string_view kEncoded[] = {"%2F", "%5C", "%3B", "%3F", "%23", ";"};
        return std::ranges::any_of(kEncoded, [&](std::string_view e) { return s.text.find(e) != std::string::npos; });
    });
}

bool PathPattern::matches(std::string_view path) const {
    size_t i = 0;
    bool good = true;
    for_each_segment(path, [&](std::string_view segment) {
        if (!good) return;
        if (i >= segments_.size()) {
            good = open_;
            return;
        }
        const PathSegment& s = segments_[i++];
        switch (s.kind) {
            case PathSegment::Kind::fixed: good = s.text == segment; break;
            case PathSegment::Kind::pattern: good = !segment.empty() && segment_matches(*s.matcher, segment); break;
            case PathSegment::Kind::parameter: good = !segment.empty(); break;
        }
    });
    return good && i == segments_.size();
}

}  // namespace portico::gateway
