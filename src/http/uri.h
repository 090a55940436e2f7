// Request targets and paths: RFC 9112 §3.2, RFC 3986. One normal form, in which a path is both matched and forwarded
// (LANGUAGE.md §2). Layer 1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/arena.h"
#include "base/meter.h"
#include "base/result.h"
#include "http/message.h"

namespace portico::http {

enum class TargetForm : uint8_t { origin, absolute, authority, asterisk };

struct Target {
    TargetForm form = TargetForm::origin;
    std::string_view scheme;     // absolute-form only: "http" or "https" (any case in, lower out)
    std::string_view authority;  // absolute and authority forms: host[:port] as it came
    std::string_view path;       // as it came; "/" where absolute-form has none
    std::string_view query;      // without "?"; as it came
    bool has_query = false;
};

// Takes a request target apart. Origin-form for every method; absolute-form (http, https; userinfo refused); authority-form
// with CONNECT only; `*` with OPTIONS only. A fragment ("#"), a control, a space or a byte above 0x7E is refused.
// @errors bad_target
Result<Target> parse_target(std::string_view target, Method method);

struct NormalPath {
    std::string_view text;  // begins with "/"; in the arena, or the input itself where nothing had to change
    // An encoded `/ \ ; ? #`, a raw `\` or a raw `;` is in there: refused with 400 unless the route says `encoded: allow`.
    bool ambiguous = false;
};

// What becomes of several slashes in a row: one, or bad_path.
enum class Slashes : uint8_t { merge, refuse };

// LANGUAGE.md §2: several slashes made one, then unreserved characters decoded, hex digits in capitals, bytes that a path may not hold
// encoded, dot segments removed (RFC 3986 §5.2.4, encoded dots included). Refused always: a bad `%`, NUL or another control
// (raw or encoded), and afterwards any segment of which a part (decoded, split at `/` and `\`, each cut at its first `;`)
// is `.` or `..`.
// @errors bad_path
Result<NormalPath> normalise_path(std::string_view path, Arena& arena, Slashes slashes = Slashes::merge);

// What a lenient service does first to a path such as "/a;x%2Fy": it decodes it and drops what follows a `;` in each segment ("/a/y"), or
// it drops that before it decodes ("/a").
enum class LenientOrder : uint8_t { decode_first, drop_first };

// A normal path as such a service might read it, which decodes slashes and backslashes, drops parameters, and merges slashes.
std::string_view lenient_path(std::string_view normal, LenientOrder order, Arena& arena);

// The decoded form of a normal path's piece ("%2F" becomes "/"). The input itself where there is nothing to decode.
std::string_view decode_segment(std::string_view text, Arena& arena);
// `text` (decoded) as one path segment: all but unreserved, sub-delims, ":" and "@" is encoded (RFC 3986 §3.3) — and so are
// "/", "%" and ";", at which some services cut a segment. Appends.
void encode_segment(std::string_view text, std::string& out);
// application/x-www-form-urlencoded value (space as %20, all but unreserved encoded). Appends.
void encode_query_value(std::string_view text, std::string& out);
// Decodes one form-encoded name or value ("+" is a space). A bad "%" stays as it is.
std::string decode_query_value(std::string_view text);

// Calls f(name, value, pair) for each `&`-separated pair of a query, undecoded; empty pairs are skipped; no `=` gives an empty value.
// An `f` that returns a bool ends it by false. What it takes is told to the Meter, which may end it too: a form may be a long body.
template <class F>
void for_each_pair(std::string_view query, F&& f) {
    for (size_t at = 0; at < query.size();) {
        size_t end = query.find('&', at);
        if (end == std::string_view::npos) end = query.size();
        const std::string_view pair = query.substr(at, end - at);
        at = end + 1;
        if (!Meter::spend(Meter::steps_of(pair.size()))) return;
        if (pair.empty()) continue;
        const size_t eq = pair.find('=');
        const std::string_view name = pair.substr(0, eq), value = eq == std::string_view::npos ? std::string_view{} : pair.substr(eq + 1);
        if constexpr (std::is_same_v<decltype(f(name, value, pair)), bool>) {
            if (!f(name, value, pair)) return;
        } else {
            f(name, value, pair);
        }
    }
}

// The host of `host[:port]` for matching: lower case, without port and without the last dot; IPv6 keeps its brackets.
// Empty for "". @requires a valid authority, or "": as a head's parser has found it
std::string_view host_of(std::string_view authority, Arena& arena);
bool is_valid_authority(std::string_view authority);
// The digits of its port, empty where there is none. @requires it is valid
std::string_view port_of(std::string_view authority);
// Whether both name one authority of that scheme ("http" or "https"): hosts without case, its default port, an empty one and none are
// equal. @requires both are valid  @spec RFC 3986 §6.2.3, RFC 9110 §4.2.3
bool is_same_authority(std::string_view a, std::string_view b, std::string_view scheme);

}  // namespace portico::http
