// Properties of targets and paths: normalising twice is normalising once; a normal path holds no dot segment in any
// reading, no encoded unreserved character, no lower-case escape, no control; what was encoded decodes to itself.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "http/characters.h"
#include "http/uri.h"

namespace {

using namespace portico;
using namespace portico::http;

void check_no_dot_part(std::string_view decoded) {
    std::string part;
    const auto end_part = [&] {
        const std::string_view name = std::string_view(part).substr(0, part.find(';'));
        PORTICO_CHECK(name != "." && name != "..");
        part.clear();
    };
    for (const char c : decoded) {
        if (c == '/' || c == '\\') {
            end_part();
        } else {
            part += c;
        }
    }
    end_part();
}

void check_normal(const NormalPath& path) {
    const std::string_view text = path.text;
    PORTICO_CHECK(text.starts_with('/'));
    bool ambiguous = false;
    for (size_t i = 0; i < text.size(); ++i) {
        PORTICO_CHECK(text[i] == '%' || is(kPathChar, text[i]));
        PORTICO_CHECK(i == 0 || text[i] != '/' || text[i - 1] != '/');
        ambiguous |= text[i] == ';';
        if (text[i] != '%') continue;
        PORTICO_CHECK(text.size() - i >= 3);
        const char high = text[i + 1];
        const char low = text[i + 2];
        PORTICO_CHECK(hex_value(high) >= 0 && hex_value(low) >= 0 && high < 'a' && low < 'a');
        const int byte = hex_value(high) * 16 + hex_value(low);
        PORTICO_CHECK(byte >= 0x20 && byte != 0x7F && !is(kUnreservedChar, static_cast<char>(byte)));
        ambiguous |= byte == '/' || byte == '\\' || byte == ';' || byte == '?' || byte == '#';
    }
    PORTICO_CHECK(path.ambiguous == ambiguous);
    Arena arena;
    check_no_dot_part(decode_segment(text, arena));
    // Read once more in the same way it stays as it is.
    for (const LenientOrder order : {LenientOrder::decode_first, LenientOrder::drop_first}) {
        const std::string_view lenient = lenient_path(text, order, arena);
        PORTICO_CHECK(lenient.starts_with('/') && lenient_path(lenient, order, arena) == lenient);
        PORTICO_CHECK(path.ambiguous || lenient == text);
    }
}

void check_path(std::string_view input) {
    Arena arena;
    const auto path = normalise_path(input, arena);
    if (!path) {
        PORTICO_CHECK(path.error().fault == Fault::bad_path);
        return;
    }
    check_normal(*path);
    const auto again = normalise_path(path->text, arena);
    PORTICO_CHECK(again && again->text == path->text && again->ambiguous == path->ambiguous);
    PORTICO_CHECK(again->text.data() == path->text.data());  // what is normal is not copied
}

void check_codec(std::string_view text) {
    Arena arena;
    std::string segment, value;
    encode_segment(text, segment);
    encode_query_value(text, value);
    PORTICO_CHECK(decode_segment(segment, arena) == text);
    PORTICO_CHECK(decode_query_value(value) == text);
    PORTICO_CHECK(segment.find_first_of("/;") == std::string::npos && all_are(kTargetChar, segment) &&
                  all_are(kTargetChar, value));
}

void check_target(std::string_view text, Method method) {
    const auto target = parse_target(text, method);
    if (!target) {
        PORTICO_CHECK(target.error().fault == Fault::bad_target);
        return;
    }
    PORTICO_CHECK(all_are(kTargetChar, text));
    if (target->form == TargetForm::origin || target->form == TargetForm::absolute) {
        PORTICO_CHECK(target->path.starts_with('/') && target->path.find('?') == std::string_view::npos);
        check_path(target->path);
    }
    if (!target->authority.empty()) PORTICO_CHECK(is_valid_authority(target->authority));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_path(text);
    check_codec(text);
    for (const Method method : {Method::get, Method::connect, Method::options}) check_target(text, method);
    Arena arena;
    if (is_valid_authority(text)) {
        const std::string_view host = host_of(text, arena);
        PORTICO_CHECK(!host.empty() && host_of(host, arena) == host);
    }
    for_each_pair(text, [](std::string_view name, std::string_view value, std::string_view pair) {
        PORTICO_CHECK(name.size() + value.size() <= pair.size() && !pair.empty());
    });
    return 0;
}
