#include "json/plan/number.h"

namespace portico::json {
namespace {

// @returns how many digits `text` begins with
size_t digits(std::string_view text) {
    size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
    return n;
}

}  // namespace

bool is_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    const size_t whole = digits(text);
    if (whole == 0 || (whole > 1 && text[0] == '0')) return false;
    text.remove_prefix(whole);
    if (text.starts_with('.')) {
        const size_t fraction = digits(text.substr(1));
        if (fraction == 0) return false;
        text.remove_prefix(1 + fraction);
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
        const size_t exponent = digits(text);
        if (exponent == 0) return false;
        text.remove_prefix(exponent);
    }
    return text.empty();
}

}  // namespace portico::json
