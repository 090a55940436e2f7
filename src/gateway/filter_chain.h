// The filters of an answer that goes on in parts (gateway/body_filtering): each over what the one before gave, a piece at a time, so that
// a small part that becomes a large one is made as fast as the client takes it. One exchange's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/exchange.h"

namespace portico::gateway {

class FilterChain {
  public:
    explicit FilterChain(Exchange& x) : x_(x) {}

    // Gives them the next part; what comes out so far is `out`. `last`: it is the end.
    // @requires !has_more(); `part` lives until that is so again
    // @errors those of the filters, answer_too_large; whose it was is noted
    Result<void> take(std::string_view part, bool last, std::string& out);
    // Some filter has more to give of the part.
    bool has_more() const;
    // The next piece of it. @requires has_more()
    Result<void> go_on(std::string& out);

  private:
    // Gives the filters from `first` on what the one before has made.
    Result<void> pass_on(size_t first, std::string_view part, std::string& out);
    Result<void> blame(size_t filter, Result<void> failed);

    Exchange& x_;
    bool last_ = false;
    std::vector<std::string> given_;  // to each filter, while it has more to give of that; the first was given the part
};

}  // namespace portico::gateway
