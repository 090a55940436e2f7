// Properties of key texts: whatever they hold, each key that comes out verifies only what its type can; a set keeps its
// bounds; a published set never gives a secret; discovery never leads off HTTPS; an answer is kept within bounds.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "policy/jwt/issuer_documents.h"
#include "policy/jwt/key_texts.h"
#include "policy/jwt/verifier.h"

namespace {

using namespace portico;
using namespace portico::policy::jwt;

void check_key(const std::shared_ptr<const Key>& key) {
    const AlgorithmSet algorithms = key->algorithms();
    PORTICO_CHECK(!algorithms.empty());
    PORTICO_CHECK((key->public_key() == nullptr) == !key->secret().empty());
    if (key->public_key() == nullptr) {
        PORTICO_CHECK((algorithms & kHmacAlgorithms) == algorithms);
    } else {
        PORTICO_CHECK((algorithms & kHmacAlgorithms).empty());
        PORTICO_CHECK((algorithms & *algorithms_of(key->public_key())) == algorithms);
    }
    VerifierContext context;
    for (unsigned a = 0; a < kAlgorithms; ++a) {
        const auto algorithm = static_cast<Algorithm>(a);
        if (algorithms.has(algorithm)) PORTICO_CHECK(!context.verify(key, algorithm, "text", "c2lnbmF0dXJl"));
    }
}

void check_set(std::string_view text, KeyOrigin origin) {
    const KeySetBounds bounds{.max_size = 4096, .max_keys = 8};
    const auto read = keys_from_json(text, origin, bounds);
    if (!read) {
        PORTICO_CHECK(!read.error().empty());
        return;
    }
    PORTICO_CHECK(!read->empty() && read->keys().size() <= bounds.max_keys);
    for (const PassedOverKey& key : read->passed_over()) PORTICO_CHECK(key.place > 0 && !key.why.empty() && key.id.size() <= 256);
    for (const auto& key : read->keys()) {
        check_key(key);
        if (origin == KeyOrigin::published) PORTICO_CHECK(key->public_key() != nullptr);
        const auto candidates = read->candidates(key->id(), true, Algorithm::rs256);
        // A key without an id says nothing about one that a token names: that one may be new.
        PORTICO_CHECK(!key->has_id() || candidates.found != KeySet::Found::unknown_key);
        PORTICO_CHECK(candidates.more.size() < KeySet::kMaxCandidates);
    }
}

void check_fields(std::string_view text) {
    using std::chrono::seconds;
    const FreshnessBounds bounds{seconds(1), seconds(100), seconds(10)};
    for (const FreshnessFields& fields : {FreshnessFields{.cache_control = text}, FreshnessFields{.cache_control = "max-age=60", .age = text},
                                          FreshnessFields{.date = "Sun, 06 Nov 1994 08:49:37 GMT", .expires = text}}) {
        const Duration kept = freshness(fields, bounds);
        PORTICO_CHECK(kept >= bounds.least && kept <= bounds.most);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 8192) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_set(text, KeyOrigin::published);
    check_set(text, KeyOrigin::configured);
    const std::string lines = pem_in_lines(text);
    PORTICO_CHECK(pem_in_lines(lines) == lines);
    if (const auto keys = keys_from_pem(text)) {
        for (const auto& key : *keys) check_key(key);
    }
    if (const auto discovery = read_discovery(text, "https://id.example", KeyTransport::https)) {
        PORTICO_CHECK(discovery->keys_url.size() > 8 && (discovery->keys_url[4] | 0x20) == 's');
    }
    check_fields(text);
    return 0;
}
