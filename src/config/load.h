// From a file's text to a Config: parse, substitute, read by the tables, and check what one part says about another. Every fault is
// reported at once. Routes, templates and policies are judged further by gateway/ when the Snapshot is built.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/model.h"
#include "config/schema.h"

namespace portico::config {

struct LoadOptions {
    Environment environment = process_environment();
    std::span<const std::string_view> policy_types;
    // Whoever judges on wants what could be read also after errors, so that every fault is told at once.
    bool keep_faulty = false;
};

// @returns none when there was an error (never without one in `faults`); with keep_faulty only where nothing could be read
std::optional<Config> load(std::string source, std::string file_name, const LoadOptions& options, FaultList& faults);
// What -c names for standard input.
inline constexpr std::string_view kStandardInput = "-";
// The configuration's name as messages show it.
std::string_view shown_name(std::string_view path);
// A configuration's text, without a byte order mark at its beginning. Standard input can be read once.
// @param path  of the file, or kStandardInput
// @returns none with a fault when the file cannot be read
std::optional<std::string> read_file(const std::string& path, FaultList& faults);

// The objects of the language with their rows, from which the two documents are made.
std::vector<ObjectText> describe_language();
// @param policies  the tables of the policies' own folders
std::string json_schema(std::span<const ObjectText> policies);
std::string markdown_reference(std::span<const ObjectText> policies);

}  // namespace portico::config
