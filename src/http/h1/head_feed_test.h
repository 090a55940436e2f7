// Test support: feeds a head to a HeadParser in every way that a network may deliver it, each time from another
// address.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/h1/parser.h"

namespace portico::http::h1 {

// One delivery: prefixes of the bytes, growing; each is handed over in memory of its own, the one before freed.
class Delivery {
  public:
    explicit Delivery(HeadLimits limits = {}) : parser_(limits) {}

    // @param parse  parse(parser, data) -> Result<Progress>
    template <class Parse>
    Result<Progress> feed(std::string_view prefix, Parse&& parse) {
        auto next = std::make_unique<char[]>(prefix.size() + 1);
        prefix.copy(next.get(), prefix.size());
        memory_ = std::move(next);
        return parse(parser_, std::string_view(memory_.get(), prefix.size()));
    }
    HeadParser& parser() { return parser_; }
    std::string_view bytes(size_t size) const { return {memory_.get(), size}; }

  private:
    HeadParser parser_;
    std::unique_ptr<char[]> memory_;
};

// Runs parse over `bytes` whole, in two pieces cut at every byte, and byte by byte; check(result, delivery) sees each
// end.
template <class Parse, class Check>
void deliver_in_every_way(std::string_view bytes, HeadLimits limits, Parse&& parse, Check&& check) {
    {
        SCOPED_TRACE("whole");
        Delivery d(limits);
        check(d.feed(bytes, parse), d);
    }
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
        SCOPED_TRACE(testing::Message() << "cut at " << cut);
        Delivery d(limits);
        auto result = d.feed(bytes.substr(0, cut), parse);
        if (result && *result == Progress::more) result = d.feed(bytes, parse);
        check(result, d);
    }
    SCOPED_TRACE("byte by byte");
    Delivery d(limits);
    Result<Progress> result = Progress::more;
    for (size_t n = 1; n <= bytes.size() && result && *result == Progress::more; ++n)
        result = d.feed(bytes.substr(0, n), parse);
    check(result, d);
}

}  // namespace portico::http::h1
