#include "gateway/template_string.h"

#include <algorithm>

#include "base/text.h"
#include "gateway/conditions.h"
#include "gateway/exchange.h"
#include "gateway/snapshot.h"
#include "http/uri.h"

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
            fault("bad-template", "a text that begins with \"$\" is a JSONPath, and there is no document here to ask",
                  "write $$ for a text that begins with a dollar");
            return {};
        }
        return rest_of(in);
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
        bool quoted = false;
        for (size_t i = at + 1; i < in.size(); ++i) {
            if (in[i] == '\'') quoted = !quoted;
            else if (in[i] == '}' && !quoted) return i;
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
        if (place_.no_request) return unknown(name);
        for (const Word& w : kWords) {
            if (w.text == name) return add(w.source);
        }
        if (name == "**") {
            if (place_.rest) return add(Source::rest);
            return fault("unknown-value", "{**} has no value here: a path of this route does not end in /**");
        }
        if (name == "query") {
            if (place_.query) return add(Source::query);
            return fault("unknown-value", "{query} stands only in the query of a path: \"/x?a=1&{query}\"",
                         "for one parameter write {query.name}");
        }
        if (name.starts_with("claims.") || name.starts_with("claims[")) return claim(name);
        if (const auto header = member_of(name, "header")) return add(Source::header, std::string(*header));
        if (const auto query = member_of(name, "query")) return add(Source::query_value, std::string(*query));
        if (place_.parameters != nullptr) {
            const auto found = std::ranges::find(*place_.parameters, name);
            if (found != place_.parameters->end()) {
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

    void unknown(std::string_view name) {
        const std::string shown = "{" + std::string(name) + "}";
        if (name.starts_with("claims.") || name.starts_with("claims[")) {
            return fault("no-identity", shown + " has no value here: no policy of this route guarantees an identity");
        }
        if (name.starts_with("calls.")) return fault("unknown-value", shown + " stands only in an aggregate");
        if (name.starts_with("error.") && !place_.error) return fault("unknown-value", shown + " stands only in errors");
        if (name.starts_with('$')) return fault("unknown-value", shown + " asks a document, and there is none here");
        if (name.find('"') != std::string_view::npos || name.find(':') != std::string_view::npos || name.find('\n') != std::string_view::npos) {
            return fault("unknown-value", "this looks like JSON text, and {…} in a text is a template",
                         "write it as a mapping (YAML), or {{ for a brace");
        }
        std::vector<std::string_view> all;
        if (place_.parameters != nullptr) all.assign(place_.parameters->begin(), place_.parameters->end());
        for (const Word& w : kWords) all.push_back(w.text);
        if (place_.error) {
            for (const Word& w : kErrorWords) all.push_back(w.text);
        }
        const std::string_view near = nearest(name, all.data(), all.size());
        fault("unknown-value", shown + " names nothing that is known here",
              near.empty() ? "write {{ for a brace" : "did you mean {" + std::string(near) + "}? (write {{ for a brace)");
    }

    const config::Scope& scope_;
    const config::Text& text_;
    const TemplatePlace& place_;
    std::vector<TemplatePart> parts_;
    bool good_ = true;
};

std::optional<std::string_view> non_empty(std::string_view s) {
    return s.empty() ? std::nullopt : std::optional<std::string_view>(s);
}

}  // namespace

Template Template::literal(std::string text) {
    Template t;
    if (!text.empty()) t.parts_.push_back({Source::literal, std::move(text), 0});
    return t;
}

Template Template::parse(const config::Scope& scope, const config::Text& text, const TemplatePlace& place) {
    // What came from the environment is literal text (LANGUAGE.md §1).
    if (text.literal) return literal(text.value);
    return Template(Parser(scope, text, place).run());
}

Template Template::parse_value(const config::Scope& scope, const config::Text& text, const TemplatePlace& place) {
    config::Text braced = text;
    if (!text.literal && !text.value.starts_with('{')) braced.value = "{" + text.value + "}";
    Template t = parse(scope, braced, place);
    if (text.literal && !text.value.empty()) {
        scope.error(text.mark, "bad-value", "a value of the request is wanted here, such as client.ip or claims.sub");
    }
    return t;
}

bool Template::check_place(const std::vector<std::string>& parameters, bool identity, config::Mark mark, const config::Scope& scope) const {
    for (const TemplatePart& part : parts_) {
        if (part.source == Source::claim && !identity) {
            scope.error(mark, "no-identity", "{claims." + part.claim->text() + "} has no value here: nothing before it on this route guarantees an identity",
                        "put the policy that signs in before it");
            return false;
        }
        if (part.source == Source::named_parameter && std::ranges::find(parameters, part.text) == parameters.end()) {
            scope.error(mark, "unknown-value", "{" + part.text + "} names nothing that is known on this route");
            return false;
        }
    }
    return true;
}

bool Template::names_claims() const {
    return std::ranges::any_of(parts_, [](const TemplatePart& p) { return p.source == Source::claim; });
}

const TemplatePart* Template::compound(const Values& values) const {
    for (const TemplatePart& part : parts_) {
        if (part.source == Source::claim && values.is_compound(part)) return &part;
    }
    return nullptr;
}

bool Values::is_compound(const TemplatePart& part) const {
    return part.source == Source::claim && gateway::is_compound(part.claim->find(exchange->claims));
}

std::string_view Values::encoded(const TemplatePart& part) const {
    const Match& match = exchange->match;
    if (part.source != Source::named_parameter) return part.source == Source::rest ? match.rest : match.values[part.slot];
    const auto& names = exchange->epoch->snapshot->table.rules()[match.route].parameters;
    return match.values[static_cast<size_t>(std::ranges::find(names, part.text) - names.begin())];
}

std::optional<std::string_view> Values::get(const TemplatePart& part, Arena& arena) const {
    switch (part.source) {
        case Source::literal: return part.text;
        case Source::claim: return claim_text(part.claim->find(exchange->claims));
        case Source::parameter:
        case Source::named_parameter:
        case Source::rest: return http::decode_segment(encoded(part), arena);
        case Source::client_ip: return exchange->client_ip;
        case Source::request_method: return exchange->view.method_text;
        case Source::request_path: return exchange->view.path;
        case Source::request_host: return non_empty(exchange->view.host);
        case Source::request_scheme: return exchange->scheme;
        case Source::request_id: return exchange->request_id;
        case Source::header: {
            std::string value;
            if (!header_value(exchange->request.fields, part.text, value)) return std::nullopt;
            return arena.copy(value);
        }
        case Source::query_value: {
            std::string value;
            if (!exchange->view.has_query || !query_value(exchange->view.query, part.text, value)) return std::nullopt;
            return arena.copy(value);
        }
        case Source::query: return exchange->view.query;
        case Source::error_title: return error->title;
        case Source::error_status: return arena.copy(std::to_string(error->status));
        case Source::error_detail: return error->detail;
        case Source::error_code: return error->code;
        case Source::error_request_id: return error->request_id;
    }
    return std::nullopt;
}

void Template::render(const Values& values, std::string& out) const {
    Arena arena;
    for (const TemplatePart& part : parts_) {
        if (const auto value = values.get(part, arena)) out += *value;
    }
}

}  // namespace portico::gateway
