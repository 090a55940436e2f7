// What a configuration says and nobody is shown: secrets by the table that reads them, by the name of their key, and passwords in URLs.
// Where a line of the file, a message or what a request becomes is shown, these are asterisks or the name that stands for them
// (LANGUAGE.md §1). Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/document.h"
#include "config/fault.h"

namespace portico::config {

// What stands in the place of a secret that has no name.
inline constexpr std::string_view kInsteadOfSecret = "…";

// Whether a key says by its name that its value is a secret, whatever table it stands in: `password`, `client_secret`, `Authorization`.
bool names_a_secret(std::string_view key, std::string_view value);
// Each character an asterisk, but for `${NAME}`, which says where a secret comes from. A variable's default is asterisks.
std::string asterisks_but_names(std::string_view text);
// Whether a key of the language has secrets as its value, by its name or by what the language puts there.
bool may_hold_secrets(std::string_view key);
// Where the secret begins in a text that was meant as a key and its value, which YAML does not part without a space behind the colon:
// `secret:hunter2`, `secret = hunter2`, `secret hunter2`. @param is_key  it stands where a key does, and has no value
// @returns npos in any other
size_t secret_behind_word(std::string_view text, bool is_key);
// The text with what stands before the `@` of each URL's authority as asterisks, one for each character.
std::string without_passwords(std::string_view text);
// A line of a file that is no YAML: what stands behind keys that name secrets is asterisks, and so is a line that belongs to such a key.
// @param number  of the line, 1-based; `lines` are the file's
std::string without_written_secrets(std::span<const std::string_view> lines, size_t number);
// Marks every value below `node` as a secret, with what a variable stands for if it is not set. Names (`${NAME}`, `{ file: … }`) are shown.
void conceal(FaultList& faults, const Node& node);

}  // namespace portico::config
