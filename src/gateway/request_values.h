// What conditions ask of one request, read once however many routes ask: a thousand routes on one path, told apart by a query
// parameter, would else go through its whole query a thousand times. One thread; the request outlives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/text_table.h"
#include "gateway/request_view.h"

namespace portico::gateway {

class RequestValues {
  public:
    explicit RequestValues(const RequestView& request) : request_(request) {}
    RequestValues(const RequestValues&) = delete;
    RequestValues& operator=(const RequestValues&) = delete;

    const RequestView& request() const { return request_; }
    // All values of a header, joined (header_value()); nothing where there is none. Valid until the next question.
    std::optional<std::string_view> header(std::string_view name);
    // The first query parameter of that name, decoded; likewise.
    std::optional<std::string_view> query(std::string_view name);

  private:
    // So many names are looked for in the query as it came; then it is read into a table.
    static constexpr int kAsItCame = 2;

    const RequestView& request_;
    std::string last_header_;  // its name, as it was asked for
    std::optional<std::string> header_;
    bool asked_header_ = false;
    std::string last_query_;
    std::optional<std::string> parameter_;
    int asked_query_ = 0;
    TextMap<std::string_view> pairs_;  // by decoded name; the value as it came
};

}  // namespace portico::gateway
