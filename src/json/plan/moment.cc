#include "json/plan/moment.h"

#include <array>
#include <chrono>
#include <charconv>

#include "json/plan/decimal.h"
#include "json/plan/number.h"

namespace portico::json {
namespace {

using namespace std::chrono;

constexpr int64_t kFirst = -62135596800;   // 0001-01-01T00:00:00Z
constexpr int64_t kLast = 253402300799;    // 9999-12-31T23:59:59Z

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                      "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

// A civil time while it is put together.
struct Fields {
    int year = 1970;
    unsigned month = 1, day = 1;
    int hour = 0, minute = 0, second = 0;
    uint32_t nanoseconds = 0;
    int offset = 0;          // seconds east of UTC
    int day_of_year = 0;     // 0: not said
    bool twelve = false, afternoon = false;
    std::optional<int64_t> epoch{};

    std::optional<Moment> moment() const {
        if (epoch) return in_range(*epoch);
        year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
        if (day_of_year > 0) {
            date = sys_days(std::chrono::year(year) / 1 / 1) + days(day_of_year - 1);
            if (static_cast<int>(date.year()) != year) return std::nullopt;
        }
        int h = hour;
        if (twelve) {
            if (h < 1 || h > 12) return std::nullopt;
            h = h % 12 + (afternoon ? 12 : 0);
        }
        // A leap second is the next minute's first.
        if (!date.ok() || h > 23 || minute > 59 || second > 60) return std::nullopt;
        const int64_t day_seconds = int64_t{sys_days(date).time_since_epoch().count()} * 86400;
        return in_range(day_seconds + h * 3600 + minute * 60 + second - offset);
    }

  private:
    std::optional<Moment> in_range(int64_t seconds) const {
        if (seconds < kFirst || seconds > kLast) return std::nullopt;
        return Moment{seconds, nanoseconds};
    }
};

class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool at_end() const { return text_.empty(); }
    char peek() const { return text_.empty() ? '\0' : text_.front(); }
    bool take(char c) {
        if (peek() != c) return false;
        text_.remove_prefix(1);
        return true;
    }
    void skip_blanks() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n') text_.remove_prefix(1);
    }
    // `least` to `most` digits.
    template <class Int>
    bool number(size_t least, size_t most, Int& into) {
        size_t n = 0;
        Int value = 0;
        while (n < most && n < text_.size() && text_[n] >= '0' && text_[n] <= '9') value = value * 10 + static_cast<Int>(text_[n++] - '0');
        if (n < least) return false;
        into = value;
        text_.remove_prefix(n);
        return true;
    }
    // Digits behind the point: nanoseconds, what is finer is cut.
    bool fraction(uint32_t& into) {
        uint32_t value = 0;
        size_t n = 0;
        for (; n < text_.size() && text_[n] >= '0' && text_[n] <= '9'; ++n) {
            if (n < 9) value = value * 10 + static_cast<uint32_t>(text_[n] - '0');
        }
        for (size_t i = n; i < 9; ++i) value *= 10;
        text_.remove_prefix(n);
        into = value;
        return n > 0;
    }
    // A name, whole or its first three letters, without regard to case. @returns its place, -1 where there is none
    int name(std::span<const std::string_view> names) {
        for (size_t i = 0; i < names.size(); ++i) {
            for (const size_t size : {names[i].size(), size_t{3}}) {
                if (!same(text_.substr(0, size), names[i].substr(0, size))) continue;
                text_.remove_prefix(size);
                return static_cast<int>(i);
            }
        }
        return -1;
    }
    bool word(std::string_view word) {
        if (!same(text_.substr(0, word.size()), word)) return false;
        text_.remove_prefix(word.size());
        return true;
    }
    // Z, +01:00, +0100, +01
    bool offset(int& into) {
        if (take('Z') || take('z')) {
            into = 0;
            return true;
        }
        const bool east = peek() == '+';
        if (!take('+') && !take('-')) return false;
        int hours = 0;
        int minutes = 0;
        if (!number(2, 2, hours)) return false;
        if (take(':')) {
            if (!number(2, 2, minutes)) return false;
        } else {
            number(2, 2, minutes);
        }
        if (hours > 23 || minutes > 59) return false;
        into = (hours * 60 + minutes) * 60 * (east ? 1 : -1);
        return true;
    }
    bool epoch(Fields& fields) {
        const bool before = take('-');
        int64_t n = 0;
        if (!number(1, 12, n)) return false;
        fields.epoch = before ? -n : n;
        return true;
    }

  private:
    static bool same(std::string_view a, std::string_view b) {
        const auto folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
        return std::ranges::equal(a, b, {}, folded, folded);
    }
    std::string_view text_;
};

bool read_date(Reader& in, Fields& f) {
    return in.number(4, 4, f.year) && in.take('-') && in.number(2, 2, f.month) && in.take('-') && in.number(2, 2, f.day);
}

