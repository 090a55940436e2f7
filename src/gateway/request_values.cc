#include "gateway/request_values.h"

#include "gateway/conditions.h"
#include "http/uri.h"

namespace portico::gateway {

std::optional<std::string_view> RequestValues::header(std::string_view name) {
    if (!asked_header_ || last_header_ != name) {
        asked_header_ = true;
        last_header_ = name;
        std::string value;
        header_.reset();
        if (header_value(*request_.fields, name, value)) header_ = std::move(value);
    }
    return header_;
}

std::optional<std::string_view> RequestValues::query(std::string_view name) {
    if (!request_.has_query) return std::nullopt;
    if (asked_query_ > 0 && last_query_ == name) return parameter_;
    last_query_ = name;
    parameter_.reset();
    if (asked_query_ < kAsItCame) {
        ++asked_query_;
        std::string value;
        if (query_value(request_.query, name, value)) parameter_ = std::move(value);
        return parameter_;
    }
    if (asked_query_ == kAsItCame) {
        ++asked_query_;
        http::for_each_pair(request_.query, [&](std::string_view key, std::string_view value, std::string_view) {
            pairs_.try_emplace(http::decode_query_value(key), value);
        });
    }
    if (const auto found = pairs_.find(name); found != pairs_.end()) parameter_ = http::decode_query_value(found->second);
    return parameter_;
}

}  // namespace portico::gateway
