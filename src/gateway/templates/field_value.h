// A template as the value of a header, a cookie or a query pair: what may stand there, and whose fault it is where it may not
// (LANGUAGE.md §4). Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "gateway/templates/template_string.h"
#include "http/fields.h"

namespace portico::gateway {

enum class ValuePlace : uint8_t {
    header,  // no control characters
    cookie,  // what a cookie's value may hold (RFC 6265 §4.1.1)
    any,     // it will be encoded
};

// Parses a template that will be such a value. What is written in it, in the file or in a variable of the environment, must be able to
// stand there: a line break in a constant would begin a header of its own. Faults go to `scope` at the text's mark.
Template parse_field(const config::Scope& scope, const config::Text& text, const TemplatePlace& place, ValuePlace where);
// Judges a constant that will stand there by itself. @returns false after a fault
bool check_field(const config::Scope& scope, config::Mark mark, std::string_view text, ValuePlace where, bool of_environment = false);

// Where a constant ends in a line break that a variable of the environment brought along: what to do about it. Else empty.
std::string line_break_hint(std::string_view text, bool of_environment);

// The longest value of a header or cookie that a template makes, in bytes. A body may hold longer texts, and no service takes them there.
inline constexpr size_t kMostFieldValue = 64 << 10;
// The most that values put into a target, in bytes: into path and query of a template together, and into the pairs of a call together.
inline constexpr size_t kMostTargetValues = 64 << 10;

// The template's text. @returns none where it is nothing but one {…} without a value: the pair is left out
// @param what for the log, such as "the header X-Tenant"
// @errors of the first part that cannot stand there: claim_refused, value_refused, answer_mapping
Result<std::optional<std::string_view>> value_text(const Template& text, const Values& values, ValuePlace place, std::string_view what, Arena& arena);

// The lines that a header's value makes which is nothing but a header field of a response (Template::is_response_field), in the order
// in which they came: values such as those of Set-Cookie cannot be joined (RFC 9110 §5.3). Several of Cookie become one (RFC 9113 §8.2.3).
// @param name of the header that they become
// @errors as value_text
Result<std::vector<std::string_view>> response_lines(std::string_view name, const Template& text, const Values& values, Arena& arena);

// Adds the field that the template makes, and none where it is nothing but one {…} without a value. One that is nothing but a
// header field of a response gives a field line for each that came.
// @returns whether something was added
// @errors as value_text
Result<bool> add_field(std::string_view name, const Template& text, const Values& values, http::FieldList& fields, Arena& arena);

}  // namespace portico::gateway
