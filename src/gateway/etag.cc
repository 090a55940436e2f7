#include "gateway/etag.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "base/meter.h"
#include "base/text.h"

namespace portico::gateway {
namespace {

constexpr size_t kTagBytes = 18;  // 24 characters, none of them padding
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr size_t kPiece = size_t{16} << 10;
// Of SHA-256, that cost a step.
constexpr size_t kBytesAStep = 16;

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

using HashContext = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const EVP_MD* sha256() {
    static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return kSha256;
}

bool spend(size_t bytes) { return Meter::spend(1 + bytes / kBytesAStep); }

// To make a context takes as long as to hash a few hundred bytes: the thread's own serves one body after the other. Nothing is spent while
// it is in use, as a computing may be left there for another one.
void hash_at_once(std::string_view body, unsigned char* digest) {
    thread_local const HashContext context(EVP_MD_CTX_new());
    spend(body.size());
    EVP_DigestInit_ex2(context.get(), sha256(), nullptr);
    EVP_DigestUpdate(context.get(), body.data(), body.size());
    EVP_DigestFinal_ex(context.get(), digest, nullptr);
}

void hash_in_pieces(std::string_view body, unsigned char* digest) {
    const HashContext context(EVP_MD_CTX_new());
    EVP_DigestInit_ex2(context.get(), sha256(), nullptr);
    for (; !body.empty(); body.remove_prefix(std::min(body.size(), kPiece))) {
        const std::string_view piece = body.substr(0, kPiece);
        if (!spend(piece.size())) break;
        EVP_DigestUpdate(context.get(), piece.data(), piece.size());
    }
    EVP_DigestFinal_ex(context.get(), digest, nullptr);
}

std::string_view opaque(std::string_view tag) {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag;
}

// Takes one entity-tag off the front of a list. @returns an empty text where there is none
std::string_view take_tag(std::string_view& list) {
    const size_t open = list.starts_with("W/") ? 2 : 0;
    if (list.size() <= open || list[open] != '"') return {};
    const size_t close = list.find('"', open + 1);
    if (close == std::string_view::npos) return {};
    const std::string_view tag = list.substr(0, close + 1);
    list.remove_prefix(close + 1);
    return tag;
}

bool lists(std::string_view value, std::string_view etag) {
    value = trim_ows(value);
    if (value == "*") return true;
    while (!value.empty()) {
        if (value.front() == ',') {
            value = trim_ows(value.substr(1));
            continue;
        }
        const std::string_view tag = take_tag(value);
        if (tag.empty()) return false;
        if (opaque(tag) == opaque(etag)) return true;
        value = trim_ows(value);
        if (!value.empty() && value.front() != ',') return false;
    }
    return false;
}

}  // namespace

std::string etag_of(std::string_view body) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (body.size() <= kPiece) hash_at_once(body, digest);
    else hash_in_pieces(body, digest);
    std::string tag;
    tag.reserve(2 + kTagBytes / 3 * 4);
    tag += '"';
    for (size_t i = 0; i < kTagBytes; i += 3) {
        const uint32_t group = static_cast<uint32_t>(digest[i]) << 16 | static_cast<uint32_t>(digest[i + 1]) << 8 | digest[i + 2];
        for (const int shift : {18, 12, 6, 0}) tag += kAlphabet[group >> shift & 63];
    }
    return tag += '"';
}

bool none_match(const http::FieldList& request, std::string_view etag) {
    return std::ranges::any_of(request, [&](const http::Field& f) { return iequals(f.name, "If-None-Match") && lists(f.value, etag); });
}

}  // namespace portico::gateway
