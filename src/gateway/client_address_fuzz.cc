// Properties of what a proxy says of a client: whatever it is, the client has an address that no trusted proxy has, or the one that the
// proxies named last, or none; and what is passed on reads back as the same client.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/client_address.h"

namespace {

using namespace portico;
using namespace portico::gateway;

}  // namespace

// The first byte says in which header the rest stands.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0 || size > 4096) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (!http::is_field_value(text)) return 0;
    constexpr std::string_view kNames[] = {"X-Forwarded-For", "Forwarded", "X-Real-IP"};
    http::FieldList fields;
    fields.add(kNames[data[0] % 3], text);
    const Cidr trusted[] = {*Cidr::parse("10.0.0.0/8"), *Cidr::parse("fd00::/8")};
    const IpAddress peer = *IpAddress::parse("10.9.9.9");
    const ForwardingFields said = read_forwarding(fields, ClientSource(kNames[data[0] % 3]));
    const FoundClient found = find_client(said, peer, trusted);
    PORTICO_CHECK(said.chain.empty() == found.passed.empty());
    PORTICO_CHECK(http::is_field_value(found.passed));
    PORTICO_CHECK(found.address.has_value() != found.passed.starts_with(kNoAddress));

    http::FieldList passed_on;
    passed_on.add("X-Forwarded-For", found.passed);
    if (found.passed.empty()) return 0;
    const FoundClient again = find_client(read_forwarding(passed_on, ClientSource()), peer, trusted);
    PORTICO_CHECK(again.address == found.address && again.passed == found.passed);
    return 0;
}
