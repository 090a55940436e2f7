#include "json/plan/bound_path.h"

#include <array>

namespace portico::json {
namespace {

// A query's text from the document on.
std::string shown_from(std::string_view text, std::span<const RootName> names) {
    size_t end = 1;
    const auto is_part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
    while (end < text.size() && is_part(text[end])) ++end;
    const std::string_view root = text.substr(1, end - 1);
    for (const RootName& name : names) {
        if (name.name == root) return name.origin + std::string(text.substr(end));
    }
    return std::string(text);
}

std::expected<std::vector<uint32_t>, BindError> bind(std::string_view text, std::span<const std::string> roots, std::span<const RootName> names) {
    std::vector<uint32_t> places;
    for (const std::string& root : roots) {
        uint32_t place = 0;
        while (place < names.size() && names[place].name != root) ++place;
        if (place == names.size()) {
            const size_t at = text.find("$" + root);
            return std::unexpected(BindError{at == std::string_view::npos ? 0 : at, "nothing is known as $" + root, true, root});
        }
        places.push_back(place);
    }
    return places;
}

// The values at `places`, for one evaluation.
class Gathered {
  public:
    Gathered(std::span<const uint32_t> places, std::span<const Value> frame) : size_(places.size()) {
        if (size_ > inside_.size()) outside_.resize(size_);
        Value* to = outside_.empty() ? inside_.data() : outside_.data();
        for (size_t i = 0; i < size_; ++i) to[i] = frame[places[i]];
    }
    std::span<const Value> values() const { return {outside_.empty() ? inside_.data() : outside_.data(), size_}; }

  private:
    std::array<Value, 8> inside_;
    std::vector<Value> outside_;
    size_t size_;
};

constexpr PathOptions kOptions{.named_roots = true};

}  // namespace

std::expected<BoundPath, BindError> BoundPath::compile(std::string_view text, std::span<const RootName> names) {
    auto path = Path::compile(text, kOptions);
    if (!path) return std::unexpected(BindError{path.error().offset, std::move(path.error().what)});
    auto places = bind(text, path->root_names(), names);
    if (!places) return std::unexpected(std::move(places).error());
    BoundPath bound(*std::move(path));
    bound.places_ = *std::move(places);
    bound.shown_ = shown_from(bound.text(), names);
    return bound;
}

Value BoundPath::walk(std::span<const Path::Step> steps, std::span<const Value> frame, uint64_t& cost) const {
    Value from = frame[places_.front()];
    for (const Path::Step& step : steps) {
        cost += 1 + from.size() / 8;
        if (step.named) {
            from = from.find(step.name);
        } else {
            const int64_t index = step.index < 0 ? step.index + static_cast<int64_t>(from.size()) : step.index;
            from = index < 0 ? Value() : from.at(static_cast<size_t>(index));
        }
        if (!from) break;
    }
    return from;
}

std::expected<void, PathStop> BoundPath::evaluate(std::span<const Value> frame, std::vector<Value>& nodes, const PathBounds& bounds,
                                                       uint64_t& cost) const {
    return path_.evaluate(Gathered(places_, frame).values(), nodes, bounds, &cost);
}

std::expected<BoundCondition, BindError> BoundCondition::compile(std::string_view text, std::span<const RootName> names) {
    auto condition = Condition::compile(text, kOptions);
    if (!condition) return std::unexpected(BindError{condition.error().offset, std::move(condition.error().what)});
    auto places = bind(text, condition->root_names(), names);
    if (!places) return std::unexpected(std::move(places).error());
    BoundCondition bound(*std::move(condition));
    bound.places_ = *std::move(places);
    for (const std::string& query : bound.condition_.queries()) bound.shown_.push_back(shown_from(query, names));
    return bound;
}

std::expected<bool, PathStop> BoundCondition::holds(std::span<const Value> frame, const PathBounds& bounds, uint64_t& cost) const {
    return condition_.holds(Gathered(places_, frame).values(), bounds, &cost);
}

}  // namespace portico::json
