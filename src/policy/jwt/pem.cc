#include <openssl/err.h>
#include <openssl/pem.h>

#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

constexpr size_t kMaxKeys = 16;
constexpr size_t kMaxText = size_t{256} << 10;

struct Block {
    std::string_view label;
    std::string_view text;  // with both of its lines
};

// @returns the next block at or behind `at`, which moves behind it; none with an empty label
Readable<Block> next_block(std::string_view text, size_t& at) {
    constexpr std::string_view kBegin = "-----BEGIN ";
    const size_t begin = text.find(kBegin, at);
    if (begin == std::string_view::npos) return Block{};
    const size_t label_at = begin + kBegin.size();
    const size_t label_end = text.find("-----", label_at);
    if (label_end == std::string_view::npos) return std::unexpected("a PEM block begins and does not end");
    const std::string_view label = text.substr(label_at, label_end - label_at);
    const std::string end_line = "-----END " + std::string(label) + "-----";
    const size_t end = text.find(end_line, label_end);
    if (end == std::string_view::npos) return std::unexpected("the PEM block " + std::string(label) + " does not end");
    at = end + end_line.size();
    return Block{label, text.substr(begin, at - begin)};
}

evp::Pkey read_block(const Block& block) {
    const evp::Bio bio(BIO_new_mem_buf(block.text.data(), static_cast<int>(block.text.size())));
    if (!bio) return nullptr;
    if (block.label == "CERTIFICATE") {
        const evp::Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
        return certificate ? evp::Pkey(X509_get_pubkey(certificate.get())) : nullptr;
    }
    return evp::Pkey(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

Readable<std::vector<std::shared_ptr<const Key>>> keys_from_pem(std::string_view text) {
    if (text.size() > kMaxText) return std::unexpected("the PEM text is too large");
    std::vector<std::shared_ptr<const Key>> keys;
    for (size_t at = 0;;) {
        const auto block = next_block(text, at);
        if (!block) return std::unexpected(block.error());
        if (block->label.empty()) break;
        if (block->label.find("PRIVATE KEY") != std::string_view::npos) {
            return std::unexpected("this is a private key: tokens are verified with its public half");
        }
        if (block->label != "PUBLIC KEY" && block->label != "RSA PUBLIC KEY" && block->label != "CERTIFICATE") {
            return std::unexpected("PEM blocks of public keys and certificates are read, not " + std::string(block->label));
        }
        if (keys.size() == kMaxKeys) return std::unexpected("the PEM text holds more than 16 keys");
        evp::Pkey key = read_block(*block);
        ERR_clear_error();
        if (!key) return std::unexpected("the PEM block " + std::string(block->label) + " cannot be read");
        const auto algorithms = algorithms_of(key.get());
        if (!algorithms) return std::unexpected(algorithms.error());
        keys.push_back(Key::from_public(std::move(key), *algorithms, "", false));
    }
    if (keys.empty()) return std::unexpected("no PEM block of a public key or certificate was found");
    return keys;
}

}  // namespace portico::policy::jwt
