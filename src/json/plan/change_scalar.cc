#include "json/plan/change_scalar.h"

#include <algorithm>

#include "base/meter.h"
#include "base/text.h"
#include "json/plan/decimal.h"
#include "json/plan/kind_name.h"
#include "json/plan/number.h"

namespace portico::json::detail {
namespace {

using Kind = portico::json::Kind;

bool refuse(const Change& change, const Datum& datum, std::string_view wanted, std::string& why) {
    why = "is " + std::string(name_of(datum.kind())) + ", and " + std::string(change.name()) + " takes " + std::string(wanted);
    return false;
}

// How a text is written, without what it says: `2024-13-45T` is 9999-99-99a. For messages, which hold no value of a body.
std::string shape_of(std::string_view text) {
    constexpr size_t kMostShown = 40;
    std::string shape;
    for (const char c : text.substr(0, kMostShown)) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool digit = c >= '0' && c <= '9';
        shape += digit ? '9' : letter ? 'a' : c >= ' ' && c < 0x7F ? c : '?';
    }
    return text.size() > kMostShown ? shape + "…" : shape;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// Its first `points` code points.
std::string_view truncated(std::string_view text, size_t points) {
    size_t at = 0;
    for (; at < text.size(); ++at) {
        const bool begins = (static_cast<uint8_t>(text[at]) & 0xC0) != 0x80;
        if (begins && points-- == 0) break;
    }
    return text.substr(0, at);
}

// A piece may take fifty times the memory of the text that it was cut out of, and the memory of all is moved as there are more.
constexpr size_t kMostPieces = 100'000;
constexpr uint64_t kPieceCost = 2;

// Bytes of a value that is made: up to so many its Datum holds; beyond, so many are a step, those of a number too.
constexpr size_t kFree = 15;
constexpr size_t kBytesAStep = 16;

bool split(const Change& change, Datum& datum, ListRoom& room, std::string& why) {
    if (!datum.is(Kind::string)) return refuse(change, datum, "a text", why);
    std::string_view text = datum.text();
    std::vector<Datum> pieces;
    while (true) {
        if (pieces.size() == kMostPieces) return room.refuse("would be split into more than " + std::to_string(kMostPieces) + " pieces", why);
        const size_t end = text.find(change.text);
        const std::string_view piece = text.substr(0, end);
        if (!room.add(1, why) || !room.hold(piece.size(), why)) return false;
        if (!Meter::spend(kPieceCost + piece.size() / Meter::kBytesAStep)) return room.refuse("takes too many steps", why);
        pieces.push_back(Datum::string(std::string(piece)));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + change.text.size());
    }
    datum = Datum::list(std::move(pieces));
    return true;
}

bool change_text(const Change& change, Datum& datum, std::string& why) {
    if (!datum.is(Kind::string)) return refuse(change, datum, "a text", why);
    const std::string_view text = datum.text();
    std::string changed;
    switch (change.kind) {
        case Change::Kind::lower: changed = to_lower(text); break;
        case Change::Kind::upper:
            changed = text;
            for (char& c : changed) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
            break;
        case Change::Kind::trim: changed = trimmed(text); break;
        default: changed = truncated(text, change.number); break;
    }
    datum = Datum::string(std::move(changed));
    return true;
}

bool change_round(const Change& change, Datum& datum, std::string& why) {
    if (!datum.is(Kind::number)) return refuse(change, datum, "a number", why);
    auto number = Decimal::parse(datum.text());
    if (!number) {
        why = "is a number of too many digits to be rounded";
        return false;
    }
    Meter::spend(number->digits() / kBytesAStep);
    number->round(change.number);
    datum = Datum::number(number->text());
    return true;
}

bool change_date(const Change& change, Datum& datum, std::string& why) {
    if (!datum.is(Kind::string) && !datum.is(Kind::number)) return refuse(change, datum, "a text or a number", why);
    const auto moment = change.from->read(datum.text());
    if (!moment) {
        why = "is no date of the form " + std::string(change.from->name()) + ": it is written like \"" + shape_of(datum.text()) + "\"";
        return false;
    }
    std::string text = change.to->write(*moment);
    datum = change.to->is_number() ? Datum::number(std::move(text)) : Datum::string(std::move(text));
    return true;
}

bool change_map(const Change& change, Datum& datum, std::string& why) {
    if (datum.is(Kind::object) || datum.is(Kind::array)) return refuse(change, datum, "a text, a number or a boolean", why);
    const auto found = std::ranges::lower_bound(change.words, datum.text(), {}, [](const auto& word) { return std::string_view(word.first); });
    if (found != change.words.end() && found->first == datum.text()) {
        datum = found->second;
        return true;
    }
    if (change.rest) {
        datum = *change.rest;
        return true;
    }
    why = "is none of the words that map knows";
    return false;
}

bool cast_to_number(const Change& change, Datum& datum, std::string& why) {
    const std::string_view text = datum.text();
    if ((!datum.is(Kind::string) && !datum.is(Kind::number)) || !is_number(text)) {
        why = "is " + std::string(name_of(datum.kind())) + " that is no " + (change.whole ? "integer" : "number");
        return false;
    }
    if (!change.whole) {
        datum = Datum::number(std::string(text));
        return true;
    }
    const auto number = Decimal::parse(text);
    if (!number || !number->is_whole()) {
        why = "is no integer";
        return false;
    }
    datum = Datum::number(number->text(true));
    return true;
}

bool change_type(const Change& change, Datum& datum, std::string& why) {
    if (datum.is(Kind::object) || datum.is(Kind::array)) return refuse(change, datum, "a text, a number or a boolean", why);
    const std::string_view text = datum.text();
    switch (change.cast) {
        case Kind::string: datum = Datum::string(std::string(text)); return true;
        case Kind::boolean: {
            if (datum.is(Kind::boolean)) return true;
            const bool yes = text == "true" || text == "1";
            if (!yes && text != "false" && text != "0") {
                why = "is " + std::string(name_of(datum.kind())) + " that is neither true nor false";
                return false;
            }
            datum = Datum::boolean(yes);
            return true;
        }
        default: return cast_to_number(change, datum, why);
    }
}

}  // namespace

bool apply_to_scalar(const Change& change, Datum& datum, ListRoom& room, std::string& why) {
    if (change.kind == Change::Kind::split) return split(change, datum, room, why);
    bool fits = false;
    switch (change.kind) {
        case Change::Kind::round: fits = change_round(change, datum, why); break;
        case Change::Kind::date: fits = change_date(change, datum, why); break;
        case Change::Kind::map: fits = change_map(change, datum, why); break;
        case Change::Kind::cast: fits = change_type(change, datum, why); break;
        default: fits = change_text(change, datum, why); break;
    }
    // It may be long, whatever it was made of: 1e300 is short to write.
    const size_t made = datum.value() ? 0 : datum.text().size();
    if (!fits || made <= kFree) return fits;
    if (Meter::spend(made / kBytesAStep)) return room.hold(made, why);
    why = "takes too many steps";
    return false;
}

}  // namespace portico::json::detail
