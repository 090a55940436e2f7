// YAML 1.2's core schema and the units of the language, as pure functions over text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/document.h"

namespace portico::config {

// What a plain scalar is in YAML 1.2's core schema (§10.3.2): `yes`, `on` and `1_000` are strings.
NodeKind resolve_scalar(std::string_view text);
// The same of a value where a number or a boolean is wanted: in quotes stands there as well what is made of variables alone, for a flow
// mapping takes `${NAME}` in no other way.
NodeKind kind_where_wanted(const Node& node);
bool is_variable_name(std::string_view text);

// "250ms", "60s", "1.5s": us, ms, s, m, h, d. @returns none for anything else, a bare number included
std::optional<Duration> parse_duration(std::string_view text);
// "64KiB", "1MiB", "10MB", "512B". @returns none for anything else
std::optional<uint64_t> parse_size(std::string_view text);
std::string duration_text(Duration d);

}  // namespace portico::config
