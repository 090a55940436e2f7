// Credentials that were verified a moment ago, so that a page with fifty requests costs one hash. They are kept as fingerprints: HMACs
// under a key that is drawn when the cache is made and stands nowhere else. Pure but for that key; one worker's.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace portico::policy::basic {

struct Fingerprint {
    std::array<uint8_t, 32> bytes{};
};
// Constant time. (There is no `==`.)
bool same_fingerprint(const Fingerprint& a, const Fingerprint& b);
struct FingerprintHash {
    size_t operator()(const Fingerprint& f) const;
};
struct SameFingerprint {
    bool operator()(const Fingerprint& a, const Fingerprint& b) const { return same_fingerprint(a, b); }
};

// One kind of use of one random key.
class Fingerprinter {
  public:
    Fingerprinter();
    Fingerprinter(const Fingerprinter&) = delete;
    Fingerprinter& operator=(const Fingerprinter&) = delete;
    ~Fingerprinter();
    // Of a name and a password: the name's length goes in, so that no two pairs are read alike.
    Fingerprint of(std::string_view user, std::string_view password) const;

  private:
    std::array<uint8_t, 32> key_{};
};

class VerifiedCache {
  public:
    VerifiedCache(size_t most, Duration lifetime) : most_(most), lifetime_(lifetime) {}
    bool contains(const Fingerprint& f, Time now) const;
    // Where it is full, the oldest goes.
    void add(const Fingerprint& f, Time now);
    size_t size() const { return until_.size(); }

  private:
    size_t most_;
    Duration lifetime_;
    std::unordered_map<Fingerprint, Time, FingerprintHash, SameFingerprint> until_;
    std::deque<Fingerprint> oldest_first_;
};

}  // namespace portico::policy::basic
