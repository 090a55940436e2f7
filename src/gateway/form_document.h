// Forms as JSON and back, so that one kind of template and edit serves both. Layer 4: over http/form and json/.
//
// Decided: a form is an object of texts, its names in the order of their first; a name that stands there more than once is a list
// of its texts. Back: texts, numbers and booleans are written as they are, a list as one pair for each element, `null` as no pair;
// an object inside, or a list in a list, is a fault. A pair of the form as it came whose name and text are still the same keeps its
// bytes and its place, whatever they mean (`Andr%E9` is no UTF-8); but for one that other readers take for something else: several
// pairs by a `;`, or another character by a `%` that begins no escape.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "json/document.h"

namespace portico::gateway {

// Appends `form` as JSON text. Bytes that are not UTF-8 become U+FFFD. @returns false where it has more than `max_pairs` pairs
bool append_form_as_json(std::string& out, std::string_view form, size_t max_pairs = 1000);
// Appends the form of an object. @param came the form that it was made of, if it was
// @param decided names that were removed or set: no pair leaves that a service may read as one of them in another spelling
// (`Role`, `role[]`)
// @errors which value no form can hold, and why, such as "`a` is an object"
std::expected<void, std::string> append_json_as_form(std::string& out, json::Value object, std::string_view came = {},
                                                       std::span<const std::string> decided = {});

}  // namespace portico::gateway
