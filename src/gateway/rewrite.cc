#include "gateway/rewrite.h"

#include <algorithm>

#include "gateway/exchange.h"
#include "gateway/templates/field_value.h"
#include "gateway/templates/template_slips.h"
#include "http/credential.h"
#include "http/uri.h"

namespace portico::gateway {

std::string_view stripped_prefix(std::string_view client_path, std::string_view sent_path, bool rest_is_empty) {
    if (sent_path.size() >= client_path.size() && !rest_is_empty) return {};
    if (client_path.ends_with(sent_path)) return client_path.substr(0, client_path.size() - sent_path.size());
    const std::string_view without_slash = sent_path.substr(0, sent_path.size() - 1);
    const bool lost = rest_is_empty && sent_path.ends_with('/') && client_path.ends_with(without_slash);
    return lost ? client_path.substr(0, client_path.size() - without_slash.size()) : std::string_view{};
}

// It is asked before the path is normalised, which would follow it.
bool has_dot_segment(std::string_view path) {
    bool found = false;
    const size_t start = path.find('/');
    if (start == std::string_view::npos) return false;
    for (size_t at = start + 1; at <= path.size() && !found;) {
        size_t end = path.find('/', at);
        if (end == std::string_view::npos) end = path.size();
        std::string_view s = path.substr(at, end - at);
        at = end + 1;
        int dots = 0;
        while (!s.empty()) {
            if (s.front() == '.') s.remove_prefix(1);
            else if (s.size() >= 3 && s[0] == '%' && s[1] == '2' && (s[2] == 'e' || s[2] == 'E')) s.remove_prefix(3);
            else break;
            ++dots;
        }
        found = s.empty() && (dots == 1 || dots == 2);
    }
    return found;
}

namespace {

// What is written of a query, as it is sent: what may not stand in one is encoded. Told of controls, which nobody means.
std::string written_query(const config::Scope& scope, const config::Text& whole, std::string_view text) {
    std::string out;
    for (const char& c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 0x20 || u == 0x7F) {
            scope.error(whole.mark, "bad-path", "a query holds no control characters", line_break_hint(whole.value, whole.literal));
            break;
        }
        if (c == '#') {
            scope.error(whole.mark, "bad-path", "a query has no fragment (\"#\")", "write %23 for the character");
            break;
        }
        // Brackets may not stand there either (RFC 3986 §3.4), and services know `a[]` by them.
        if (u == 0x20 || u >= 0x80 || std::string_view("\"<>\\^`{|}").contains(c)) http::encode_segment({&c, 1}, out);
        else out += c;
    }
    return out;
}

Error too_long(Fault blame = Fault::value_refused) { return {blame, "values of the path or the query have more than " + std::to_string(kMostTargetValues) + " bytes"}; }

}  // namespace

std::vector<TargetTemplate::Pair> TargetTemplate::split_query(const std::vector<TemplatePart>& parts) {
    std::vector<std::vector<TemplatePart>> pieces(1);
    for (const TemplatePart& part : parts) {
        if (part.source != Source::literal) {
            pieces.back().push_back(part);
            continue;
        }
        std::string_view text = part.text;
        for (;;) {
            const size_t amp = text.find('&');
            if (amp != 0 && !text.empty()) pieces.back().push_back({Source::literal, std::string(text.substr(0, amp)), 0});
            if (amp == std::string_view::npos) break;
            pieces.emplace_back();
            text.remove_prefix(amp + 1);
        }
    }
    std::vector<Pair> pairs;
    for (auto& piece : pieces) {
        if (piece.empty()) continue;
        Pair pair;
        if (piece[0].source == Source::literal) {
            const std::string& first = piece[0].text;
            const size_t eq = first.find('=');
            pair.name = http::decode_query_value(std::string_view(first).substr(0, eq));
            if (eq + 1 == first.size() && piece.size() == 2 && piece[1].source != Source::literal) pair.value = Template({piece[1]});
        } else if (piece.size() == 1) {
            pair.is_query = piece[0].source == Source::query;
            pair.value = Template({piece[0]});
        }
        pair.whole = Template(std::move(piece));
        pairs.push_back(std::move(pair));
    }
    return pairs;
}

