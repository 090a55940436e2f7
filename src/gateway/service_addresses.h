// Services by what is behind their names: those that share an endpoint are one, called by the first of them (LANGUAGE.md §2.7). At load.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "config/model.h"

namespace portico::gateway {

class ServiceAddresses {
  public:
    explicit ServiceAddresses(const config::Config& config) : first_(config.services.size()) {
        std::iota(first_.begin(), first_.end(), 0);
        std::map<std::pair<std::string, uint16_t>, size_t> known;
        for (size_t i = 0; i < first_.size(); ++i) {
            for (const config::EndpointConfig& e : config.services[i].endpoints) {
                const size_t before = root(known.try_emplace({comparable_host(e.host), e.port}, i).first->second), here = root(i);
                first_[std::max(before, here)] = static_cast<int32_t>(std::min(before, here));
            }
        }
        for (size_t i = 0; i < first_.size(); ++i) names_[of(i)].push_back(static_cast<int32_t>(i));
    }
    int32_t of(size_t service) const { return static_cast<int32_t>(root(service)); }
    const std::vector<int32_t>& names_of(int32_t address) const { return names_.at(address); }

  private:
    size_t root(size_t service) const {
        while (first_[service] != static_cast<int32_t>(service)) service = static_cast<size_t>(first_[service]);
        return service;
    }

    std::vector<int32_t> first_;
    std::map<int32_t, std::vector<int32_t>> names_;
};

}  // namespace portico::gateway
