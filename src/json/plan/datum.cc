#include "json/plan/datum.h"

#include "base/meter.h"
#include "json/plan/decimal.h"
#include "json/writer.h"

namespace portico::json {

std::vector<Datum>& Datum::items() {
    if (value_) {
        items_.reserve(value_.size());
        for (const Value element : value_.elements()) {
            // The list is whole, whatever the answer: whoever goes through it asks again.
            Meter::spend(1);
            items_.emplace_back(element);
        }
        value_ = {};
    }
    return items_;
}

std::string Datum::key() const {
    std::string key(1, static_cast<char>('0' + static_cast<int>(kind_)));
    switch (kind_) {
        case Kind::number: key += canonical_number(text()); break;
        case Kind::array:
        case Kind::object:
            if (value_) append_value(key, value_);
            else append_to(key);
            break;
        default: key += text();
    }
    return key;
}

uint64_t Datum::cost() const {
    if (value_) return 1 + value_.size() + value_.source().size() / 64;
    uint64_t cost = 1 + text_.size() / 64;
    for (const Datum& item : items_) {
        Meter::spend(1);
        cost += item.cost();
    }
    return cost;
}

// As deep as lists were made of lists, which `split` alone does, and the document.
void Datum::append_to(std::string& out) const {
    if (value_) {
        out += value_.source();
        return;
    }
    switch (kind_) {
        case Kind::missing:
        case Kind::null: out += "null"; return;
        case Kind::string: append_string(out, text_); return;
        case Kind::array: {
            char before = '[';
            if (items_.empty()) out += before;
            for (const Datum& item : items_) {
                if (!Meter::spend(1)) break;
                out += before;
                before = ',';
                item.append_to(out);
            }
            out += ']';
            return;
        }
        default: out += text_; return;
    }
}

}  // namespace portico::json
