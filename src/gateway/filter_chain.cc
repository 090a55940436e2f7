#include "gateway/filter_chain.h"

#include <algorithm>

#include "gateway/body_filter.h"

namespace portico::gateway {

Result<void> FilterChain::take(std::string_view part, bool last, std::string& out) {
    last_ = last;
    given_.resize(x_.body_filters.size());
    return pass_on(0, part, out);
}

bool FilterChain::has_more() const {
    return std::ranges::any_of(x_.body_filters, [](const auto& filter) { return filter->has_more(); });
}

// The last one that has more: what it gave before has passed those behind it.
Result<void> FilterChain::go_on(std::string& out) {
    size_t i = x_.body_filters.size() - 1;
    while (!x_.body_filters[i]->has_more()) --i;
    std::string made;
    if (auto went = x_.body_filters[i]->go_on(made); !went) return blame(i, std::move(went));
    if (i + 1 == x_.body_filters.size()) {
        out = std::move(made);
        return {};
    }
    given_[i + 1] = std::move(made);
    return pass_on(i + 1, given_[i + 1], out);
}

Result<void> FilterChain::pass_on(size_t first, std::string_view part, std::string& out) {
    bool whole = last_ && std::none_of(x_.body_filters.begin(), x_.body_filters.begin() + static_cast<ptrdiff_t>(first), [](const auto& f) { return f->has_more(); });
    for (size_t i = first; i < x_.body_filters.size(); ++i) {
        BodyFilter& filter = *x_.body_filters[i];
        std::string made;
        if (part.size() > filter.max_body()) {
            return blame(i, fail(Fault::answer_too_large, "more than " + std::to_string(filter.max_body()) + " bytes"));
        }
        if (auto took = filter.take(part, whole, made); !took) return blame(i, std::move(took));
        whole = whole && !filter.has_more();
        std::string& to = i + 1 == x_.body_filters.size() ? out : given_[i + 1];
        to = std::move(made);
        part = to;
    }
    return {};
}

Result<void> FilterChain::blame(size_t filter, Result<void> failed) {
    x_.refused_by = x_.body_filters[filter]->policy();
    return failed;
}

}  // namespace portico::gateway
