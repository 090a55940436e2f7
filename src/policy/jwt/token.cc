#include "policy/jwt/token.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/text.h"
#include "json/document.h"
#include "base/base64url.h"

namespace portico::policy::jwt {
namespace {

// Where most headers have room; larger ones are allocated.
constexpr size_t kUsualHeader = 1024;

std::unexpected<Error> malformed(std::string_view what) {
    return fail(Fault::token_malformed, what);
}

// A member of the header that is there and cannot be accepted. Who made the token learns which: it is no secret of the gateway's.
std::unexpected<Error> refused_member(std::string_view name) {
    return std::unexpected(Error::told(Fault::token_malformed, "header: " + std::string(name),
                                       "The member " + std::string(name) + " of the token's header is not accepted here."));
}

bool is_type_taken(std::string_view type, const TokenBounds& bounds) {
    const std::string name = to_lower(type);
    constexpr std::string_view kPrefix = "application/";
    const std::string_view bare = name.starts_with(kPrefix) ? std::string_view(name).substr(kPrefix.size()) : std::string_view(name);
    return std::ranges::find(bounds.types, bare) != bounds.types.end();
}

Result<> check_type(json::Value type, const TokenBounds& bounds) {
    if (!type.is_string() || !is_type_taken(type.string(), bounds)) return refused_member("typ");
    return {};
}

// A content type of JWT says that the payload is a token itself.
Result<> check_content(json::Value content) {
    const std::string name = to_lower(content.string());
    if (!content.is_string() || name == "jwt" || name == "application/jwt") return refused_member("cty");
    return {};
}

Result<> read_member(const json::Member& member, const TokenBounds& bounds, Header& header) {
    const auto& [name, value, _] = member;
    if (name == "alg") {
        if (!value.is_string()) return refused_member("alg");
        header.algorithm = value.string();
    } else if (name == "kid") {
        if (!value.is_string() || value.string().size() > bounds.max_key_id) return refused_member("kid");
        header.key_id = value.string();
        header.has_key_id = true;
    } else if (name == "typ") {
        return check_type(value, bounds);
    } else if (name == "cty") {
        return check_content(value);
    } else if (name == "crit" || (name == "b64" && !value.boolean())) {
        return refused_member(name);
    }
    // Every other member is ignored, also those that bring or name a key: only keys of the configuration verify.
    return {};
}

Result<Header> read_header(std::string_view text, const TokenBounds& bounds, std::span<uint8_t> bytes) {
    const size_t size = base64url_decoded_size(text.size());
    if (!base64url_decode(text, bytes)) return malformed("header: not base64url");
    const auto document = json::Document::parse({reinterpret_cast<const char*>(bytes.data()), size}, {.max_depth = 8});
    if (!document) return malformed("header: " + std::string(document.error().what()));
    if (!document->root().is_object()) return malformed("header: no object");
    Header header;
    bool has_algorithm = false;
    for (const json::Member member : document->root().members()) {
        if (auto fine = read_member(member, bounds, header); !fine) return fail(std::move(fine).error());
        has_algorithm |= member.name == "alg";
    }
    if (!has_algorithm) return malformed("header: no alg");
    return header;
}

Result<Header> read_header(std::string_view text, const TokenBounds& bounds) {
    const size_t size = base64url_decoded_size(text.size());
    if (size > kUsualHeader) {
        std::vector<uint8_t> bytes(size);
        return read_header(text, bounds, bytes);
    }
    std::array<uint8_t, kUsualHeader> bytes;
    return read_header(text, bounds, bytes);
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
    const auto part = [&](size_t begin, size_t end) {
        const std::string_view text = compact.substr(begin, end - begin);
        return bounds.padding == Padding::allow ? without_padding(text) : text;
    };
    token.header_text = part(0, first);
    token.payload_text = part(first + 1, second);
    token.signature_text = part(second + 1, compact.size());
    token.signed_text = compact.substr(0, second);
    auto header = read_header(token.header_text, bounds);
    if (!header) return fail(std::move(header).error());
    token.header = *std::move(header);
    return token;
}

}  // namespace portico::policy::jwt
