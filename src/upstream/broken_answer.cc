#include "upstream/broken_answer.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "base/utf8.h"

namespace portico::upstream {
namespace {

constexpr size_t kMostShown = 60;

// On one line: bytes of a binary protocol are as good as any.
std::string shown(std::string_view text) {
    const bool cut = text.size() > kMostShown;
    return "\"" + printable(text.substr(0, kMostShown), '.') + (cut ? "…\"" : "\"");
}

std::string framing_of(const http::FieldList& fields) {
    std::string all;
    for (const http::Field& f : fields) {
        if (!iequals(f.name, "content-length") && !iequals(f.name, "transfer-encoding")) continue;
        if (all.size() > 4 * kMostShown) return all + ", …";
        all += (all.empty() ? "" : ", ") + std::string(f.name) + ": " + shown(f.value);
    }
    return all;
}

}  // namespace

Error broken_head(Error error, std::string_view received, const http::ResponseHead& head) {
    if (error.fault == Fault::upstream_head_too_large) {
        const size_t key = error.context.rfind(": ");
        return {error.fault, "the head of the service's response has " + error.context.substr(0, key) + "; limits: { " + error.context.substr(key + 2) + " } of the service says how many it may have"};
    }
    if (error.fault != Fault::upstream_protocol) return error;
    const std::string line = shown(received.substr(0, received.find_first_of("\r\n")));
    std::string what;
    if (error.context == "version") what = "the answer is not HTTP/1.0 or HTTP/1.1: it begins " + line;
    else if (error.context == "status code") what = "the answer has no status of three digits from 100 to 599 behind its version: it begins " + line;
    else if (error.context == "length of the body") what = "the answer's body has no one length: " + framing_of(head.fields);
    else what = "the answer's head is not valid HTTP (" + error.context + "): it begins " + line;
    error.context = std::move(what);
    return error;
}

Error broken_chunks(const Error& error) {
    return {Fault::upstream_protocol, "the answer's body is not in chunks as it says: " + (error.context.empty() ? "wanted a size in hexadecimal digits, and each chunk between line ends" : error.context)};
}

}  // namespace portico::upstream
