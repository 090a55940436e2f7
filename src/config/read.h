// Readers of single values: each says what was expected where the text is something else. Used in the tables' rows.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/model.h"
#include "config/schema.h"

namespace portico::config {

// What a `{` means in a text.
enum class Braces : uint8_t {
    refused,   // Nothing. The text is no template and would be used as it is, so a `{` is a fault (LANGUAGE.md §5).
    notation,  // A template's values, a pattern's parameters, or what a regular expression, a condition or a JSONPath makes of it.
};
// Judges a text that is no template. What came from the environment may hold any character. @returns false after a fault, code no-template
bool check_no_braces(const Scope& scope, const Node& node);
// The same for a key, which never comes from the environment.
bool check_no_braces(const Scope& scope, Mark mark, std::string_view key);
// A scalar's text as it stands, whatever it is.
Text text_of(const Node& node);
std::optional<std::string> read_string(const Scope& scope, const Node& node, std::string_view what = "text", Braces braces = Braces::refused);
std::optional<Text> read_text(const Scope& scope, const Node& node, std::string_view what = "text", Braces braces = Braces::refused);
// The name of a file, relative to the configuration's folder. @returns it with its path
std::optional<Text> read_file_name(const Scope& scope, const Node& node, std::string_view what);
std::optional<bool> read_bool(const Scope& scope, const Node& node);
// A whole number within bounds.
std::optional<int64_t> read_integer(const Scope& scope, const Node& node, int64_t least, int64_t most);
// A duration above zero; `none` gives kForever where it is allowed.
std::optional<Duration> read_duration(const Scope& scope, const Node& node, bool none_allowed);
// A size above zero; `none` gives kNoLimit where it is allowed.
std::optional<uint64_t> read_size(const Scope& scope, const Node& node, uint64_t most, bool none_allowed);
// Bytes a second above zero, such as 500B/s; `none` gives 0.
std::optional<uint64_t> read_rate(const Scope& scope, const Node& node);
std::optional<SocketAddress> read_address(const Scope& scope, const Node& node);
// One of a few words.
std::optional<size_t> read_word(const Scope& scope, const Node& node, std::span<const std::string_view> words);
// The elements of a list of plain values, in place of which one value may stand. A value that came from the environment is as many as it
// has pieces between commas; pieces without text are none.
class PlainList {
  public:
    // @param node  outlives the list
    PlainList(const Scope& scope, const Node& node);
    PlainList(const PlainList&) = delete;
    // False where one value stands in place of the list: items() has that one.
    bool is_list() const { return is_list_; }
    std::span<const Node* const> items() const { return items_; }

  private:
    void add(const Scope& scope, const Node& node);

    std::deque<Node> made_;
    std::vector<const Node*> items_;
    bool is_list_;
};

// A PlainList as texts; an empty one is a fault.
std::vector<Text> read_texts(const Scope& scope, const Node& node, std::string_view what, Braces braces = Braces::refused);
// The list that a text with commas or spaces was likely meant to be, "[GET, POST]". @returns nothing for a text without them,
// nor for one that came from the environment, of which nothing is shown
std::string written_list(const Text& text);
// CIDR blocks; one that is none, or that has bits behind its prefix, is a fault that shows the block it may have meant.
// @param unix_named where the word `unix` may stand among them: set where it does
std::vector<Cidr> read_cidrs(const Scope& scope, const Node& node, bool* unix_named = nullptr);
// Whether a list of blocks holds nearly everybody: a block larger than any private network (IPv4 wider than /8, IPv6 than /7).
bool is_nearly_everybody(const Cidr& block);
// A secret: text, { file: path }, or { base64: … } of either. A last newline of the text is dropped, wherever it came from; bytes that
// were in base64 are taken as they are. What the file says in base64 is not shown with its line.
std::optional<std::string> read_secret(const Scope& scope, const Node& node);
// Whether a text that was to be something else is rather the name of a file.
bool looks_like_path(std::string_view text);
// The hint for a value that is the name of a file and not the file's text; empty for any other.
std::string file_hint(const Node& node);
// True for a name or an address as it stands in an endpoint, in lower case and without brackets. The root's dot may stand at a
// name's end, but names nobody by itself. A name whose last label is a number is an address gone wrong (10.0.0.256), as for browsers.
bool is_host(std::string_view host);
// Whether that may be the name of a header: a token (RFC 9110 §5.1), but for `*`, by which people mean all of them.
bool is_header_name(std::string_view text);
// False for the names of headers that are the client's own, or part of the message's form, in every spelling.
bool is_manageable_header(std::string_view name);
// Judges the name of a header that only the gateway is to set (LANGUAGE.md §6), whatever its spelling. @returns false after a fault
bool check_managed_header(const Scope& scope, Mark mark, std::string_view name);
// Conditions on headers or query pairs: name -> exact text, { regex } or { present }.
void read_conditions(const Scope& scope, const Node& node, std::vector<ValueMatch>& into, bool headers);
// A list of policies, by name or in place: a route's `use`, and that of a policy that holds others.
void read_use(const Scope& scope, const Node& node, RouteConfig& into);

}  // namespace portico::config
