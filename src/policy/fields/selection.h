// Which fields of a document are asked for, and the document with only those: `id,name(first),items.id`. Names lead through arrays.
// Bytes in, values out; it knows no exchange. Layer 5.
//
// A Selection lives in the arena that it was read into and never changes after restrict().
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "json/document.h"

namespace portico::policy::fields {

struct Selection {
    std::string_view name;
    bool whole = false;                // the value with all that is in it
    const Selection* first = nullptr;  // of its members, each once, in the order of the text
    const Selection* next = nullptr;   // of those that stand beside it
    size_t width = 0;                  // how many members

    const Selection* find(std::string_view member) const;
};

inline constexpr size_t kMaxText = 4096;  // bytes
inline constexpr size_t kMaxNames = 200;
inline constexpr unsigned kMaxDepth = 16;  // of names below each other

// Reads `text` and adds what it names to `root`. @errors why it is none, such as "a name is missing"
//     list = item *("," item)     item = name *("." name) ["(" list ")"]
// A name is whatever holds none of `,.()`; spaces around it do not count.
std::expected<void, std::string> read_selection(std::string_view text, Selection& root, Arena& arena);

// Takes off `asked` what is not in `allowed`: a name that is allowed only in part stands for that part.
// @errors the path of one that is not allowed at all, such as "name.secret"
std::expected<void, std::string> restrict_to(const Selection& allowed, Selection& asked, Arena& arena);

// The paths of a selection's whole values, "id, name.first"; at most about `most` bytes of them, then "…".
std::string text_of(const Selection& selection, size_t most);

// Appends what is selected of `value`, its parts as they stand: objects with what they have of it, arrays with what is selected of
// each element, `null` as it is. Of any other value where members are asked for, nothing is. @returns whether anything was appended
bool project(json::Value value, const Selection& selection, std::string& out);

}  // namespace portico::policy::fields
