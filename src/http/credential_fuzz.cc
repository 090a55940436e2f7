// Whatever is taken off is gone in every spelling, what has no credential keeps its bytes, and nothing is added.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "http/credential.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace portico;
    const std::string text(reinterpret_cast<const char*>(data), size);
    Arena arena;

    const size_t in_query = http::presented_in_query(text, "token").count;
    const std::string_view query = http::without_pairs(text, "token", arena);
    PORTICO_CHECK(http::presented_in_query(query, "token").count == 0);
    PORTICO_CHECK(in_query == 0 ? query == text : query.size() < text.size());

    http::FieldList fields;
    fields.add("Cookie", text);
    fields.add("X_Token", text);
    const size_t in_cookies = http::presented_in_cookies(fields, "token").count;
    http::remove_cookies(fields, "token", arena);
    PORTICO_CHECK(http::presented_in_cookies(fields, "token").count == 0);
    const http::Field* left = fields.find(http::FieldName::cookie);
    PORTICO_CHECK(in_cookies == 0 ? left != nullptr && left->value == text : left == nullptr || left->value.size() < text.size());
    if (const auto behind = http::behind_scheme(text, "Bearer")) PORTICO_CHECK(text.ends_with(*behind));
    http::remove_headers(fields, "X-Token");
    PORTICO_CHECK(http::presented_in_headers(fields, "x-token").count == 0);
    return 0;
}
