// What a message says that its body is: Content-Type, without parameters. Layer 1: bytes.
//
// Decided: where Content-Type is there more than once, in lines or in one line's commas, whoever reads the message may take any of
// them. What a body claims to be is therefore asked of all of them; what it is first taken for, of the first.
#pragma once

#include <string_view>

#include "http/fields.h"

namespace portico::http {

// The first media type, without parameters and white space; empty where there is none.
std::string_view media_type(const FieldList& fields);
// Whether a media type is `pattern`, such as `application/json`, `text/*` or `application/*+json`. Without case.
bool is_of_type(std::string_view type, std::string_view pattern);
// Whether one of the media types is `pattern`.
bool has_type(const FieldList& fields, std::string_view pattern);
// Whether one of them is JSON's: application/json, text/json, or one that ends in +json.
// @spec RFC 8259 §11, RFC 6839 §3.1; WHATWG MIME Sniffing §4.6
bool claims_json(const FieldList& fields);
// Whether one of them is that of a form (application/x-www-form-urlencoded).
bool claims_form(const FieldList& fields);
// Whether somebody may read the body as JSON: it says that it is, or its first type says nothing and it looks like it.
bool may_be_json(const FieldList& fields, std::string_view body);
// Whether the first sign that is no white space opens an object or an array.
bool opens_json(std::string_view text);
// Whether a body of which nothing says what it is would be read as JSON by those who guess: its first sign opens an object or an array,
// behind a byte order mark and in whatever Unicode encoding.
bool begins_as_json(std::string_view body);

}  // namespace portico::http
