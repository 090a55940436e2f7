#include "gateway/sent_path.h"

#include <algorithm>

#include "gateway/probe.h"

namespace portico::gateway {
namespace {

bool accepts(const PathSegment* segment, std::string_view text) {
    if (text.empty()) return false;
    return segment == nullptr || segment->kind != PathSegment::Kind::pattern || segment_matches(*segment->matcher, text);
}

}  // namespace

// What one of two meeting paths has taken so far.
class SentPath::Filling {
  public:
    explicit Filling(const SentPath& path) : path_(path), values_(path.values_) {}

    size_t size() const { return path_.pieces_.size(); }
    bool open() const { return path_.open_; }
    bool is_free(size_t at) const { return at >= size() || (path_.pieces_[at].value >= 0 && !value(at).text); }
    // The one text that the segment has. @requires !is_free(at)
    std::string text(size_t at) const {
        const Piece& p = path_.pieces_[at];
        return p.value < 0 ? p.before : p.before + *value(at).text + p.after;
    }
    std::string_view before(size_t at) const { return at < size() ? std::string_view(path_.pieces_[at].before) : std::string_view(); }
    std::string_view after(size_t at) const { return at < size() ? std::string_view(path_.pieces_[at].after) : std::string_view(); }

    bool can_take(size_t at, std::string_view text) const {
        if (at >= size()) return true;  // of {**}
        if (!is_free(at)) return this->text(at) == text;
        const Piece& p = path_.pieces_[at];
        if (text.size() <= p.before.size() + p.after.size() || !text.starts_with(p.before) || !text.ends_with(p.after)) return false;
        return accepts(value(at).segment, middle(p, text));
    }
    void take(size_t at, std::string_view text) {
        if (at >= size()) rest_.append("/").append(text);
        else if (is_free(at)) values_[static_cast<size_t>(path_.pieces_[at].value)].text = middle(path_.pieces_[at], text);
    }
    Request request() const { return path_.request(values_, rest_); }

  private:
    const Value& value(size_t at) const { return values_[static_cast<size_t>(path_.pieces_[at].value)]; }
    static std::string_view middle(const Piece& p, std::string_view text) {
        return text.substr(p.before.size(), text.size() - p.before.size() - p.after.size());
    }

    const SentPath& path_;
    std::vector<Value> values_;
    std::string rest_;
};

std::optional<SentPath> SentPath::of(const RouteTable::Entry& entry, const Template* path) {
    SentPath sent(entry);
    size_t parameter = 0;
    for (const PathSegment& s : entry.path.segments()) {
        if (s.kind != PathSegment::Kind::fixed) sent.values_.push_back({Source::parameter, s.name, entry.slots[parameter++], &s});
    }
    if (path != nullptr) return sent.add(path->parts()) ? std::optional(std::move(sent)) : std::nullopt;
    int value = 0;
    for (const PathSegment& s : entry.path.segments()) {
        if (s.kind == PathSegment::Kind::fixed) sent.pieces_.push_back({s.text, {}});
        else sent.pieces_.push_back({{}, {}, value++});
    }
    sent.open_ = entry.path.open();
    return sent;
}

// @returns -1 where no client chooses it
int SentPath::value_of(const TemplatePart& part) {
    if (part.source == Source::parameter) {
        const auto found = std::ranges::find(values_, part.slot, &Value::slot);
        return found == values_.end() || found->source != Source::parameter ? -1 : static_cast<int>(found - values_.begin());
    }
    if (part.source != Source::header && part.source != Source::query_value) return -1;
    values_.push_back({part.source, part.text, UINT32_MAX});
    return static_cast<int>(values_.size() - 1);
}

// A path template in pieces. @returns false where it cannot be told what it sends
bool SentPath::add(const std::vector<TemplatePart>& parts) {
    for (const TemplatePart& part : parts) {
        if (open_) return false;  // something follows {**}
        if (part.source == Source::literal) {
            for (const char c : part.text) {
                if (c == '/') pieces_.push_back({});
                else if (pieces_.empty()) return false;
                else (pieces_.back().value < 0 ? pieces_.back().before : pieces_.back().after) += c;
            }
            continue;
        }
        if (pieces_.empty() || pieces_.back().value >= 0) return false;
        if (part.source == Source::rest) {
            if (!pieces_.back().before.empty()) return false;
            pieces_.pop_back();
            open_ = true;
            continue;
        }
        const int value = value_of(part);
        if (value < 0) return false;
        pieces_.back().value = value;
    }
    return true;
}

bool SentPath::bind(uint32_t slot, const std::string& text) {
    const auto found = std::ranges::find(values_, slot, &Value::slot);
    if (found == values_.end() || !accepts(found->segment, text)) return false;
    found->text = text;
    return true;
}

SentPath::Request SentPath::request(const std::vector<Value>& values, const std::string& rest) const {
    Request r;
    size_t value = 0, number = 0;
    for (const PathSegment& s : entry_->path.segments()) {
        std::string text = s.text;
        if (s.kind != PathSegment::Kind::fixed) {
            const Value& v = values[value++];
            if (v.text) text = *v.text;
            else (void)sample_segment(&s, &s, number, text);
        }
        ++number;
        r.path += "/" + text;
    }
    r.path += rest;
    if (r.path.empty()) r.path = "/";
    for (; value < values.size(); ++value) {
        const Value& v = values[value];
        (v.source == Source::header ? r.headers : r.query).emplace_back(v.name, v.text.value_or("1"));
    }
    return r;
}

std::optional<SentPath::Meeting> SentPath::meeting(const SentPath& a, const SentPath& b) {
    Filling fa(a), fb(b);
    // Below both of two trees, so that the example shows it.
    const size_t n = std::max(fa.size(), fb.size()) + (a.open_ && b.open_ ? 1 : 0);
    if ((fa.size() < n && !a.open_) || (fb.size() < n && !b.open_)) return std::nullopt;
    Meeting met;
    for (size_t i = 0; i < n; ++i) {
        std::string text;
        const auto fits = [&] { return fa.can_take(i, text) && fb.can_take(i, text); };
        if (!fa.is_free(i)) text = fa.text(i);
        else if (!fb.is_free(i)) text = fb.text(i);
        if (!fa.is_free(i) || !fb.is_free(i)) {
            if (!fits()) return std::nullopt;
        } else {
            const std::string before(std::max(fa.before(i), fb.before(i), [](auto l, auto r) { return l.size() < r.size(); }));
            const std::string after(std::max(fa.after(i), fb.after(i), [](auto l, auto r) { return l.size() < r.size(); }));
            text = before + "x" + after;
            for (const std::string_view s : path_samples()) {
                if (fits()) break;
                text = before + std::string(s) + after;
            }
            if (!fits()) return std::nullopt;
        }
        fa.take(i, text);
        fb.take(i, text);
        met.sent += "/" + text;
    }
    if (met.sent.empty()) met.sent = "/";
    met.a = fa.request();
    met.b = fb.request();
    return met;
}

}  // namespace portico::gateway