TargetTemplate TargetTemplate::parse(const config::Scope& scope, const config::Text& text, TemplatePlace place) {
    TargetTemplate t;
    place.query = true;
    const Template whole = Template::parse(scope, text, place);
    if (whole.parts().empty()) return t;
    std::vector<TemplatePart> path, query;
    for (const TemplatePart& part : whole.parts()) {
        if (t.has_query_) {
            query.push_back(part);
            if (part.source == Source::literal) query.back().text = written_query(scope, text, part.text);
            continue;
        }
        if (part.source == Source::query) {
            scope.error(text.mark, "unknown-value", "{query} stands behind a \"?\"", "\"…?{query}\"");
            return t;
        }
        const size_t mark = part.source == Source::literal ? part.text.find('?') : std::string::npos;
        if (mark == std::string::npos) {
            path.push_back(part);
            continue;
        }
        t.has_query_ = true;
        if (mark > 0) path.push_back({Source::literal, part.text.substr(0, mark), 0});
        if (mark + 1 < part.text.size()) query.push_back({Source::literal, written_query(scope, text, std::string_view(part.text).substr(mark + 1)), 0});
    }
    if (path.empty() || path[0].source != Source::literal || path[0].text[0] != '/') {
        scope.error(text.mark, "bad-path", "a path begins with \"/\"", "did you mean \"/" + text.value + "\"?");
        return t;
    }
    // What came from the environment is text, and told by nobody.
    if (text.literal) t.as_written_.clear();
    else if (place.deferred) t.as_written_ = whole.parts();
    else warn_of_path_slips(scope, text.mark, whole.parts(), place.parameters, place.rest);
    std::string fixed;
    for (const TemplatePart& part : path) fixed += part.source == Source::literal ? part.text : "x";
    Arena arena;
    const auto judged = http::normalise_path(fixed, arena);
    if (!judged || has_dot_segment(fixed)) {
        scope.error(text.mark, "bad-path", "no such path may be sent: it holds a dot segment, a control or a bad \"%\"");
    } else if (fixed.find('#') != std::string::npos) {
        scope.error(text.mark, "bad-path", "a path has no fragment (\"#\")", "write %23 for the character");
    } else if (fixed.starts_with("//")) {
        scope.error(text.mark, "bad-path", "a path that begins with \"//\" is refused: some take it for another host");
    }
    t.claims_in_path_ = std::ranges::any_of(path, [](const TemplatePart& p) { return p.source == Source::claim; });
    // A path needs each of its values, and a query's pair without one is left out: told as of a path (LANGUAGE.md §4).
    if (t.claims_in_path_ && place.identity && !place.guaranteed) (void)Template::parse(scope, text, place.of_path());
    t.answers_in_path_ = std::ranges::any_of(path, [](const TemplatePart& p) { return p.from_answer; });
    t.plain_rest_ = path.size() == 2 && path[0].text == "/" && path[1].source == Source::rest;
    // One without values is not judged again for each request: it is kept as it is sent.
    if (judged && path.size() == 1) path[0].text = judged->text;
    t.path_ = Template(std::move(path));
    t.pairs_ = split_query(query);
    return t;
}

bool TargetTemplate::check_place(const PlaceValues& in_path, const PlaceValues& in_query, config::Mark mark, const config::Scope& scope) const {
    warn_of_path_slips(scope, mark, as_written_, &in_path.parameters, std::ranges::find(in_path.parameters, kRest) != in_path.parameters.end());
    return path_.check_place(in_path, mark, scope) &&
           std::ranges::all_of(pairs_, [&](const Pair& p) { return p.whole.check_place(in_query, mark, scope); });
}

bool TargetTemplate::reads(size_t root) const {
    return path_.reads(root) || std::ranges::any_of(pairs_, [&](const Pair& p) { return p.whole.reads(root); });
}

std::vector<TemplatePart> TargetTemplate::parts() const {
    std::vector<TemplatePart> all = path_.parts();
    for (const Pair& pair : pairs_) all.insert(all.end(), pair.whole.parts().begin(), pair.whole.parts().end());
    return all;
}

bool TargetTemplate::names_call(size_t call) const {
    return path_.names_call(call) || std::ranges::any_of(pairs_, [&](const Pair& p) { return p.whole.names_call(call); });
}

