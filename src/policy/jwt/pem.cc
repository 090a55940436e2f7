#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <optional>

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
    const size_t end = text.find(end_line, label_end + 5);
    if (end == std::string_view::npos) return std::unexpected("the PEM block " + std::string(label) + " does not end");
    at = end + end_line.size();
    return Block{label, text.substr(begin, at - begin)};
}

constexpr size_t kLine = 64;  // RFC 7468 §2

bool is_base64_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

// What stands between a block's two lines, without white space and spelt-out ends of lines. @returns none where there is anything but
// base64, such as the fields of an encrypted key
std::optional<std::string> digits_of(std::string_view inside) {
    std::string digits;
    for (size_t i = 0; i < inside.size(); ++i) {
        const char c = inside[i];
        if (is_base64_digit(c)) {
            digits += c;
        } else if (c == '\\' && i + 1 < inside.size() && (inside[i + 1] == 'n' || inside[i + 1] == 'r')) {
            ++i;
        } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return std::nullopt;
        }
    }
    return digits;
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

std::string pem_in_lines(std::string_view text) {
    std::string out;
    size_t at = 0;
    while (at < text.size()) {
        const size_t behind = at;
        const auto block = next_block(text, at);
        if (!block || block->label.empty()) break;
        const size_t begin = static_cast<size_t>(block->text.data() - text.data());
        const size_t head = block->label.size() + 16;  // "-----BEGIN " and "-----"
        const size_t foot = block->label.size() + 14;
        const auto digits = digits_of(block->text.substr(head, block->text.size() - head - foot));
        out += text.substr(behind, begin - behind);
        if (!digits) {
            out += block->text;
            continue;
        }
        // What stands before a block in its line would hide it.
        if (!out.empty() && out.back() != '\n') out += '\n';
        out += block->text.substr(0, head);
        for (size_t i = 0; i < digits->size(); i += kLine) out.append("\n").append(*digits, i, kLine);
        out.append("\n").append(block->text.substr(block->text.size() - foot)).append("\n");
        if (text.substr(at).starts_with("\r\n")) at += 2;
        else if (text.substr(at).starts_with('\n')) ++at;
    }
    return out += text.substr(std::min(at, text.size()));
}

Readable<std::vector<std::shared_ptr<const Key>>> keys_from_pem(std::string_view given) {
    if (given.size() > kMaxText) return std::unexpected("the PEM text is too large");
    const std::string text = pem_in_lines(given);
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

Readable<KeySet> keys_from_text(std::string_view text) {
    if (text.find("-----BEGIN ") == std::string_view::npos) return keys_from_json(text, KeyOrigin::published);
    auto keys = keys_from_pem(text);
    if (!keys) return std::unexpected(std::move(keys).error());
    return KeySet(*std::move(keys));
}

}  // namespace portico::policy::jwt
