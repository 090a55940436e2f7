// Properties of the request parser: whole equals split, wherever the buffer stands; an accepted head written out again
// parses to the same head; what was accepted is exactly one request.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "http/h1/parser.h"
#include "http/h1/writer.h"

namespace {

using namespace portico;
using namespace portico::http;
using namespace portico::http::h1;

constexpr HeadLimits kLimits{.head = 4096, .target = 512, .fields = 16};

bool same(const RequestHead& a, const RequestHead& b) {
    const auto same_field = [](const Field& x, const Field& y) {
        return x.name == y.name && x.value == y.value && x.id == y.id;
    };
    return a.method == b.method && a.method_text == b.method_text && a.target == b.target && a.version == b.version &&
           a.body == b.body && a.keep_alive == b.keep_alive && a.expect_continue == b.expect_continue &&
           a.upgrade == b.upgrade && a.host == b.host && a.connection.names == b.connection.names &&
           std::ranges::equal(a.fields.all(), b.fields.all(), same_field);
}

bool same(const Result<Progress>& a, const Result<Progress>& b) {
    if (a.has_value() != b.has_value()) return false;
    return a ? *a == *b : a.error().fault == b.error().fault;
}

void check_split(std::string_view bytes, size_t step, const Result<Progress>& whole, const RequestHead& head,
                 size_t consumed) {
    HeadParser parser(kLimits);
    RequestHead split_head;
    Result<Progress> result = Progress::more;
    std::string buffer;
    for (size_t n = std::min(step, bytes.size()); result && *result == Progress::more;
         n = std::min(n + step, bytes.size())) {
        buffer = std::string(bytes.substr(0, n));
        result = parser.parse_request(buffer, split_head);
        if (n == bytes.size()) break;
    }
    PORTICO_CHECK(same(result, whole));
    if (!result || *result == Progress::more) return;
    PORTICO_CHECK(parser.consumed() == consumed);
    PORTICO_CHECK(same(split_head, head));
}

void check_rewritten(const RequestHead& head) {
    PORTICO_CHECK(head.target.size() <= kLimits.target && head.fields.size() <= kLimits.fields);
    char memory[8192];
    Output out(memory, sizeof memory);
    out.put(head.method_text);
    out.put(' ');
    out.put(head.target);
    out.put(head.version == Version::http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
    for (const Field& f : head.fields) out.field(f.name, f.value);
    out.put("\r\n");
    PORTICO_CHECK(!out.full());
    HeadParser parser({.head = sizeof memory, .target = kLimits.target, .fields = kLimits.fields});
    RequestHead again;
    PORTICO_CHECK(parser.parse_request({memory, out.size()}, again) == Progress::done);
    PORTICO_CHECK(parser.consumed() == out.size());  // one request, and nothing behind it
    PORTICO_CHECK(same(again, head));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 2 * kLimits.head) return 0;
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    HeadParser parser(kLimits);
    RequestHead head;
    const auto whole = parser.parse_request(bytes, head);
    if (whole && *whole == Progress::done) check_rewritten(head);
    for (const size_t step : {size_t{1}, size_t{7}, size_t{16}, size / 2 + 1}) {
        check_split(bytes, step, whole, head, parser.consumed());
    }
    return 0;
}