Result<http::NormalPath> TargetTemplate::build_path(const Values& values, bool encoded_allow, Arena& arena) const {
    if (plain_rest_) {
        const std::string_view rest = values.encoded(path_.parts()[1]);
        if (rest.starts_with('/')) return fail(Fault::bad_rewrite, "the path would begin with //");
        // What precedes the rest in the normal path is its slash.
        if (rest.empty()) return http::NormalPath{"/"};
        return http::NormalPath{{rest.data() - 1, rest.size() + 1}, values.exchange->view.ambiguous};
    }
    if (path_.is_literal()) return http::NormalPath{path_.literal_text()};
    auto built = build_values(values, encoded_allow, arena, {});
    if (built || (!claims_in_path_ && !answers_in_path_)) return built;
    // Where the path would be good without its claims, it was one of them, and not the request, that spoilt it; and so with
    // answers.
    if (claims_in_path_ && build_values(values, encoded_allow, arena, {.claims = true})) {
        return fail(Fault::claim_refused, built.error().context);
    }
    if (answers_in_path_ && build_values(values, encoded_allow, arena, {.claims = true, .answers = true})) {
        return fail(Error::told(Fault::answer_mapping, built.error().context, "A value of an answer cannot be put into a path in a safe form."));
    }
    return built;
}

Result<http::NormalPath> TargetTemplate::build_values(const Values& values, bool encoded_allow, Arena& arena, Harmless harmless) const {
    std::string built;
    size_t given = 0;
    for (const TemplatePart& part : path_.parts()) {
        switch (part.source) {
            case Source::literal: built += part.text; break;
            case Source::rest: built += values.encoded(part); break;
            case Source::parameter: built += values.encoded(part); break;
            default: {
                if ((harmless.claims && part.source == Source::claim) || (harmless.answers && part.from_answer)) {
                    built += 'x';
                    break;
                }
                if (values.is_compound(part)) return fail(compound_error(part));
                const auto value = values.get(part, arena);
                if (!value || value->empty()) return fail(Fault::value_refused, name_of(part) + " is empty or missing, and the path needs it");
                given += value->size();
                if (given > kMostTargetValues) return fail(too_long());
                http::encode_segment(*value, built);
            }
        }
    }
    if (built.starts_with("//")) return fail(Fault::bad_rewrite, "the path would begin with //");
    if (has_dot_segment(built)) return fail(Fault::bad_rewrite, "a value would make a dot segment");
    auto normal = http::normalise_path(built, arena);
    if (!normal) return fail(Fault::bad_rewrite, normal.error().context);
    if (normal->ambiguous && !encoded_allow) return fail(Fault::bad_rewrite, "an encoded slash, or its kind");
    return http::NormalPath{arena.copy(normal->text), normal->ambiguous};
}

bool TargetTemplate::overrides(std::string_view pair) const {
    return std::ranges::any_of(pairs_, [&](const Pair& p) { return !p.is_query && !p.name.empty() && http::bears_name(pair, p.name); });
}

Result<void> TargetTemplate::build_query(const Values& values, std::string& out) const {
    Arena arena;
    size_t given = 0;
    const auto joint = [&] {
        if (!out.empty()) out += '&';
    };
    for (const Pair& pair : pairs_) {
        if (pair.is_query) {
            http::for_each_pair(values.exchange->view.query, [&](std::string_view, std::string_view, std::string_view whole) {
                if (overrides(whole)) return;
                joint();
                out += whole;
            });
            continue;
        }
        if (const TemplatePart* part = pair.whole.compound(values)) {
            return fail(compound_error(*part));
        }
        if (pair.value.is_single() && !values.get(pair.value.parts()[0], arena)) continue;
        joint();
        for (const TemplatePart& part : pair.whole.parts()) {
            if (part.source == Source::literal) {
                out += part.text;
            } else if (const auto value = values.get(part, arena)) {
                given += value->size();
                if (given > kMostTargetValues) return fail(too_long(blame_of(part)));
                http::encode_query_value(*value, out);
            }
        }
    }
    return {};
}

Result<TargetParts> TargetTemplate::build(const Values& values, bool encoded_allow, Arena& arena) const {
    auto path = build_path(values, encoded_allow, arena);
    if (!path) return fail(std::move(path).error());
    TargetParts out;
    out.path = path->text;
    out.ambiguous = path->ambiguous;
    if (!has_query_) {
        out.query = values.exchange->view.query;
        out.has_query = values.exchange->view.has_query;
        return out;
    }
    std::string query;
    if (auto built = build_query(values, query); !built) return fail(std::move(built).error());
    out.query = arena.copy(query);
    out.has_query = !query.empty();
    return out;
}

}  // namespace portico::gateway
