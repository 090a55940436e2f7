// Where two paths that are sent meet: texts for their segments that both can have.
#include <algorithm>

#include "gateway/probe.h"
#include "gateway/sent_path.h"

namespace portico::gateway {
namespace {

constexpr size_t kMostAlternatives = 6;  // of one path's depth
constexpr size_t kStepsOfOne = 30;       // what a pair of paths costs that do not meet
constexpr size_t kMostDepth = 3;         // below what both paths write down

const std::string& longer(const std::string& a, const std::string& b) { return a.size() < b.size() ? b : a; }

}  // namespace

// What one of two meeting paths has taken so far, with so many segments of {**}.
class SentPath::Filling {
  public:
    // @param allowance of steps
    Filling(const SentPath& path, size_t rest, size_t& allowance) : path_(path), pieces_(path.pieces_), values_(path.values_), rest_(rest), allowance_(allowance) {
        if (path.open()) open_up();
    }

    size_t size() const { return pieces_.size(); }
    const Value& value(size_t at) const { return values_[at]; }
    bool is_fixed(size_t at) const {
        return std::ranges::all_of(pieces_[at].values, [&](size_t v) { return values_[v].text.has_value(); });
    }
    // The segment where every value that has no text yet has this one.
    std::string text(size_t at, std::string_view of_values) const {
        const Piece& p = pieces_[at];
        std::string text = p.texts[0];
        for (size_t i = 0; i < p.values.size(); ++i) {
            const Value& v = values_[p.values[i]];
            text.append(v.text ? std::string_view(*v.text) : of_values).append(p.texts[i + 1]);
        }
        return text;
    }
    // @returns false, with nothing taken, where the segment cannot have this text
    bool take(size_t at, std::string_view text) {
        const Piece& p = pieces_[at];
        if (!text.starts_with(p.texts[0])) return false;
        return take_values(p, 0, text.substr(p.texts[0].size()));
    }
    Request request() const { return path_.request(values_, rest_); }
    // Takes, segment by segment, what both can have. @param alternative a later text, where there is a choice
    // @returns how many alternatives there are; 0 where nothing was found
    static size_t fill(Filling& a, Filling& b, size_t alternative, std::string& sent) {
        size_t ways = 1;
        for (size_t i = 0; i < a.size(); ++i) {
            std::string text;
            if (a.is_fixed(i) || b.is_fixed(i)) {
                if (a.is_left_to_others(i, b) || b.is_left_to_others(i, a)) return 0;
                text = a.is_fixed(i) ? a.text(i, {}) : b.text(i, {});
                if (!a.take(i, text) || !b.take(i, text)) return 0;
            } else {
                ways = kMostAlternatives;
                if (!choose(a, b, i, alternative, text)) return 0;
            }
            sent += "/" + text;
        }
        return ways;
    }

  private:
    // Whether others choose the segment's text, of whom nobody knows that they ever choose the one that stands in the other path.
    bool is_left_to_others(size_t at, const Filling& fixed) const {
        return fixed.pieces_[at].values.empty() && std::ranges::any_of(pieces_[at].values, [&](size_t v) { return values_[v].choice == Choice::others && !values_[v].text; });
    }

    // A segment that neither has a text for. The last text that fits where there are fewer than `skip`.
    static bool choose(Filling& a, Filling& b, size_t at, size_t skip, std::string& text) {
        const std::string before = longer(a.pieces_[at].texts.front(), b.pieces_[at].texts.front());
        const std::string after = longer(a.pieces_[at].texts.back(), b.pieces_[at].texts.back());
        const std::vector<Value> of_a = a.values_, of_b = b.values_;
        bool found = false;
        const auto is_enough = [&](const std::string& candidate) {
            a.values_ = of_a;
            b.values_ = of_b;
            if (!a.take(at, candidate) || !b.take(at, candidate)) return false;
            text = candidate;
            found = true;
            return skip-- == 0;
        };
        const auto is_enough_with = [&](std::string_view value) {
            if (is_enough(before + std::string(value) + after)) return true;
            a.values_ = of_a;
            b.values_ = of_b;
            for (const Filling* several : {&a, &b}) {
                if (several->pieces_[at].values.size() > 1 && is_enough(several->text(at, value))) return true;
            }
            return false;
        };
        if (is_enough_with("x")) return true;
        for (const std::string_view s : path_samples()) {
            if (is_enough_with(s)) return true;
        }
        for (const Filling* filling : {&a, &b}) {
            for (const size_t v : filling->pieces_[at].values) {
                const auto samples = filling->values_[v].samples;
                if (samples == nullptr) continue;
                for (const std::string& s : *samples) {
                    if (is_enough_with(s)) return true;
                }
            }
        }
        if (!found) return false;
        a.values_ = of_a;
        b.values_ = of_b;
        return a.take(at, text) && b.take(at, text);
    }

