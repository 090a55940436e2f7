#include "http/h1/framing.h"

#include "base/text.h"

namespace portico::http::h1 {
namespace {

bool is_disguised(std::string_view name) {
    constexpr std::string_view kLength = "content_length";
    constexpr std::string_view kCoding = "transfer_encoding";
    return (name.size() == kLength.size() && iequals(name, kLength)) ||
           (name.size() == kCoding.size() && iequals(name, kCoding));
}

}  // namespace

void FramingFields::see(const Field& field) {
    switch (field.id) {
        case FieldName::content_length:
            length_ = field.value;
            ++lengths_;
            break;
        case FieldName::transfer_encoding:
            coding_ = field.value;
            ++codings_;
            break;
        case FieldName::other: disguised_ |= is_disguised(field.name); break;
        default: break;
    }
}

std::optional<BodyLength> FramingFields::judge(Version version) const {
    if (disguised_ || lengths_ + codings_ > 1) return std::nullopt;
    if (codings_ == 1) {
        if (version != Version::http11 || !iequals(coding_, "chunked")) return std::nullopt;
        return BodyLength{Framing::chunked};
    }
    if (lengths_ == 0) return BodyLength{};
    const auto length = parse_decimal<uint64_t>(length_);
    if (!length || *length > uint64_t{INT64_MAX}) return std::nullopt;
    return BodyLength{Framing::length, *length};
}

}  // namespace portico::http::h1
