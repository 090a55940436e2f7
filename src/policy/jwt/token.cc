#include "policy/jwt/token.h"

#include <algorithm>

#include "base/text.h"
#include "json/document.h"
#include "policy/jwt/base64url.h"

namespace portico::policy::jwt {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
    return fail(Fault::token_malformed, what);
}

bool is_type_taken(std::string_view type, const TokenBounds& bounds) {
    const std::string name = to_lower(type);
    constexpr std::string_view kPrefix = "application/";
    const std::string_view bare = name.starts_with(kPrefix) ? std::string_view(name).substr(kPrefix.size()) : std::string_view(name);
    return std::ranges::find(bounds.types, bare) != bounds.types.end();
}

Result<> check_extensions(json::Value header, const TokenBounds& bounds) {
    if (header.find("crit")) return malformed("header: crit");
    const json::Value b64 = header.find("b64");
    if (b64 && !b64.boolean()) return malformed("header: b64");
    if (bounds.embedded_keys == EmbeddedKeys::refuse) {
        for (const std::string_view name : {"jwk", "jku", "x5u", "x5c"}) {
            if (header.find(name)) return malformed("header: " + std::string(name));
        }
    }
    return {};
}

Result<> check_kind(json::Value header, const TokenBounds& bounds) {
    if (const json::Value type = header.find("typ"); type && (!type.is_string() || !is_type_taken(type.string(), bounds))) {
        return malformed("header: typ");
    }
    const json::Value content = header.find("cty");
    if (!content) return {};
    const std::string name = to_lower(content.string());
    if (!content.is_string() || name == "jwt" || name == "application/jwt") return malformed("header: cty");
    return {};
}

Result<Header> read_header(std::string_view text, const TokenBounds& bounds) {
    if (base64url_decoded_size(text.size()) > bounds.max_header) return malformed("header: too large");
    const auto bytes = base64url_decode(text);
    if (!bytes) return malformed("header: not base64url");
    const auto document = json::Document::parse(*bytes, {.max_size = bounds.max_header, .max_depth = 8});
    if (!document) return malformed("header: " + std::string(document.error().what()));
    const json::Value header = document->root();
    if (!header.is_object()) return malformed("header: no object");
    if (auto fine = check_extensions(header, bounds); !fine) return fail(std::move(fine).error());
    if (auto fine = check_kind(header, bounds); !fine) return fail(std::move(fine).error());
    const json::Value algorithm = header.find("alg");
    if (!algorithm.is_string()) return malformed("header: alg");
    const json::Value key_id = header.find("kid");
    if (key_id && !key_id.is_string()) return malformed("header: kid");
    if (key_id.string().size() > bounds.max_key_id) return malformed("header: kid too long");
    return Header{std::string(algorithm.string()), std::string(key_id.string()), static_cast<bool>(key_id)};
}

}  // namespace

Result<Token> take_apart(std::string_view compact, const TokenBounds& bounds) {
    if (compact.size() > bounds.max_size) return malformed("too large");
    const size_t first = compact.find('.');
    if (first == std::string_view::npos) return malformed("no dot");
    const size_t second = compact.find('.', first + 1);
    if (second == std::string_view::npos) return malformed("one dot");
    if (compact.find('.', second + 1) != std::string_view::npos) return malformed("more than two dots");
    Token token;
    token.compact = compact;
    token.header_text = compact.substr(0, first);
    token.payload_text = compact.substr(first + 1, second - first - 1);
    token.signature_text = compact.substr(second + 1);
    token.signed_text = compact.substr(0, second);
    auto header = read_header(token.header_text, bounds);
    if (!header) return fail(std::move(header).error());
    token.header = *std::move(header);
    return token;
}

Result<std::string> Token::payload() const {
    auto bytes = base64url_decode(payload_text);
    if (!bytes) return malformed("payload: not base64url");
    return *std::move(bytes);
}

}  // namespace portico::policy::jwt