bool read_time(Reader& in, Fields& f) {
    return in.number(2, 2, f.hour) && in.take(':') && in.number(2, 2, f.minute) && in.take(':') && in.number(2, 2, f.second);
}

// @spec RFC 3339 §5.6, and what ISO 8601 allows beside it: no time, no seconds, no offset (UTC)
bool read_iso(Reader& in, Fields& f) {
    if (!read_date(in, f)) return false;
    if (in.at_end()) return true;
    if (!in.take('T') && !in.take('t') && !in.take(' ')) return false;
    if (!in.number(2, 2, f.hour) || !in.take(':') || !in.number(2, 2, f.minute)) return false;
    if (in.take(':')) {
        if (!in.number(2, 2, f.second)) return false;
        if ((in.take('.') || in.take(',')) && !in.fraction(f.nanoseconds)) return false;
    }
    return in.at_end() || in.offset(f.offset);
}

// One conversion of a pattern.
bool read_conversion(char c, Reader& in, Fields& f) {
    switch (c) {
        case 'Y': return in.number(4, 4, f.year);
        case 'y':
            if (!in.number(2, 2, f.year)) return false;
            f.year += f.year < 69 ? 2000 : 1900;  // as POSIX reads it
            return true;
        case 'm': return in.number(1, 2, f.month);
        case 'd': return in.number(1, 2, f.day);
        case 'e': in.skip_blanks(); return in.number(1, 2, f.day);
        case 'H': return in.number(1, 2, f.hour);
        case 'I': f.twelve = true; return in.number(1, 2, f.hour);
        case 'M': return in.number(1, 2, f.minute);
        case 'S': return in.number(1, 2, f.second);
        case 'j': return in.number(1, 3, f.day_of_year) && f.day_of_year >= 1;
        case 'f': return in.fraction(f.nanoseconds);
        case 'F': return read_date(in, f);
        case 'T': return read_time(in, f);
        case 's': return in.epoch(f);
        case 'z': return in.offset(f.offset);
        case 'Z': return in.word("UTC") || in.word("GMT") || in.word("Z");
        case 'b':
        case 'B': {
            const int month = in.name(kMonths);
            f.month = static_cast<unsigned>(month + 1);
            return month >= 0;
        }
        case 'a':
        case 'A': return in.name(kDays) >= 0;
        case 'p':
            f.afternoon = in.word("PM");
            return f.afternoon || in.word("AM");
        case '%': return in.take('%');
        default: return false;
    }
}

bool read_pattern(std::string_view pattern, Reader& in, Fields& f) {
    for (size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '%') {
            if (!read_conversion(pattern[++i], in, f)) return false;
        } else if (pattern[i] == ' ') {
            in.skip_blanks();
        } else if (!in.take(pattern[i])) {
            return false;
        }
    }
    return true;
}

std::optional<Moment> read_epoch(std::string_view text, bool milliseconds) {
    if (!is_number(text)) return std::nullopt;
    // Exact: a double loses the nanoseconds of today.
    const auto number = Decimal::parse(text);
    if (!number) return std::nullopt;
    std::string whole = number->text(true);
    const bool negative = number->text().starts_with('-');
    const std::string full = number->text();
    const size_t point = full.find('.');
    std::string fraction = point == std::string::npos ? "" : full.substr(point + 1);
    if (milliseconds) {
        const size_t sign = whole.starts_with('-') ? 1 : 0;
        if (whole.size() - sign < 4) whole.insert(sign, 4 - (whole.size() - sign), '0');
        fraction = whole.substr(whole.size() - 3) + fraction;
        whole.resize(whole.size() - 3);
    }
    int64_t seconds = 0;
    if (std::from_chars(whole.data(), whole.data() + whole.size(), seconds).ec != std::errc{}) return std::nullopt;
    fraction.resize(9, '0');
    int64_t nanoseconds = 0;
    std::from_chars(fraction.data(), fraction.data() + 9, nanoseconds);
    if (negative && nanoseconds > 0) {
        --seconds;
        nanoseconds = 1'000'000'000 - nanoseconds;
    }
    if (seconds < kFirst || seconds > kLast) return std::nullopt;
    return Moment{seconds, static_cast<uint32_t>(nanoseconds)};
}

void put(std::string& out, int64_t n, size_t width, char fill = '0') {
    const std::string digits = std::to_string(n);
    if (digits.size() < width) out.append(width - digits.size(), fill);
    out += digits;
}

// As many digits as are needed, at least one.
void put_fraction(std::string& out, uint32_t nanoseconds) {
    std::string digits;
    put(digits, nanoseconds, 9);
    const size_t last = digits.find_last_not_of('0');
    out += digits.substr(0, last == std::string::npos ? 1 : last + 1);
}

class Writer {
  public:
    explicit Writer(const Moment& moment) : moment_(moment) {
        const sys_seconds at{seconds(moment.seconds)};
        day_ = floor<days>(at);
        date_ = year_month_day(day_);
        time_ = hh_mm_ss(at - day_);
    }

