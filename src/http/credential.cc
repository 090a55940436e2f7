#include "http/credential.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/meter.h"
#include "base/text.h"
#include "http/characters.h"
#include "http/metered_text.h"
#include "http/uri.h"

namespace portico::http {
namespace {

template <class Drop>
std::string_view trimmed(std::string_view text, Drop&& drop) {
    size_t begin = 0, end = text.size();
    MeteredText forwards(text), backwards(text);
    while (begin < end && forwards.reaches(begin) && drop(text[begin])) ++begin;
    while (end > begin && backwards.reaches(text.size() - end) && drop(text[end - 1])) --end;
    return text.substr(begin, end - begin);
}

// Some programs take a NUL for the end, and what follows a `[` for a place in a list.
bool is_spelling_of(std::string_view text, std::string_view name) {
    text = text.substr(0, text.find('\0'));
    return is_same_name(text, name) || is_same_name(text.substr(0, text.find('[')), name);
}

bool is_name_character(char c) { return all_are(kTokenChar, {&c, 1}); }

// How a list of pairs is read.
struct CookieSyntax {
    static constexpr char kSeparator = ';', kFurther = ',';
    // Some drop a name that is empty, and read the next one.
    static std::string_view begin(std::string_view pair) {
        while (!pair.empty() && !is_name_character(pair.front())) pair.remove_prefix(1);
        return pair;
    }
    static bool is_named(std::string_view written, std::string_view name) {
        const auto around = [](char c) { return !is_name_character(c); };
        written = trimmed(written, around);
        if (is_spelling_of(written, name)) return true;
        if (written.find_first_of("%+") == std::string_view::npos) return false;
        const std::string decoded = decode_query_value(written);
        return is_spelling_of(trimmed(decoded, around), name);
    }
};
struct QuerySyntax {
    static constexpr char kSeparator = '&', kFurther = ';';
    static std::string_view begin(std::string_view pair) { return pair; }
    static bool is_named(std::string_view written, std::string_view name) {
        if (written == name) return true;
        const std::string decoded = decode_query_value(written);
        return is_spelling_of(trimmed(decoded, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '?'; }), name);
    }
};

// It ends where nothing more may be spent: a form is a body, and may have millions of parts.
template <class F>
void for_each_part(std::string_view text, char separator, F&& f) {
    for (;;) {
        const size_t end = text.find(separator);
        if (!Meter::spend(1 + Meter::steps_of(std::min(end, text.size())))) return;
        f(text.substr(0, end));
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

template <class Syntax>
bool is_named(std::string_view pair, std::string_view name) {
    pair = Syntax::begin(pair);
    return Syntax::is_named(pair.substr(0, pair.find('=')), name);
}

std::string_view value_of(std::string_view begun) {
    const size_t equals = begun.find('=');
    return equals == std::string_view::npos ? std::string_view{} : begun.substr(equals + 1);
}

template <class Syntax>
void count_in(std::string_view text, std::string_view name, Presented& into) {
    const auto found = [&](std::string_view pair) {
        if (into.count++ == 0) into.first = value_of(Syntax::begin(pair));
    };
    for_each_part(text, Syntax::kSeparator, [&](std::string_view pair) {
        bool first = true;
        for_each_part(pair, Syntax::kFurther, [&](std::string_view piece) {
            if (is_named<Syntax>(piece, name)) found(first ? pair : piece);
            first = false;
        });
    });
}

// Appends `pair` without the credential. @returns false where nothing of it is left
template <class Syntax>
bool append_rest(std::string& out, std::string_view pair, std::string_view name) {
    if (pair.find(Syntax::kFurther) == std::string_view::npos) {
        if (is_named<Syntax>(pair, name)) return false;
        out += pair;
        return true;
    }
    // Where the pair itself is the credential, all of it is its value.
    if (is_named<Syntax>(pair.substr(0, pair.find(Syntax::kFurther)), name)) return false;
    bool any = false;
    for_each_part(pair, Syntax::kFurther, [&](std::string_view piece) {
        if (is_named<Syntax>(piece, name)) return;
        if (std::exchange(any, true)) out += Syntax::kFurther;
        out += piece;
    });
    return any;
}

template <class Syntax>
std::string rest_of(std::string_view text, std::string_view name) {
    std::string out;
    bool any = false;
    for_each_part(text, Syntax::kSeparator, [&](std::string_view pair) {
        const size_t before = out.size();
        if (any) out += Syntax::kSeparator;
        if (append_rest<Syntax>(out, pair, name)) any = true;
        else out.resize(before);
    });
    return out;
}

}  // namespace

Presented presented_in_headers(const FieldList& fields, std::string_view name) {
    Presented p;
    for (const Field& f : fields) {
        if (!is_same_name(f.name, name)) continue;
        if (p.count++ == 0) p.first = f.value;
    }
    return p;
}

Presented presented_in_cookies(const FieldList& fields, std::string_view name) {
    Presented p;
    for (const Field& f : fields) {
        if (f.id == FieldName::cookie) count_in<CookieSyntax>(f.value, name, p);
    }
    p.first = trim_ows(p.first);
    return p;
}

Presented presented_in_query(std::string_view query, std::string_view name) {
    Presented p;
    count_in<QuerySyntax>(query, name, p);
    return p;
}

std::optional<std::string_view> behind_scheme(std::string_view value, std::string_view scheme) {
    std::string_view rest = value;
    while (!rest.empty() && !is_name_character(rest.front())) rest.remove_prefix(1);
    if (rest.size() < scheme.size() || !iequals(rest.substr(0, scheme.size()), scheme)) return std::nullopt;
    const bool apart = rest.size() != value.size();
    rest.remove_prefix(scheme.size());
    if (!rest.empty() && is_name_character(rest.front())) return std::nullopt;
    if (apart) return value;
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    return rest;
}

void remove_headers(FieldList& fields, std::string_view name) {
    fields.remove_if([&](const Field& f) { return is_same_name(f.name, name); });
}

void remove_cookies(FieldList& fields, std::string_view name, Arena& arena) {
    bool emptied = false;
    for (Field& f : fields.all()) {
        if (f.id != FieldName::cookie) continue;
        Presented here;
        count_in<CookieSyntax>(f.value, name, here);
        if (here.count == 0) continue;
        f.value = trim_ows(arena.copy(rest_of<CookieSyntax>(f.value, name)));
        emptied |= f.value.empty();
    }
    if (emptied) fields.remove_if([](const Field& f) { return f.id == FieldName::cookie && f.value.empty(); });
}

std::string_view without_pairs(std::string_view query, std::string_view name, Arena& arena) {
    if (presented_in_query(query, name).count == 0) return query;
    return arena.copy(rest_of<QuerySyntax>(query, name));
}

}  // namespace portico::http
