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

void hash(std::string_view body, unsigned char* digest) {
    static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    // To make a context takes as long as to hash a few hundred bytes. The thread's own serves one body at a time: none that may be left in
    // the middle, while others are hashed.
    thread_local const HashContext kept(EVP_MD_CTX_new());
    const bool whole = body.size() <= kPiece;
    const HashContext own(whole ? nullptr : EVP_MD_CTX_new());
    if (whole) Meter::spend(1 + body.size() / kBytesAStep);
    EVP_MD_CTX* const context = whole ? kept.get() : own.get();
    EVP_DigestInit_ex2(context, kSha256, nullptr);
    if (whole) EVP_DigestUpdate(context, body.data(), body.size());
    for (size_t at = 0; !whole && at < body.size(); at += kPiece) {
        const std::string_view piece = body.substr(at, kPiece);
        if (!Meter::spend(1 + piece.size() / kBytesAStep)) break;
        EVP_DigestUpdate(context, piece.data(), piece.size());
    }
    EVP_DigestFinal_ex(context, digest, nullptr);
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
    hash(body, digest);
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
