#include "gateway/templates/template_parser.h"

#include <algorithm>
#include <ranges>

#include "base/text.h"
#include "gateway/managed_headers.h"
#include "gateway/templates/document_paths.h"

namespace portico::gateway {
namespace {

struct Word {
    std::string_view text;
    Source source;
};
constexpr Word kWords[] = {
    {"client.ip", Source::client_ip},
    {"request.method", Source::request_method},
    {"request.path", Source::request_path},
    {"request.host", Source::request_host},
    {"request.scheme", Source::request_scheme},
    {"request.id", Source::request_id},
};
constexpr Word kErrorWords[] = {
    {"error.title", Source::error_title},   {"error.status", Source::error_status},
    {"error.detail", Source::error_detail}, {"error.code", Source::error_code},
    {"error.request_id", Source::error_request_id},
};

// The name behind a prefix: `header.x`, or `header['odd name']`.
std::optional<std::string_view> member_of(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return std::nullopt;
    text.remove_prefix(prefix.size());
    if (text.size() > 1 && text.front() == '.') return text.substr(1);
    if (text.size() > 4 && text.starts_with("['") && text.ends_with("']")) return text.substr(2, text.size() - 4);
    return std::nullopt;
}

bool is_parameter_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

// The values that a place has, as they are written. Empty where it has none.
std::string known_values(const std::vector<std::string_view>& names, const TemplatePlace& place) {
    std::string text;
    const auto add = [&](std::string_view name) { text.append(" ").append(shown_value(name, place.bare)); };
    std::ranges::for_each(names, add);
    constexpr std::string_view kMembers[] = {"header.NAME", "query.NAME", "cookie.NAME"}, kResponse[] = {"response.status", "response.header.NAME"},
                               kCalls[] = {"calls.NAME.status", "calls.NAME.header.NAME"};
    if (!place.no_request) std::ranges::for_each(kMembers, add);
    if (!place.no_request && (place.identity || place.deferred)) add("claims.NAME");
    if (place.response) std::ranges::for_each(kResponse, add);
    if (place.calls != nullptr) std::ranges::for_each(kCalls, add);
    return text.empty() ? text : "known are" + text;
}

// `claim.sub` and `headers.x`: what has members, in the other number.
std::string likely_member(std::string_view name) {
    constexpr std::string_view kPairs[][2] = {{"claim", "claims"}, {"headers", "header"}, {"cookies", "cookie"}, {"queries", "query"}, {"answer", "response"}, {"request.headers", "header"}, {"request.header", "header"}};
    for (const auto& [wrong, right] : kPairs) {
        if (name.size() > wrong.size() + 1 && name.starts_with(wrong) && name[wrong.size()] == '.') return std::string(right) + std::string(name.substr(wrong.size()));
    }
    return {};
}

// `{user_id}` where the path says `{id}`, or the other way round; a word with another separator; what others call it.
std::string likely_value(std::string_view name, const std::vector<std::string_view>& all, const TemplatePlace& place) {
    std::string dotted(name);
    std::ranges::replace_if(dotted, [](char c) { return c == '_' || c == '-'; }, '.');
    if (std::ranges::find(all, dotted) != all.end()) return dotted;
    struct Alias {
        std::string_view name, meant;
    };
    // The same without its dots.
    const auto is_it = [&](std::string_view word) { return std::ranges::equal(std::views::filter(word, [](char c) { return c != '.'; }), std::views::filter(dotted, [](char c) { return c != '.'; })); };
    if (const auto word = std::ranges::find_if(all, is_it); word != all.end()) return std::string(*word);
    if (const std::string member = place.no_request ? std::string() : likely_member(name); !member.empty()) return member;
    constexpr Alias kAliases[] = {{"remote_addr", "client.ip"}, {"client_addr", "client.ip"}, {"ip", "client.ip"},       {"method", "request.method"},
                                  {"uri", "request.path"},      {"path", "request.path"},     {"host", "request.host"}, {"scheme", "request.scheme"}};
    const auto alias = std::ranges::find(kAliases, name, &Alias::name);
    if (alias != std::end(kAliases) && std::ranges::find(all, alias->meant) != all.end()) return std::string(alias->meant);
    if (place.parameters != nullptr) {
        const auto ends = [](std::string_view whole, std::string_view part) {
            return whole.size() > part.size() && iequals(whole.substr(whole.size() - part.size()), part);
        };
        std::string_view found;
        for (const std::string& p : *place.parameters) {
            if (!ends(name, p) && !ends(p, name)) continue;
            if (!found.empty()) return {};  // which of them is anybody's guess
            found = p;
        }
        if (!found.empty()) return std::string(found);
    }
    return std::string(nearest(name, all.data(), all.size()));
}

class Parser {
  public:
    Parser(const config::Scope& scope, const config::Text& text, const TemplatePlace& place)
        : scope_(scope), text_(text), place_(place) {}

