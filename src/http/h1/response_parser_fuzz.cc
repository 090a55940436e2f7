// Properties of the response parser: whole equals split; an accepted head written out again parses to the same head;
// every fault is the upstream's. The first byte chooses the method of the request that is answered.
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

bool same(const ResponseHead& a, const ResponseHead& b) {
    const auto same_field = [](const Field& x, const Field& y) {
        return x.name == y.name && x.value == y.value && x.id == y.id;
    };
    return a.status == b.status && a.reason == b.reason && a.version == b.version && a.body == b.body &&
           a.keep_alive == b.keep_alive && a.upgrade == b.upgrade && a.connection.names == b.connection.names &&
           std::ranges::equal(a.fields.all(), b.fields.all(), same_field);
}

void check_split(std::string_view bytes, size_t step, Method request, const Result<Progress>& whole,
                 const ResponseHead& head) {
    HeadParser parser(kLimits);
    ResponseHead split_head;
    Result<Progress> result = Progress::more;
    std::string buffer;
    for (size_t n = std::min(step, bytes.size()); result && *result == Progress::more;
         n = std::min(n + step, bytes.size())) {
        buffer = std::string(bytes.substr(0, n));
        result = parser.parse_response(buffer, request, split_head);
        if (n == bytes.size()) break;
    }
    PORTICO_CHECK(result.has_value() == whole.has_value());
    PORTICO_CHECK(result ? *result == *whole : result.error().fault == whole.error().fault);
    if (result && *result == Progress::done) PORTICO_CHECK(same(split_head, head));
}

void check_rewritten(const ResponseHead& head, Method request) {
    PORTICO_CHECK(head.status >= 100 && head.status <= 599);
    PORTICO_CHECK(head.body.framing == Framing::none || !never_has_body(head.status, request));
    char memory[8192];
    Output out(memory, sizeof memory);
    out.put(head.version == Version::http11 ? "HTTP/1.1 " : "HTTP/1.0 ");
    out.put_decimal(static_cast<uint64_t>(head.status));
    out.put(' ');
    out.put(head.reason);
    out.put("\r\n");
    for (const Field& f : head.fields) out.field(f.name, f.value);
    out.put("\r\n");
    PORTICO_CHECK(!out.full());
    HeadParser parser({.head = sizeof memory, .target = kLimits.target, .fields = kLimits.fields});
    ResponseHead again;
    PORTICO_CHECK(parser.parse_response({memory, out.size()}, request, again) == Progress::done);
    PORTICO_CHECK(parser.consumed() == out.size());
    PORTICO_CHECK(same(again, head));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0 || size > 2 * kLimits.head) return 0;
    constexpr Method kMethods[] = {Method::get, Method::head, Method::connect, Method::post};
    const Method request = kMethods[data[0] & 3];
    const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    HeadParser parser(kLimits);
    ResponseHead head;
    const auto whole = parser.parse_response(bytes, request, head);
    if (!whole) PORTICO_CHECK(whole.error().side() == Side::upstream);
    if (whole && *whole == Progress::done) check_rewritten(head, request);
    for (const size_t step : {size_t{1}, size_t{7}, size_t{16}, size / 2 + 1})
        check_split(bytes, step, request, whole, head);
    return 0;
}
