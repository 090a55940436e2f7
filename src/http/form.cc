#include "http/form.h"

#include "http/characters.h"
#include "http/metered_text.h"
#include "http/uri.h"

namespace portico::http {
namespace {

void append_encoded(std::string& out, std::string_view text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    MeteredText metered(text);
    for (size_t i = 0; i < text.size() && metered.reaches(i); ++i) {
        const char c = text[i];
        if (c == ' ') {
            out += '+';
        } else if ((is(kUnreservedChar, c) && c != '~') || c == '*') {
            out += c;
        } else {
            const auto byte = static_cast<uint8_t>(c);
            const char triple[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
            out.append(triple, sizeof triple);
        }
    }
}

}  // namespace

std::optional<std::vector<FormPair>> parse_form(std::string_view text, size_t max_pairs) {
    std::vector<FormPair> pairs;
    bool fits = true;
    for_each_pair(text, [&](std::string_view name, std::string_view value, std::string_view) {
        fits = fits && pairs.size() < max_pairs;
        if (fits) pairs.push_back({decode_query_value(name), decode_query_value(value)});
        return fits;
    });
    if (!fits) return std::nullopt;
    return pairs;
}

void append_form_pair(std::string& out, size_t begin, std::string_view name, std::string_view value) {
    if (out.size() != begin) out += '&';
    append_encoded(out, name);
    out += '=';
    append_encoded(out, value);
}

}  // namespace portico::http