    std::vector<TemplatePart> run() {
        const std::string_view in = text_.value;
        if (in.starts_with("$$")) {
            literal("$");
            return rest_of(in.substr(2));
        }
        if (in.starts_with('$')) {
            document(0, in.size());
            return good_ ? std::move(parts_) : std::vector<TemplatePart>{};
        }
        auto parts = rest_of(in);
        if (good_ && place_.roots != nullptr) warn_of_bare_paths(scope_, text_, place_);
        return parts;
    }

  private:
    std::vector<TemplatePart> rest_of(std::string_view in) {
        for (size_t at = 0; at < in.size() && good_;) {
            if (in.substr(at, 2) == "{{" || in.substr(at, 2) == "}}") {
                literal(in.substr(at, 1));
                at += 2;
                continue;
            }
            if (in[at] != '{') {
                const size_t end = std::min(in.find_first_of("{}", at + 1), in.size());
                literal(in.substr(at, end - at));
                at = end;
                continue;
            }
            const size_t end = closing(in, at);
            if (end == std::string_view::npos) {
                fault("bad-template", "a \"{\" without its \"}\"", "write {{ for a brace");
                break;
            }
            value(in.substr(at + 1, end - at - 1));
            at = end + 1;
        }
        return good_ ? std::move(parts_) : std::vector<TemplatePart>{};
    }

    static size_t closing(std::string_view in, size_t at) {
        char quote = 0;
        for (size_t i = at + 1; i < in.size(); ++i) {
            if (quote != 0 && in[i] == '\\') ++i;
            else if (quote != 0) quote = in[i] == quote ? '\0' : quote;
            else if (in[i] == '\'' || in[i] == '"') quote = in[i];
            else if (in[i] == '}') return i;
        }
        return std::string_view::npos;
    }

    void literal(std::string_view text) {
        if (!parts_.empty() && parts_.back().source == Source::literal) parts_.back().text += text;
        else parts_.push_back({Source::literal, std::string(text), 0});
    }

    void fault(std::string code, std::string message, std::string hint = {}) {
        good_ = false;
        scope_.error(text_.mark, std::move(code), std::move(message), std::move(hint));
    }

    void add(Source source, std::string name = {}, uint32_t slot = 0) { parts_.push_back({source, std::move(name), slot}); }

    void value(std::string_view name) {
        if (place_.error) {
            for (const Word& w : kErrorWords) {
                if (w.text == name) return add(w.source);
            }
        }
        if (name.starts_with('$') && place_.roots != nullptr) {
            return document(static_cast<size_t>(name.data() - text_.value.data()), name.size());
        }
        if (name.starts_with("calls.") && place_.calls != nullptr) return call(name);
        if (name.starts_with("response.") && place_.response) return response(name);
        if (place_.no_request) return unknown(name);
        for (const Word& w : kWords) {
            if (w.text == name) return add(w.source);
        }
        if (name == "**") {
            if (place_.rest || place_.deferred) return add(Source::rest);
            return fault("unknown-value", "{**} has no value here: a path of this route does not end in /**");
        }
        if (name == "query") {
            if (place_.query) return add(Source::query);
            return fault("unknown-value", "{query} stands only in the query of a path: \"/x?a=1&{query}\"",
                         "for one parameter write {query.name}");
        }
        if (name.starts_with("claims.") || name.starts_with("claims[")) return claim(name);
        if (const auto header = member_of(name, "header")) {
            if (place_.reads != nullptr) place_.reads->add(*header, text_.mark, scope_.path());
            return add(Source::header, std::string(*header));
        }
        if (const auto query = member_of(name, "query")) return add(Source::query_value, std::string(*query));
        if (const auto cookie = member_of(name, "cookie")) return add(Source::cookie, std::string(*cookie));
        if (place_.parameters != nullptr) {
            const auto found = std::ranges::find(*place_.parameters, name);
            if (found != place_.parameters->end()) {
                if (place_.uneven != nullptr && std::ranges::find(*place_.uneven, name) != place_.uneven->end()) return fault("uneven-parameters", uneven_parameter(name), kUnevenHint);
                return add(Source::parameter, std::string(name), static_cast<uint32_t>(found - place_.parameters->begin()));
            }
        }
        if (place_.deferred && is_parameter_name(name)) return add(Source::named_parameter, std::string(name));
        unknown(name);
    }

