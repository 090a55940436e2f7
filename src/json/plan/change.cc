#include "json/plan/change.h"

#include <algorithm>
#include <numeric>

#include "base/meter.h"
#include "base/metered_sort.h"
#include "base/text_table.h"
#include "json/plan/change_scalar.h"
#include "json/plan/decimal.h"
#include "json/plan/kind_name.h"
#include "json/path/path_number.h"

namespace portico::json {
namespace {

using Kind = portico::json::Kind;

constexpr ChangeName kNames[] = {
    {"lower", Change::Kind::lower},     {"upper", Change::Kind::upper},     {"trim", Change::Kind::trim},
    {"truncate", Change::Kind::truncate, ChangeName::Argument::number},     {"split", Change::Kind::split, ChangeName::Argument::text},
    {"round", Change::Kind::round, ChangeName::Argument::number},           {"length", Change::Kind::length},
    {"first", Change::Kind::first},     {"last", Change::Kind::last},       {"reverse", Change::Kind::reverse},
    {"sort", Change::Kind::sort},       {"unique", Change::Kind::unique},   {"flatten", Change::Kind::flatten},
    {"compact", Change::Kind::compact}, {"sum", Change::Kind::sum},         {"min", Change::Kind::min},
    {"max", Change::Kind::max},         {"join", Change::Kind::join, ChangeName::Argument::text},
    {"keys", Change::Kind::keys},       {"values", Change::Kind::values},
};

bool refuse(const Change& change, const Datum& datum, std::string_view wanted, std::string& why) {
    why = "is " + std::string(name_of(datum.kind())) + ", and " + std::string(change.name()) + " takes " + std::string(wanted);
    return false;
}

// One more of a list is looked at. What it costs as a whole its Datum says; here it only gives the thread to others in between.
bool look_at(const Datum& item, std::string& why) {
    const std::string_view text = item.text();
    if (Meter::spend(1 + (item.is(Kind::number) ? number_cost(text) : text.size() / Meter::kBytesAStep))) return true;
    why = "takes too many steps";
    return false;
}

size_t code_points(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

bool apply_length(const Change& change, Datum& datum, std::string& why) {
    const bool text = datum.is(Kind::string);
    if (!text && !datum.is(Kind::array) && !datum.is(Kind::object)) return refuse(change, datum, "a list, a text or an object", why);
    datum = Datum::number(std::to_string(text ? code_points(datum.text()) : datum.size()));
    return true;
}

bool apply_to_object(const Change& change, Datum& datum, ListRoom& room, std::string& why) {
    if (!datum.is(Kind::object)) return refuse(change, datum, "an object", why);
    if (!room.add(datum.size(), why)) return false;
    std::vector<Datum> items;
    for (const Member member : datum.value().members()) {
        if (!look_at(datum, why)) return false;
        items.push_back(change.kind == Change::Kind::keys ? Datum(member.name_value) : Datum(member.value));
    }
    datum = Datum::list(std::move(items));
    return true;
}

// Whether all are numbers, or all are texts: what can be put in order.
bool are_comparable(const Change& change, const std::vector<Datum>& items, std::string& why) {
    for (const Datum& item : items) {
        if (!look_at(item, why)) return false;
        const bool good = item.is(Kind::number) || item.is(Kind::string);
        if (good && item.kind() == items.front().kind()) continue;
        why = "holds " + std::string(name_of(item.kind())) + ", and " + std::string(change.name()) + " takes numbers alone, or texts alone";
        return false;
    }
    return true;
}

// What an item stands by among others of its kind. @requires it is a number or a text, and stays where it is
struct OrderKey {
    explicit OrderKey(const Datum& item) : is_number(item.is(Kind::number)), text(item.text()) {
        if (is_number) number = NumberKey(text);
    }
    friend bool operator<(const OrderKey& a, const OrderKey& b) { return a.is_number ? a.number < b.number : a.text < b.text; }

    bool is_number;
    std::string_view text;
    NumberKey number;
};

// The first of the least, or of the greatest.
bool take_outermost(const Change& change, std::vector<Datum>& items, Datum& into, std::string& why) {
    if (items.empty()) {
        into = Datum();
        return true;
    }
    size_t best = 0;
    OrderKey best_key(items.front());
    for (size_t i = 1; i < items.size(); ++i) {
        if (!look_at(items[i], why)) return false;
        const OrderKey key(items[i]);
        if (change.kind == Change::Kind::min ? !(key < best_key) : !(best_key < key)) continue;
        best = i;
        best_key = key;
    }
    Datum taken = std::move(items[best]);
    into = std::move(taken);
    return true;
}

// Of a sum, in adding one number to it.
constexpr size_t kDigitsAStep = 4;

bool apply_sum(std::vector<Datum>& items, Datum& into, std::string& why) {
    Decimal sum;
    for (const Datum& item : items) {
        if (!look_at(item, why)) return false;
        const auto number = item.is(Kind::number) ? Decimal::parse(item.text()) : std::nullopt;
        // What is short to write may have many digits, and the sum keeps them.
        if (number && !Meter::spend(1 + sum.digits() / kDigitsAStep)) {
            why = "takes too many steps";
            return false;
        }
        if (number && sum.add(*number)) continue;
        why = item.is(Kind::number) ? "holds a number of too many digits to be added" : "holds " + std::string(name_of(item.kind())) + ", and sum takes numbers";
        return false;
    }
    into = Datum::number(sum.text());
    return true;
}

bool apply_join(const Change& change, std::vector<Datum>& items, Datum& into, ListRoom& room, std::string& why) {
    std::string text;
    for (size_t i = 0; i < items.size(); ++i) {
        const Datum& item = items[i];
        if (!look_at(item, why)) return false;
        if (item.is(Kind::array) || item.is(Kind::object)) {
            why = "holds " + std::string(name_of(item.kind())) + ", and join takes texts, numbers and booleans";
            return false;
        }
        if (!room.hold(change.text.size() + item.text().size(), why)) return false;
        if (i > 0) text += change.text;
        text += item.text();
    }
    into = Datum::string(std::move(text));
    return true;
}

// Equal ones stay in their order.
bool apply_sort(std::vector<Datum>& items, std::string& why) {
    // Only while it is sorted.
    ListRoom room(0);
    if (!room.hold(items.size() * (sizeof(OrderKey) + 2 * sizeof(uint32_t) + sizeof(Datum)), why)) return false;
    std::vector<OrderKey> keys;
    keys.reserve(items.size());
    uint64_t bytes = 0;
    for (const Datum& item : items) {
        if (!look_at(item, why)) return false;
        bytes += keys.emplace_back(item).text.size();
    }
    std::vector<uint32_t> order(items.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto less = [&](uint32_t a, uint32_t b) {
        if (keys[a] < keys[b]) return true;
        return !(keys[b] < keys[a]) && a < b;
    };
    if (!metered_sort(order, less, 1 + bytes / std::max<size_t>(items.size(), 1) / Meter::kBytesAStep)) {
        why = "takes too many steps";
        return false;
    }
    std::vector<Datum> sorted;
    sorted.reserve(items.size());
    for (const uint32_t i : order) {
        if (!look_at(items[i], why)) return false;
        sorted.push_back(std::move(items[i]));
    }
    items = std::move(sorted);
    return true;
}

// The elements of a list, made its own. @returns none where they take too much
std::vector<Datum>* items_of(Datum& list, ListRoom& room, std::string& why) {
    if (list.value() && !room.make(list.size(), why)) return nullptr;
    return &list.items();
}

bool apply_flatten(std::vector<Datum>& items, ListRoom& room, std::string& why) {
    std::vector<Datum> flat;
    for (Datum& item : items) {
        if (!look_at(item, why)) return false;
        const bool is_list = item.is(Kind::array);
        if (!room.add(is_list ? item.size() : 1, why)) return false;
        if (!is_list) {
            flat.push_back(std::move(item));
            continue;
        }
        std::vector<Datum>* const inner_items = items_of(item, room, why);
        if (inner_items == nullptr) return false;
        for (Datum& inner : *inner_items) {
            if (!look_at(inner, why)) return false;
            flat.push_back(std::move(inner));
        }
    }
    items = std::move(flat);
    return true;
}

bool apply_reverse(std::vector<Datum>& items, std::string& why) {
    for (size_t i = 0; i < items.size() / 2; ++i) {
        if (!look_at(items[i], why)) return false;
        std::swap(items[i], items[items.size() - 1 - i]);
    }
    return true;
}

// Those stay for which `stays` holds.
bool keep_those(std::vector<Datum>& items, auto stays, std::string& why) {
    std::erase_if(items, [&](const Datum& d) { return !why.empty() || !look_at(d, why) || !stays(d); });
    return why.empty();
}

// The first of a list, or the last.
void take_end(const Change& change, Datum& datum) {
    const size_t at = change.kind == Change::Kind::first ? 0 : datum.size() - 1;
    Datum taken;
    if (datum.value()) taken = Datum(datum.value().at(at));
    else if (datum.size() > 0) taken = std::move(datum.items()[at]);
    datum = std::move(taken);
}

bool apply_to_list(const Change& change, Datum& datum, ListRoom& room, std::string& why) {
    if (!datum.is(Kind::array)) return refuse(change, datum, "a list", why);
    if (change.kind == Change::Kind::first || change.kind == Change::Kind::last) {
        take_end(change, datum);
        return true;
    }
    std::vector<Datum>* const list = items_of(datum, room, why);
    if (list == nullptr) return false;
    std::vector<Datum>& items = *list;
    const bool ordered = change.kind == Change::Kind::min || change.kind == Change::Kind::max || change.kind == Change::Kind::sort;
    if (ordered && !are_comparable(change, items, why)) return false;
    switch (change.kind) {
        case Change::Kind::reverse: return apply_reverse(items, why);
        case Change::Kind::sort: return apply_sort(items, why);
        case Change::Kind::compact: return keep_those(items, [](const Datum& d) { return !d.is(Kind::null); }, why);
        case Change::Kind::flatten: return apply_flatten(items, room, why);
        case Change::Kind::unique: {
            // A table that grows is made anew in one go.
            TextSet seen(items.size());
            const auto is_new = [&](const Datum& d) {
                std::string key = d.key();
                return room.hold(key.size() + ListRoom::kOfAKey, why) && seen.insert(std::move(key)).second;
            };
            const bool kept = keep_those(items, is_new, why);
            let_go_by_steps(seen);
            return kept;
        }
        default: break;
    }
    Datum one;
    const bool fits = change.kind == Change::Kind::sum    ? apply_sum(items, one, why)
                      : change.kind == Change::Kind::join ? apply_join(change, items, one, room, why)
                                                          : take_outermost(change, items, one, why);
    if (fits) datum = std::move(one);
    return fits;
}

}  // namespace

std::span<const ChangeName> change_names() {
    return kNames;
}

std::string_view Change::name() const {
    if (kind == Kind::date) return "date";
    if (kind == Kind::map) return "map";
    if (kind == Kind::cast) return "cast";
    for (const ChangeName& n : kNames) {
        if (n.kind == kind) return n.name;
    }
    return "";
}

bool apply(const Change& change, Datum& datum, ListRoom& room, std::string& why) {
    if (datum.is(Kind::null) || datum.is(Kind::missing)) return true;
    room.begin();
    if (change.kind == Change::Kind::length) return apply_length(change, datum, why);
    if (change.kind == Change::Kind::keys || change.kind == Change::Kind::values) return apply_to_object(change, datum, room, why);
    if (change.kind > Change::Kind::length) return apply_to_list(change, datum, room, why);
    if (!datum.is(Kind::array)) return detail::apply_to_scalar(change, datum, room, why);
    std::vector<Datum>* const items = items_of(datum, room, why);
    if (items == nullptr) return false;
    for (Datum& item : *items) {
        if (!look_at(item, why)) return false;
        if (!item.is(Kind::null) && !detail::apply_to_scalar(change, item, room, why)) {
            why = "holds what does not fit: one " + why;
            return false;
        }
    }
    return true;
}

}  // namespace portico::json
