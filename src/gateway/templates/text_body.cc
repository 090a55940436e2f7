#include "gateway/templates/text_body.h"

#include "base/text.h"
#include "http/media_type.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

// As text and in a quoted attribute alike.
void append_markup(std::string_view text, std::string& out) {
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
}

bool is_markup(std::string_view type) {
    return http::is_of_type(type, "text/html") || http::is_of_type(type, "text/xml") || http::is_of_type(type, "application/xml") || http::is_of_type(type, "*+xml");
}

bool is_json(std::string_view type) {
    return http::is_of_type(type, "application/json") || http::is_of_type(type, "text/json") || http::is_of_type(type, "*+json");
}

// Without its parameters, as messages name it as well.
std::string_view type_of(const Template& declared) {
    if (!declared.is_literal()) return "a type that is known later";
    const std::string_view type = declared.literal_text();
    return trim_ows(type.substr(0, type.find(';')));
}

}  // namespace

void check_json_type(const config::Scope& scope, config::Mark mark, const Template& declared) {
    const std::string_view type = type_of(declared);
    if (declared.is_literal() && !is_markup(type)) return;
    scope.error(mark, "json-as-markup",
                "this body is made as JSON and is declared as " + (declared.is_literal() ? "\"" + std::string(type) + "\", in which its values would be markup" : std::string(type)),
                "leave Content-Type out, or name a type of JSON, such as application/problem+json");
}

void check_made_type(const config::Scope& scope, config::Mark mark, const Template& declared) {
    const std::string_view type = type_of(declared);
    if (declared.is_literal() && !is_markup(type)) return;
    scope.error(mark, "retyped-body",
                "the route's action makes the body, whose values are written for the type that it has there: as " +
                    (declared.is_literal() ? "\"" + std::string(type) + "\" they would be markup" : std::string(type) + " they may be markup"),
                "say Content-Type in the headers of the action, or transform what a service answers alone");
}

TextBody TextBody::parse(const config::Scope& scope, const config::Text& text, const Template* declared, const TemplatePlace& place) {
    TextBody body(Template::parse(scope, text, place), Escape::none);
    if (declared == nullptr) return body;
    const std::string_view type = type_of(*declared);
    if (declared->is_literal() && is_json(type)) {
        scope.error(text.mark, "json-text", "this body is a text and is declared as JSON: a value in it could be a member of its own",
                    "write the body as a mapping: body: { ok: true, name: \"{query.name}\" }");
    } else if (is_markup(type)) {
        body.escape_ = Escape::markup;
    } else if (http::is_of_type(type, "application/x-www-form-urlencoded")) {
        body.escape_ = Escape::form;
    } else if (!body.is_literal() && !http::is_of_type(type, "text/plain")) {
        scope.error(text.mark, "unescaped-value",
                    "nobody knows how a value is written in a body of the type " + (declared->is_literal() ? "\"" + std::string(type) + "\"" : std::string("that a template gives")),
                    "values may stand in text/plain, text/html, XML (+xml) and forms, and in JSON that is written as a mapping; {{ is a brace");
    }
    return body;
}

void TextBody::render(const Values& values, std::string& out) const {
    if (escape_ == Escape::none) return Template::render(values, out);
    Arena arena;
    for (const TemplatePart& part : parts()) {
        const auto value = values.get(part, arena);
        if (!value) continue;
        if (part.source == Source::literal) out += *value;
        else if (escape_ == Escape::form) http::encode_query_value(*value, out);
        else append_markup(*value, out);
    }
}

}  // namespace portico::gateway
