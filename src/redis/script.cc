#include "redis/script.h"

#include <openssl/sha.h>

namespace portico::redis {

Script::Script(std::string text, Check check, Rehearsal rehearsal) : text_(std::move(text)), check_(check), rehearsal_(rehearsal) {
    unsigned char sum[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char*>(text_.data()), text_.size(), sum);
    for (unsigned char byte : sum) {
        digest_ += "0123456789abcdef"[byte >> 4];
        digest_ += "0123456789abcdef"[byte & 15];
    }
}

}  // namespace portico::redis
