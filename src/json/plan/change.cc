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
    if (Meter::spend(1 + item.text().size() / Meter::kBytesAStep)) return true;
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

bool apply_to_object(const Change& change, Datum& datum, std::string& why) {
    if (!datum.is(Kind::object)) return refuse(change, datum, "an object", why);
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

bool is_less(const Datum& a, const Datum& b) {
    return a.is(Kind::number) ? compare_numbers(a.text(), b.text()) < 0 : a.text() < b.text();
}

bool apply_sum(std::vector<Datum>& items, Datum& into, std::string& why) {
    Decimal sum;
    for (const Datum& item : items) {
        if (!look_at(item, why)) return false;
        const auto number = item.is(Kind::number) ? Decimal::parse(item.text()) : std::nullopt;
        if (number && sum.add(*number)) continue;
        why = item.is(Kind::number) ? "holds a number of too many digits to be added" : "holds " + std::string(name_of(item.kind())) + ", and sum takes numbers";
        return false;
    }
    into = Datum::number(sum.text());
    return true;
}

bool apply_join(const Change& change, std::vector<Datum>& items, Datum& into, std::string& why) {
    std::string text;
    for (size_t i = 0; i < items.size(); ++i) {
        const Datum& item = items[i];
        if (!look_at(item, why)) return false;
        if (item.is(Kind::array) || item.is(Kind::object)) {
            why = "holds " + std::string(name_of(item.kind())) + ", and join takes texts, numbers and booleans";
            return false;
        }
        if (i > 0) text += change.text;
        text += item.text();
    }
    into = Datum::string(std::move(text));
    return true;
}

// Equal ones stay in their order.
bool apply_sort(std::vector<Datum>& items, std::string& why) {
    std::vector<uint32_t> order(items.size());
    std::iota(order.begin(), order.end(), 0U);
    const bool sorted_all = metered_sort(order, [&](uint32_t a, uint32_t b) {
        if (is_less(items[a], items[b])) return true;
        return !is_less(items[b], items[a]) && a < b;
    });
    if (!sorted_all) {
        why = "takes too many steps";
        return false;
    }
    std::vector<Datum> sorted;
    sorted.reserve(items.size());
    for (const uint32_t i : order) sorted.push_back(std::move(items[i]));
    items = std::move(sorted);
    return true;
}

bool apply_flatten(std::vector<Datum>& items, std::string& why) {
    std::vector<Datum> flat;
    for (Datum& item : items) {
        if (!look_at(item, why)) return false;
        if (!item.is(Kind::array)) flat.push_back(std::move(item));
        else std::ranges::move(item.items(), std::back_inserter(flat));
    }
    items = std::move(flat);
    return true;
}

bool apply_to_list(const Change& change, Datum& datum, std::string& why) {
    if (!datum.is(Kind::array)) return refuse(change, datum, "a list", why);
    std::vector<Datum>& items = datum.items();
    const bool ordered = change.kind == Change::Kind::min || change.kind == Change::Kind::max || change.kind == Change::Kind::sort;
    if (ordered && !are_comparable(change, items, why)) return false;
    const auto take = [&](auto at) {
        Datum taken = items.empty() ? Datum() : std::move(*at);
        datum = std::move(taken);
        return true;
    };
    switch (change.kind) {
        case Change::Kind::first: return take(items.begin());
        case Change::Kind::last: return take(items.empty() ? items.end() : items.end() - 1);
        case Change::Kind::min: return take(std::ranges::min_element(items, is_less));
        case Change::Kind::max: return take(std::ranges::max_element(items, is_less));
        case Change::Kind::reverse: std::ranges::reverse(items); return true;
        case Change::Kind::sort: return apply_sort(items, why);
        case Change::Kind::compact: std::erase_if(items, [](const Datum& d) { return d.is(Kind::null); }); return true;
        case Change::Kind::flatten: return apply_flatten(items, why);
        case Change::Kind::unique: {
            TextSet seen;
            bool all = true;
            std::erase_if(items, [&](const Datum& d) { return !(all = all && look_at(d, why)) || !seen.insert(d.key()).second; });
            return all;
        }
        case Change::Kind::sum: {
            Datum sum;
            if (!apply_sum(items, sum, why)) return false;
            datum = std::move(sum);
            return true;
        }
        case Change::Kind::join: {
            Datum text;
            if (!apply_join(change, items, text, why)) return false;
            datum = std::move(text);
            return true;
        }
        default: return false;
    }
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

bool apply(const Change& change, Datum& datum, std::string& why) {
    if (datum.is(Kind::null) || datum.is(Kind::missing)) return true;
    if (change.kind == Change::Kind::length) return apply_length(change, datum, why);
    if (change.kind == Change::Kind::keys || change.kind == Change::Kind::values) return apply_to_object(change, datum, why);
    if (change.kind > Change::Kind::length) return apply_to_list(change, datum, why);
    if (!datum.is(Kind::array)) return detail::apply_to_scalar(change, datum, why);
    for (Datum& item : datum.items()) {
        if (!look_at(item, why)) return false;
        if (!item.is(Kind::null) && !detail::apply_to_scalar(change, item, why)) {
            why = "holds what does not fit: one " + why;
            return false;
        }
    }
    return true;
}

}  // namespace portico::json