    void claim(std::string_view name) {
        if (!place_.identity && !place_.deferred) return unknown(name);
        std::string why;
        auto path = ClaimPath::parse(name.substr(name[6] == '.' ? 7 : 6), why);
        if (!path) return fault("bad-claim", "{" + std::string(name) + "}: " + why);
        add(Source::claim);
        parts_.back().claim = std::move(path);
    }

    void document(size_t offset, size_t size) {
        auto path = read_path(scope_, text_, offset, size, place_);
        good_ = good_ && path.has_value();
        if (!path) return;
        if (!path->is_singular()) {
            good_ = false;
            scope_.error(mark_within(text_, offset), "bad-template", path->text() + " may select several values, and a text holds one",
                         "name one, such as " + first_of(path->text()) + ", or join them: { get: \"" + path->text() + "\", apply: { join: \", \" } } in a body");
            return;
        }
        add(Source::document, path->shown());
        const std::string& origin = path->shown();
        const bool is_dollar = origin.size() == 1 || origin[1] == '.' || origin[1] == '[';
        parts_.back().from_answer = !is_dollar || place_.answer;
        parts_.back().path = std::make_shared<const json::BoundPath>(*std::move(path));
    }

    // calls.NAME.status, calls.NAME.header.x
    void call(std::string_view name) {
        const std::string_view rest = name.substr(6);
        const size_t dot = rest.find('.');
        const std::string_view call = rest.substr(0, dot);
        const auto found = std::ranges::find(*place_.calls, call);
        const std::string shown = "{" + std::string(name) + "}";
        if (found == place_.calls->end()) {
            const std::vector<std::string_view> all(place_.calls->begin(), place_.calls->end());
            const std::string_view near = nearest(call, all.data(), all.size());
            return fault("unknown-value", shown + ": there is no call \"" + std::string(call) + "\" here",
                         near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?");
        }
        const auto slot = static_cast<uint32_t>(found - place_.calls->begin());
        const std::string_view what = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
        const auto header = member_of(what, "header");
        if (what != "status" && !header) {
            return fault("unknown-value", shown + " names nothing of a call",
                         "{calls." + std::string(call) + ".status}, {calls." + std::string(call) + ".header.x}, or {$" + std::string(call) + ".x} for its body");
        }
        add_of_response(name, header, header ? Source::call_header : Source::call_status, slot);
    }

    // response.status, response.header.x
    void response(std::string_view name) {
        const std::string_view what = name.substr(9);
        const auto header = member_of(what, "header");
        if (what != "status" && !header) {
            return fault("unknown-value", "{" + std::string(name) + "} names nothing of a response", "{response.status}, {response.header.x}, or {$.x} for its body");
        }
        add_of_response(name, header, header ? Source::response_header : Source::response_status, 0);
    }

    void add_of_response(std::string_view name, std::optional<std::string_view> header, Source source, uint32_t slot) {
        // A comma is part of a cookie's date: several that were joined are none that a client could read.
        const bool alone = text_.value.size() == name.size() + 2;
        if (header && http::is_same_name(*header, "set-cookie") && !(place_.field_lines && alone)) {
            return fault("joined-cookies", "several Set-Cookie fields are no one text: {" + std::string(name) + "} stands alone as a header's value, and gives a field for each");
        }
        add(source, header ? std::string(*header) : std::string(), slot);
        parts_.back().from_answer = true;
    }

    void unknown(std::string_view name) {
        const std::string shown = shown_value(name, place_.bare);
        if (name.starts_with("claims.") || name.starts_with("claims[")) {
            return fault("no-identity", shown + " has no value here: no policy of this route guarantees an identity");
        }
        if (name.starts_with("calls.")) return fault("unknown-value", shown + " stands only in an aggregate");
        if (name.starts_with("response.")) return fault("unknown-value", shown + " stands only where a response is changed before its head is sent");
        if (name.starts_with("error.") && !place_.error) return fault("unknown-value", shown + " stands only in errors");
        if (name.starts_with('$')) {
            return fault("unknown-value", shown + " asks a document, and " + (place_.no_body.empty() ? "there is none here" : std::string(place_.no_body)));
        }
        if (name.find('"') != std::string_view::npos || name.find(':') != std::string_view::npos || name.find('\n') != std::string_view::npos) {
            return fault("unknown-value", "this looks like JSON text, and {…} in a text is a template",
                         "write it as a mapping (YAML), or {{ for a brace");
        }
        fault("unknown-value", shown + " names nothing that is known here", unknown_value_hint(name, place_));
    }

    const config::Scope& scope_;
    const config::Text& text_;
    const TemplatePlace& place_;
    std::vector<TemplatePart> parts_;
    bool good_ = true;
};

}  // namespace

std::string shown_value(std::string_view name, bool bare) { return bare ? std::string(name) : "{" + std::string(name) + "}"; }

std::string unknown_value_hint(std::string_view name, const TemplatePlace& place) {
    std::vector<std::string_view> all;
    if (place.parameters != nullptr) all.assign(place.parameters->begin(), place.parameters->end());
    for (const Word& w : kWords) {
        if (!place.no_request) all.push_back(w.text);
    }
    if (place.error) {
        for (const Word& w : kErrorWords) all.push_back(w.text);
    }
    const std::string near = likely_value(name, all, place);
    const std::string known = known_values(all, place);
    const std::string_view brace = place.bare ? "" : "write {{ for a brace";
    const std::string all_known = known.empty() || brace.empty() ? known + std::string(brace) : known + "; " + std::string(brace);
    return near.empty() ? all_known : "did you mean " + shown_value(near, place.bare) + "? (" + all_known + ")";
}

bool is_value_name(std::string_view text, const TemplatePlace& place) {
    if (place.no_request) return false;
    const auto is_it = [&](const Word& w) { return w.text == text; };
    if (std::ranges::any_of(kWords, is_it) || (place.error && std::ranges::any_of(kErrorWords, is_it))) return true;
    if (text == "response.status") return place.response;
    // A name of DNS may begin as these do, so that a dot more is taken for one.
    const auto is_member = [&](std::string_view of, std::string_view more) {
        const auto member = text.starts_with(of) ? std::optional(text.substr(of.size())) : std::nullopt;
        return member && !member->empty() && std::ranges::all_of(*member, [&](char c) { return is_parameter_name({&c, 1}) || more.contains(c); });
    };
    if (is_member("header.", "-") || is_member("query.", "-") || is_member("cookie.", "-")) return true;
    if (is_member("claims.", ".-")) return place.identity || place.deferred;
    if (is_member("response.header.", "-")) return place.response;
    const size_t dot = text.starts_with("calls.") ? text.find('.', 6) : std::string_view::npos;
    return place.calls != nullptr && dot != std::string_view::npos && std::ranges::find(*place.calls, text.substr(6, dot - 6)) != place.calls->end();
}

std::string uneven_parameter(std::string_view name) {
    return "{" + std::string(name) + "} has no value on every path of this route: one of them lacks it";
}

std::vector<TemplatePart> parse_template(const config::Scope& scope, const config::Text& text, const TemplatePlace& place) {
    return Parser(scope, text, place).run();
}

}  // namespace portico::gateway
