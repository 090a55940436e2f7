#include "gateway/form_document.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "base/held.h"
#include "base/meter.h"
#include "base/metered_sort.h"
#include "base/text.h"
#include "base/text_table.h"
#include "http/credential.h"
#include "http/form.h"
#include "http/metered_text.h"
#include "http/uri.h"
#include "json/writer.h"

namespace portico::gateway {
namespace {

std::string_view text_of(json::Value scalar) {
    return scalar.is_string() ? scalar.string() : scalar.source();
}

// What reading or writing a text as JSON takes, in steps.
uint64_t steps_of_text(size_t bytes) { return 2 + bytes / 16; }

// As JSON texts: a key for them together.
std::string pair_of(std::string_view name, std::string_view value) {
    std::string pair;
    pair.reserve(name.size() + 1 + value.size());
    return pair.append(name).append(1, ':').append(value);
}

std::string as_json_text(std::string_view text) {
    std::string out;
    json::Writer(out).value(text);
    return out;
}

// Whether every reader takes the bytes for the one pair that they are here.
bool is_plain_pair(std::string_view pair) {
    http::MeteredText metered(pair);
    for (size_t i = 0; i < pair.size() && metered.reaches(i); ++i) {
        if (pair[i] == ';') return false;
        if (pair[i] != '%') continue;
        if (i + 2 >= pair.size() || hex_value(pair[i + 1]) < 0 || hex_value(pair[i + 2]) < 0) return false;
    }
    return true;
}

// Puts the pairs of an object together with those that came.
class FormWriter {
  public:
    FormWriter(std::string_view came, std::span<const std::string> decided) : decided_(decided) {
        http::for_each_pair(came, [&](std::string_view name, std::string_view value, std::string_view pair) {
            if (!Meter::spend(2 * steps_of_text(pair.size()))) return false;
            const std::string key = pair_of(as_json_text(http::decode_query_value(name)), as_json_text(http::decode_query_value(value)));
            came_[key].all.push_back({name, value, pair, places_++});
            return true;
        });
    }

    void put(const json::Member& member, json::Value value) {
        // The name counts for each value of a list.
        const std::string_view name = member.name_value.source();
        if (!Meter::spend(2 + steps_of_text(name.size() + value.source().size()))) return;
        std::string pair;
        const auto found = came_.empty() ? came_.end() : came_.find(pair_of(name, value.source()));
        if (found != came_.end() && found->second.taken < found->second.all.size()) {
            const Came& one = found->second.all[found->second.taken++];
            last_ = one.place;
            // Else of the bytes that came too: what is not UTF-8 would become another name or text by way of the document.
            if (is_plain_pair(one.pair)) pair = one.pair;
            else http::append_form_pair(pair, 0, http::decode_query_value(one.name), http::decode_query_value(one.text));
        }
        if (pair.empty()) http::append_form_pair(pair, 0, member.name, text_of(value));
        if (is_other_spelling(member.name, pair)) return;
        // Here, and in what is made of them.
        bytes_ += 2 * pair.size() + sizeof(pairs_[0]);
        if (bytes_ > counted_ + kUncounted && !held_.set(counted_ = bytes_)) return Meter::out_of_memory();
        pairs_.emplace_back(last_, std::move(pair));
    }

    void write(std::string& out) {
        // What is new stands behind what it follows in the object.
        // Those of one place keep their order; libstdc++ 12's stable_sort takes its buffer by a function that its own headers deprecate.
        std::vector<size_t> order(pairs_.size());
        std::iota(order.begin(), order.end(), size_t{0});
        if (!metered_sort(order, [this](size_t a, size_t b) { return std::pair(pairs_[a].first, a) < std::pair(pairs_[b].first, b); })) return;
        for (bool first = true; const size_t i : order) {
            if (!Meter::spend(Meter::steps_of(pairs_[i].second.size()))) return;
            if (!std::exchange(first, false)) out += '&';
            out += pairs_[i].second;
        }
    }

  private:
    struct Came {
        std::string_view name, text;  // encoded
        std::string_view pair;        // its bytes
        size_t place;
    };
    struct Same {
        std::vector<Came> all;
        size_t taken = 0;  // of them, from the front
    };
    // Bytes that are made before more is counted.
    static constexpr size_t kUncounted = size_t{64} << 10;

    bool is_other_spelling(std::string_view name, std::string_view pair) const {
        if (std::ranges::find(decided_, name) != decided_.end()) return false;
        return std::ranges::any_of(decided_, [&](const std::string& decided) { return http::bears_name(pair, decided); });
    }

    std::span<const std::string> decided_;
    TextMap<Same> came_;  // by pair_of()
    std::vector<std::pair<size_t, std::string>> pairs_;         // with the place in the form as it came
    Held held_{Holding::made};
    size_t bytes_ = 0, counted_ = 0;
    size_t places_ = 0;
    size_t last_ = 0;
};

}  // namespace

bool append_form_as_json(std::string& out, std::string_view form, size_t max_pairs) {
    const auto pairs = http::parse_form(form, max_pairs);
    if (!pairs) return false;
    TextViewMap<size_t> places;
    std::vector<std::vector<const http::FormPair*>> members;
    for (const http::FormPair& pair : *pairs) {
        const auto [place, is_new] = places.try_emplace(pair.name, members.size());
        if (is_new) members.emplace_back();
        members[place->second].push_back(&pair);
    }
    json::Writer writer(out);
    writer.begin_object();
    for (const auto& member : members) {
        if (!Meter::spend(steps_of_text(member.front()->name.size()))) break;
        writer.key(member.front()->name);
        if (member.size() > 1) writer.begin_array();
        for (const http::FormPair* pair : member) {
            if (!Meter::spend(steps_of_text(pair->value.size()))) break;
            writer.value(pair->value);
        }
        if (member.size() > 1) writer.end_array();
    }
    writer.end_object();
    return true;
}

std::expected<void, std::string> append_json_as_form(std::string& out, json::Value object, std::string_view came,
                                                       std::span<const std::string> decided) {
    if (!object.is_object()) return std::unexpected("it is not an object");
    FormWriter form(came, decided);
    for (const json::Member member : object.members()) {
        const auto refuse = [&](std::string_view what) { return std::unexpected("`" + std::string(member.name) + "` " + std::string(what)); };
        if (!Meter::spend(1)) return {};
        if (member.value.is_null()) continue;
        if (member.value.is_object()) return refuse("is an object");
        if (!member.value.is_array()) {
            form.put(member, member.value);
            continue;
        }
        for (const json::Value element : member.value.elements()) {
            if (!Meter::spend(1)) return {};
            if (element.is_object() || element.is_array()) return refuse("holds an object or a list");
            if (!element.is_null()) form.put(member, element);
        }
    }
    form.write(out);
    return {};
}

}  // namespace portico::gateway
