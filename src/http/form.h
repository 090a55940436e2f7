// application/x-www-form-urlencoded bodies: names and values, taken apart and written. Layer 1: bytes; which characters they are
// is for who reads them.
//
// Decided, as browsers do it (WHATWG URL §5): pairs are separated by `&`, empty ones are passed over, a pair without `=` has an empty
// value, `+` is a space, a `%` that begins no escape stays as it is. No text is wrong; only their number is bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portico::http {

struct FormPair {
    std::string name;
    std::string value;
    bool operator==(const FormPair&) const = default;
};

// @returns the pairs in order; none where there are more than `max_pairs`
// @spec WHATWG URL §5.1
std::optional<std::vector<FormPair>> parse_form(std::string_view text, size_t max_pairs = 1000);
// Appends a pair, with the `&` before it unless `out` ends at `begin`, where the form begins.
// @spec WHATWG URL §5.2
void append_form_pair(std::string& out, size_t begin, std::string_view name, std::string_view value);

}  // namespace portico::http
