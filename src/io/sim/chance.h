// What a simulation leaves to chance: numbers that one seed decides, the same on every machine. Not for secrets. One thread.
#pragma once

#include <cstdint>

namespace portico::io {

class Chance {
  public:
    explicit Chance(uint64_t seed) : state_(seed) {}

    // splitmix64
    uint64_t next() {
        uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    // @requires n > 0
    uint64_t below(uint64_t n) { return next() % n; }
    // Both ends are among the results.
    uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }
    bool one_in(uint64_t n) { return n > 0 && below(n) == 0; }

  private:
    uint64_t state_;
};

}  // namespace portico::io
