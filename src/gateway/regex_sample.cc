#include "gateway/regex_sample.h"

#include <algorithm>
#include <bitset>

namespace portico::gateway {
namespace {

constexpr size_t kVariants = 4;
constexpr size_t kMostText = 1024;  // bytes of one candidate
constexpr size_t kMostNested = 50;  // groups, one inside the other
constexpr std::string_view kPreferred = "a1x0Ab2_-.";

using Characters = std::bitset<128>;

void add_range(Characters& set, char from, char to) {
    for (int c = from; c <= to; ++c) set.set(static_cast<size_t>(c));
}

// @returns false where the name stands for no class
bool add_class(std::string_view name, Characters& into) {
    if (name == "d" || name == "digit") return add_range(into, '0', '9'), true;
    if (name == "lower") return add_range(into, 'a', 'z'), true;
    if (name == "upper") return add_range(into, 'A', 'Z'), true;
    if (name == "s" || name == "space") return into.set(' '), true;
    if (name == "xdigit") return add_range(into, '0', '9'), add_range(into, 'A', 'F'), add_range(into, 'a', 'f'), true;
    if (name == "alpha") return add_class("lower", into) && add_class("upper", into);
    if (name == "alnum") return add_class("alpha", into) && add_class("digit", into);
    if (name == "w" || name == "word") return into.set('_'), add_class("alnum", into);
    return false;
}

// Reads an expression once, and writes a text of it on the way: `variant` says which of the choices it takes.
class Sampler {
  public:
    Sampler(std::string_view regex, size_t variant) : left_(regex), variant_(variant) {}

    // @returns false where it could not be read
    bool run(std::string& into) { return alternatives(into, 0) && left_.empty(); }

  private:
    bool take(char c) {
        if (!left_.starts_with(c)) return false;
        left_.remove_prefix(1);
        return true;
    }
    char next() {
        const char c = left_.front();
        left_.remove_prefix(1);
        return c;
    }

    bool alternatives(std::string& into, size_t depth) {
        if (depth > kMostNested) return false;
        std::vector<std::string> all;
        do {
            std::string one;
            while (!left_.empty() && left_.front() != '|' && left_.front() != ')') {
                if (!repeated(one, depth)) return false;
            }
            all.push_back(std::move(one));
        } while (take('|'));
        into += all[variant_ % all.size()];
        return into.size() <= kMostText;
    }

    bool repeated(std::string& into, size_t depth) {
        std::string one;
        if (!atom(one, depth)) return false;
        // Of what may be left out or come again, one is the likeliest to be taken.
        size_t times = 1;
        if (take('*')) times = variant_ < 2 ? 1 : variant_ - 2;
        else if (take('+')) times = variant_ < 3 ? 1 : 2;
        else if (take('?')) times = variant_ % 2;
        else if (left_.starts_with('{') && !bounds(times)) return false;
        take('?');  // as few as possible
        if (one.size() * times + into.size() > kMostText) return false;
        for (size_t i = 0; i < times; ++i) into += one;
        return true;
    }

    // {m}, {m,} or {m,n}
    bool bounds(size_t& times) {
        const size_t end = left_.find('}');
        if (end == std::string_view::npos) return false;
        times = 0;
        size_t at = 1;
        for (; at < end && left_[at] >= '0' && left_[at] <= '9'; ++at) times = std::min<size_t>(10 * times + static_cast<size_t>(left_[at] - '0'), kMostText + 1);
        if (at == 1 || (at < end && left_[at] != ',')) return false;
        const bool more = at < end && left_.substr(at, end - at) != ("," + std::to_string(times));
        if (times == 0 && more) times = 1;
        left_.remove_prefix(end + 1);
        return true;
    }

    bool atom(std::string& into, size_t depth) {
        const char c = next();
        switch (c) {
            case '^':
            case '$': return true;
            case '.': into += 'x'; return true;
            case '[': return one_of(into);
            case '(': return group(into, depth);
            case '\\': return escaped(into);
            case '*':
            case '+':
            case '?': return false;
            default: into += c; return true;
        }
    }

    bool group(std::string& into, size_t depth) {
        if (take('?')) {
            const size_t end = left_.find_first_of(":>)");
            if (end == std::string_view::npos) return false;
            const char last = left_[end];
            left_.remove_prefix(end + 1);
            if (last == ')') return true;  // flags for what follows
        }
        return alternatives(into, depth + 1) && take(')');
    }

    bool escaped(std::string& into) {
        if (left_.empty()) return false;
        const char c = next();
        Characters set;
        if (add_class({&c, 1}, set)) return choose(set, into);
        if (std::string_view("DSW").contains(c)) return into += c == 'W' ? '-' : 'x', true;
        if (std::string_view("bABz").contains(c)) return true;
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter) into += c;
        return !letter;
    }

    bool one_of(std::string& into) {
        const bool not_these = take('^');
        Characters set;
        for (bool first = true; !left_.empty() && (first || left_.front() != ']'); first = false) {
            char from = next();
            if (from == '[' && left_.starts_with(':')) {
                const size_t end = left_.find(":]");
                if (end == std::string_view::npos || !add_class(left_.substr(1, end - 1), set)) return false;
                left_.remove_prefix(end + 2);
                continue;
            }
            if (from == '\\') {
                if (left_.empty()) return false;
                from = next();
                if (add_class({&from, 1}, set)) continue;
                if ((from >= 'a' && from <= 'z') || (from >= 'A' && from <= 'Z')) return false;
            }
            char to = from;
            if (left_.size() > 1 && left_[0] == '-' && left_[1] != ']') {
                left_.remove_prefix(1);
                to = next();
                if (to == '\\' && !left_.empty()) to = next();
            }
            if (static_cast<unsigned char>(from) < 0x80 && static_cast<unsigned char>(to) < 0x80 && to >= from) add_range(set, from, to);
        }
        if (!take(']')) return false;
        return choose(not_these ? ~set : set, into);
    }

    bool choose(const Characters& set, std::string& into) const {
        std::string found;
        for (const char c : kPreferred) {
            if (set[static_cast<size_t>(c)]) found += c;
        }
        for (char c = '!'; found.empty() && c < 0x7F; ++c) {
            if (set[static_cast<size_t>(c)]) found += c;
        }
        if (found.empty()) return false;
        into += found[variant_ % found.size()];
        return true;
    }

    std::string_view left_;
    const size_t variant_;
};

}  // namespace

std::vector<std::string> regex_samples(std::string_view regex) {
    std::vector<std::string> samples;
    for (size_t variant = 0; variant < kVariants; ++variant) {
        std::string text;
        if (Sampler(regex, variant).run(text) && std::ranges::find(samples, text) == samples.end()) samples.push_back(std::move(text));
    }
    return samples;
}

}  // namespace portico::gateway
