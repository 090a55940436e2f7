// One escape of a JSON string (RFC 8259 §7) decoded. For json/text_reader.cc only.
#pragma once

#include <cstdint>

#include "json/document.h"

namespace portico::json::detail {

struct Escape {
    const char* end;  // behind it, or where it goes wrong
    uint32_t size;    // bytes written, 1 to 4; 0: it is none
    ParseError::Reason reason = ParseError::Reason::string;  // why it is none
};

// Decodes the escape whose backslash stands before `at` to UTF-8 at `out`: never more bytes than its text has. The text ends
// with a NUL, which is part of no escape.
Escape decode_escape(const char* at, char* out, LoneSurrogates lone_surrogates);

}  // namespace portico::json::detail
