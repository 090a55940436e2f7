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

// Some programs take a NUL for the end, and brackets for a place in a list: what stands before the first of them is the name, or what
// stands between them where one comes first (`[name]` and `name]` to Rack, `[name]` to qs).
bool is_spelling_of(std::string_view text, std::string_view name) {
    constexpr std::string_view kBrackets = "[]";
    text = text.substr(0, text.find('\0'));
    if (is_same_name(text, name)) return true;
    const size_t begin = text.find_first_not_of(kBrackets);
    if (begin == std::string_view::npos) return false;
    text.remove_prefix(begin);
    return is_same_name(text.substr(0, text.find_first_of(kBrackets)), name);
}

bool is_name_character(char c) { return all_are(kTokenChar, {&c, 1}); }

void append_utf8(std::string& out, unsigned unit) {
    if (unit < 0x80) {
        out += static_cast<char>(unit);
        return;
    }
    if (unit < 0x800) {
        out += static_cast<char>(0xC0 | unit >> 6);
    } else {
        out += static_cast<char>(0xE0 | unit >> 12);
        out += static_cast<char>(0x80 | (unit >> 6 & 0x3F));
    }
    out += static_cast<char>(0x80 | (unit & 0x3F));
}

// The UTF-16 unit of a `%uXXXX` at `at`, or -1.
int wide_escape_at(std::string_view text, size_t at) {
    if (text.size() - at < 6 || text[at] != '%' || ascii_lower(text[at + 1]) != 'u') return -1;
    int unit = 0;
    for (const char c : text.substr(at + 2, 4)) {
        const int digit = hex_value(c);
        if (digit < 0) return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

// decode_query_value(), and `%uXXXX` as ASP.NET decodes it.
std::string decode_name(std::string_view text) {
    std::string out;
    MeteredText metered(text);
    size_t plain = 0;
    for (size_t at = text.find('%'); at < text.size() && metered.reaches(at); at = text.find('%', at)) {
        const int unit = wide_escape_at(text, at);
        if (unit < 0) {
            ++at;
            continue;
        }
        out += decode_query_value(text.substr(plain, at - plain));
        append_utf8(out, static_cast<unsigned>(unit));
        plain = at += 6;
    }
    return out.append(decode_query_value(text.substr(plain)));
}

// How a list of pairs is read.
struct CookieSyntax {
    static constexpr char kSeparator = ';', kFurther = ',';
    static constexpr bool kBlanksSeparate = true;
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
        const std::string decoded = decode_name(written);
        return is_spelling_of(trimmed(decoded, around), name);
    }
};
struct QuerySyntax {
    static constexpr char kSeparator = '&', kFurther = ';';
    static constexpr bool kBlanksSeparate = false;
    static std::string_view begin(std::string_view pair) { return pair; }
    static bool is_named(std::string_view written, std::string_view name) {
        if (written == name) return true;
        const std::string decoded = decode_name(written);
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

// Where the next part begins that white space parts from the text at `from`, or npos; what begins with a `=` goes on with the part
// before it.
size_t next_part(std::string_view text, size_t from) {
    constexpr std::string_view kBlanks = " \t";
    size_t at = text.find_first_not_of(kBlanks, from);
    do {
        at = text.find_first_not_of(kBlanks, std::min(text.find_first_of(kBlanks, at), text.size()));
    } while (at != std::string_view::npos && text[at] == '=');
    return at;
}

template <class F>
void for_each_later_part(std::string_view text, size_t at, F&& f) {
    while (at != std::string_view::npos) {
        const size_t next = next_part(text, at);
        const std::string_view part = text.substr(at, next - at);
        if (!Meter::spend(1 + Meter::steps_of(part.size()))) return;
        f(part);
        at = next;
    }
}

template <class Syntax>
void count_in(std::string_view text, std::string_view name, Presented& into) {
    const auto found = [&](std::string_view pair) {
        if (into.count++ == 0) into.first = value_of(Syntax::begin(pair));
    };
    const auto count_parts = [&](std::string_view piece, bool named) {
        const size_t second = next_part(piece, 0);
        if (second == std::string_view::npos) return;
        const std::string_view head = piece.substr(0, second);
        if (!named && is_named<Syntax>(head, name)) found(head);
        for_each_later_part(piece, second, [&](std::string_view part) {
            if (is_named<Syntax>(part, name)) found(part);
        });
    };
    for_each_part(text, Syntax::kSeparator, [&](std::string_view pair) {
        bool first = true;
        for_each_part(pair, Syntax::kFurther, [&](std::string_view piece) {
            const bool named = is_named<Syntax>(piece, name);
            if (named) found(first ? pair : piece);
            if constexpr (Syntax::kBlanksSeparate) count_parts(piece, named);
            first = false;
        });
    });
}

// Whether the text, or what stands in it before white space, is the credential.
template <class Syntax>
bool begins_with(std::string_view piece, std::string_view name) {
    if (is_named<Syntax>(piece, name)) return true;
    if constexpr (!Syntax::kBlanksSeparate) return false;
    const size_t second = next_part(piece, 0);
    return second != std::string_view::npos && is_named<Syntax>(piece.substr(0, second), name);
}

// Appends the parts of a piece that are not the credential. @returns false where nothing of it is left
template <class Syntax>
bool append_parts(std::string& out, std::string_view piece, std::string_view name) {
    if (is_named<Syntax>(piece, name)) return false;
    const size_t second = Syntax::kBlanksSeparate ? next_part(piece, 0) : std::string_view::npos;
    if (second == std::string_view::npos) {
        out += piece;
        return true;
    }
    const size_t before = out.size();
    bool value_follows = false;
    const auto keep = [&](std::string_view part) {
        const bool is_value = std::exchange(value_follows, false);
        if (is_named<Syntax>(part, name)) value_follows = trim_ows(part).ends_with('=');
        else if (!is_value) out += part;
    };
    keep(piece.substr(0, second));
    for_each_later_part(piece, second, keep);
    // What is left may be the name again, by the white space within it: a part of it stood between.
    const std::string_view left = std::string_view(out).substr(before);
    if (!left.empty() && !is_named<Syntax>(left, name)) return true;
    out.resize(before);
    return false;
}

// Appends `pair` without the credential. @returns false where nothing of it is left
template <class Syntax>
bool append_rest(std::string& out, std::string_view pair, std::string_view name) {
    // Where the pair itself is the credential, all of it is its value.
    if (begins_with<Syntax>(pair.substr(0, pair.find(Syntax::kFurther)), name)) return false;
    bool any = false;
    for_each_part(pair, Syntax::kFurther, [&](std::string_view piece) {
        const size_t before = out.size();
        if (any) out += Syntax::kFurther;
        if (append_parts<Syntax>(out, piece, name)) any = true;
        else out.resize(before);
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