    // {**} as the segments that it has.
    void open_up() {
        const Piece whole = pieces_[path_.rest_piece_];
        const auto place = pieces_.begin() + static_cast<std::ptrdiff_t>(path_.rest_piece_);
        const size_t at = static_cast<size_t>(std::ranges::find(whole.values, kRest) - whole.values.begin());
        if (rest_ == 0) {
            if (path_.as_it_came_ && pieces_.size() > 1) {
                pieces_.erase(place);
                return;
            }
            place->values.erase(place->values.begin() + static_cast<std::ptrdiff_t>(at));
            place->texts[at] += whole.texts[at + 1];
            place->texts.erase(place->texts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
            return;
        }
        std::vector<Piece> several;
        Piece next;
        next.texts.assign(whole.texts.begin(), whole.texts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
        next.values.assign(whole.values.begin(), whole.values.begin() + static_cast<std::ptrdiff_t>(at));
        for (size_t i = 0; i < rest_; ++i) {
            values_.push_back({Source::rest, {}, UINT32_MAX, nullptr, Choice::client, {}, i + 1 == rest_});
            next.values.push_back(values_.size() - 1);
            if (i + 1 == rest_) break;
            next.texts.emplace_back();
            several.push_back(std::move(next));
            next = Piece();
        }
        next.texts.insert(next.texts.end(), whole.texts.begin() + static_cast<std::ptrdiff_t>(at) + 1, whole.texts.end());
        next.values.insert(next.values.end(), whole.values.begin() + static_cast<std::ptrdiff_t>(at) + 1, whole.values.end());
        several.push_back(std::move(next));
        pieces_.insert(pieces_.erase(place), several.begin(), several.end());
    }

    // `text` as the piece's values from the at-th on, and what stands between and behind them.
    bool take_values(const Piece& p, size_t at, std::string_view text) {
        if (at == p.values.size()) return text.empty();
        Value& v = values_[p.values[at]];
        const std::string& behind = p.texts[at + 1];
        if (v.text) return text.starts_with(*v.text) && text.substr(v.text->size()).starts_with(behind) && take_values(p, at + 1, text.substr(v.text->size() + behind.size()));
        // The last one has all that is left; another one as little as will do.
        const bool last = at + 1 == p.values.size();
        if (text.size() < behind.size()) return false;
        for (size_t n = last ? text.size() - behind.size() : 1; n + behind.size() <= text.size(); ++n) {
            // Many values side by side divide a long text in too many ways.
            if (allowance_ == 0) return false;
            --allowance_;
            if (!text.substr(n).starts_with(behind) || !path_.accepts(v, text.substr(0, n))) continue;
            v.text = text.substr(0, n);
            if (take_values(p, at + 1, text.substr(n + behind.size()))) return true;
            v.text.reset();
        }
        return false;
    }

    const SentPath& path_;
    std::vector<Piece> pieces_;
    std::vector<Value> values_;
    size_t rest_;
    size_t& allowance_;
};

bool SentPath::bind(const Template& value, const std::string& text) {
    SentPath named(*entry_);
    named.values_ = values_;
    named.pieces_.emplace_back();
    for (const TemplatePart& part : value.parts()) {
        if (part.source == Source::rest) return false;
        if (part.source == Source::literal) {
            named.pieces_[0].texts.back() += part.text;
            continue;
        }
        named.pieces_[0].values.push_back(named.value_of(part));
        named.pieces_[0].texts.emplace_back();
    }
    size_t allowance = 10'000;
    Filling filling(named, 0, allowance);
    if (!filling.take(0, text)) return false;
    for (size_t i = 0; i < named.values_.size(); ++i) {
        if (i < values_.size()) values_[i] = filling.value(i);
        else values_.push_back(filling.value(i));
    }
    return true;
}

bool SentPath::meet(const SentPath& a, const SentPath& b, size_t& allowance, const std::function<bool(const Meeting&)>& f) {
    for (size_t i = 0; i < std::min({a.pieces_.size(), b.pieces_.size(), a.rest_piece_, b.rest_piece_}); ++i) {
        if (a.pieces_[i].texts[0] != b.pieces_[i].texts[0] && a.pieces_[i].values.empty() && b.pieces_[i].values.empty()) return false;
    }
    // Of two trees, first what is below both, so that the example shows it.
    const size_t base = std::max(a.size(a.open() ? 1 : 0), b.size(b.open() ? 1 : 0));
    std::vector<size_t> depths{base};
    if (a.open() && b.open()) {
        for (size_t more = 1; more < kMostDepth; ++more) depths.push_back(base + more);
    }
    if ((a.open() || b.open()) && base > 1) depths.push_back(base - 1);

    for (const size_t depth : depths) {
        for (const size_t ra : a.rests_for(depth)) {
            for (const size_t rb : b.rests_for(depth)) {
                for (size_t alternative = 0, ways = 1; alternative < ways; ++alternative) {
                    if (allowance < kStepsOfOne) {
                        allowance = 0;
                        return false;
                    }
                    allowance -= kStepsOfOne;
                    Filling fa(a, ra, allowance), fb(b, rb, allowance);
                    Meeting met;
                    ways = Filling::fill(fa, fb, alternative, met.sent);
                    if (ways == 0) break;
                    if (met.sent.empty()) met.sent = "/";
                    met.a = fa.request();
                    met.b = fb.request();
                    if (f(met)) return true;
                }
            }
        }
    }
    return false;
}

}  // namespace portico::gateway
