#include "json/path/path_utf8.h"

#include <simdjson.h>

#include <algorithm>

namespace portico::json::detail {

size_t first_bad_utf8(std::string_view text) {
    if (simdjson::validate_utf8(text.data(), text.size())) return text.size();
    size_t at = 0;
    while (at < text.size()) {
        const size_t size = std::min(utf8_size(text[at]), text.size() - at);
        if (!simdjson::validate_utf8(text.data() + at, size)) break;
        at += size;
    }
    return at;
}

}  // namespace portico::json::detail