    std::string iso() {
        std::string out;
        date(out);
        out += 'T';
        time(out);
        if (moment_.nanoseconds != 0) {
            out += '.';
            put_fraction(out, moment_.nanoseconds);
        }
        return out + 'Z';
    }
    void conversion(char c, std::string& out) {
        const int64_t hour = time_.hours().count();
        switch (c) {
            case 'Y': put(out, static_cast<int>(date_.year()), 4); return;
            case 'y': put(out, static_cast<int>(date_.year()) % 100, 2); return;
            case 'm': put(out, static_cast<unsigned>(date_.month()), 2); return;
            case 'd': put(out, static_cast<unsigned>(date_.day()), 2); return;
            case 'e': put(out, static_cast<unsigned>(date_.day()), 2, ' '); return;
            case 'H': put(out, hour, 2); return;
            case 'I': put(out, hour % 12 == 0 ? 12 : hour % 12, 2); return;
            case 'M': put(out, time_.minutes().count(), 2); return;
            case 'S': put(out, time_.seconds().count(), 2); return;
            case 'j': put(out, (day_ - sys_days(date_.year() / 1 / 1)).count() + 1, 3); return;
            case 'f': put_fraction(out, moment_.nanoseconds); return;
            case 'F': date(out); return;
            case 'T': time(out); return;
            case 's': put(out, moment_.seconds, 1); return;
            case 'z': out += "+0000"; return;
            case 'Z': out += "UTC"; return;
            case 'b': out += month().substr(0, 3); return;
            case 'B': out += month(); return;
            case 'a': out += weekday_name().substr(0, 3); return;
            case 'A': out += weekday_name(); return;
            case 'p': out += hour < 12 ? "AM" : "PM"; return;
            default: out += c; return;
        }
    }

  private:
    void date(std::string& out) const {
        put(out, static_cast<int>(date_.year()), 4);
        out += '-';
        put(out, static_cast<unsigned>(date_.month()), 2);
        out += '-';
        put(out, static_cast<unsigned>(date_.day()), 2);
    }
    void time(std::string& out) const {
        put(out, time_.hours().count(), 2);
        out += ':';
        put(out, time_.minutes().count(), 2);
        out += ':';
        put(out, time_.seconds().count(), 2);
    }
    std::string_view month() const { return kMonths[static_cast<unsigned>(date_.month()) - 1]; }
    std::string_view weekday_name() const { return kDays[weekday(day_).c_encoding()]; }

    const Moment& moment_;
    sys_days day_;
    year_month_day date_;
    hh_mm_ss<seconds> time_;
};

}  // namespace

std::optional<MomentFormat> MomentFormat::parse(std::string_view text, std::string& why) {
    MomentFormat format;
    if (text == "iso") return format;
    if (text == "epoch_s" || text == "epoch_ms") {
        format.kind_ = text == "epoch_s" ? Kind::epoch_s : Kind::epoch_ms;
        return format;
    }
    format.kind_ = Kind::pattern;
    format.pattern_ = text;
    bool any = false;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') continue;
        const std::string_view known = "YymdeHIMSjfFTszZbBaAp%";
        if (++i < text.size() && known.find(text[i]) != std::string_view::npos) {
            any |= text[i] != '%';
            continue;
        }
        why = i < text.size() ? "%" + std::string(1, text[i]) + " is no conversion that is known here" : "a % at the end";
        return std::nullopt;
    }
    if (any) return format;
    why = "expected iso, epoch_s, epoch_ms or a pattern such as %Y-%m-%d, found \"" + std::string(text) + "\"";
    return std::nullopt;
}

std::string_view MomentFormat::name() const {
    switch (kind_) {
        case Kind::iso: return "iso (2024-03-05T00:07:00Z)";
        case Kind::epoch_s: return "epoch_s";
        case Kind::epoch_ms: return "epoch_ms";
        case Kind::pattern: break;
    }
    return pattern_;
}

std::optional<Moment> MomentFormat::read(std::string_view text) const {
    if (is_number()) return read_epoch(text, kind_ == Kind::epoch_ms);
    Reader in(text);
    Fields fields;
    const bool good = kind_ == Kind::iso ? read_iso(in, fields) : read_pattern(pattern_, in, fields);
    return good && in.at_end() ? fields.moment() : std::nullopt;
}

std::string MomentFormat::write(const Moment& moment) const {
    if (kind_ == Kind::iso) return Writer(moment).iso();
    std::string out;
    if (is_number()) {
        // Whole, toward the past.
        const int64_t n = kind_ == Kind::epoch_s ? moment.seconds : moment.seconds * 1000 + moment.nanoseconds / 1'000'000;
        return std::to_string(n);
    }
    Writer writer(moment);
    for (size_t i = 0; i < pattern_.size(); ++i) {
        if (pattern_[i] == '%') writer.conversion(pattern_[++i], out);
        else out += pattern_[i];
    }
    return out;
}

}  // namespace portico::json
