#include "gateway/route_table.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/text.h"

namespace portico::gateway {
namespace {

constexpr size_t kFew = 8;
constexpr size_t kInline = 16;
// What some conditions take of a head of 64 KiB is a fraction of a turn; so is what many take of so many bytes in all.
constexpr size_t kFewSideBySide = 4;
constexpr size_t kMuchText = size_t{128} << 10;

std::string place(size_t route) { return "routes[" + std::to_string(route) + "].match"; }

// A host condition in its normal form, or none with a fault.
std::optional<std::string> host_pattern(const config::Text& text, size_t route, config::FaultList& faults) {
    std::string host = to_lower(text.value);
    if (host.ends_with('.')) host.pop_back();
    const std::string_view name = std::string_view(host).starts_with("*.") ? std::string_view(host).substr(2) : std::string_view(host);
    const auto refuse = [&](std::string what, std::string hint = {}) {
        faults.error(text.mark, place(route) + ".host", "bad-host", std::move(what), std::move(hint));
        return std::nullopt;
    };
    if (name.find('*') != std::string_view::npos) {
        return refuse("\"*\" stands only at the beginning of a host, as in *.example.com");
    }
    if (name.find("://") != std::string_view::npos || name.find('/') != std::string_view::npos) {
        return refuse("a host is a name only, found \"" + text.value + "\"");
    }
    if (!name.starts_with('[') && name.find(':') != std::string_view::npos) {
        return refuse("hosts are compared without their port, found \"" + text.value + "\"",
                      "did you mean " + std::string(name.substr(0, name.find(':'))) + "?");
    }
    for (const char c : name) {
        const bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '[' || c == ']' || c == ':';
        if (!ok) return refuse("\"" + text.value + "\" is not a host", name.find('{') != std::string_view::npos ? "nothing in match is a template" : "");
    }
    if (name.empty() || name.front() == '.' || name.find("..") != std::string_view::npos) return refuse("\"" + text.value + "\" is not a host");
    return host;
}

}  // namespace

// The pieces of a path as far as the tree is deep; what lies beyond matters only to **.
struct RouteTable::Cut {
    std::array<std::string_view, kInline> inline_pieces;
    std::vector<std::string_view> more;
    std::string_view* pieces = inline_pieces.data();
    size_t count = 0;  // in all; only the first min(count, depth) are kept

    void make(std::string_view path, size_t depth) {
        if (depth > kInline) {
            more.resize(depth);
            pieces = more.data();
        }
        for_each_segment(path, [&](std::string_view s) {
            if (count < depth) pieces[count] = s;
            ++count;
        });
    }
};

template <class F>
class RouteTable::Search {
  public:
    Search(const RouteTable& table, const Cut& cut, F& f) : table_(table), cut_(cut), f_(f) {}

    // `nodes` are those whose rank up to here is equal: more than one only where several patterns match one piece.
    bool descend(const uint32_t* nodes, size_t count, size_t at) const {
        if (at == cut_.count) return offer(nodes, count, &Node::ends) || offer(nodes, count, &Node::opens);
        if (at < table_.depth_) {
            const std::string_view piece = cut_.pieces[at];
            if (fixed(nodes, count, at, piece)) return true;
            if (!piece.empty()) {
                if (patterns(nodes, count, at, piece)) return true;
                if (parameters(nodes, count, at)) return true;
            }
        }
        return offer(nodes, count, &Node::opens);
    }

  private:
    const Node& node(uint32_t index) const { return table_.nodes_[index]; }

    bool fixed(const uint32_t* nodes, size_t count, size_t at, std::string_view piece) const {
        if (count == 1) {
            const uint32_t next = table_.fixed_child(node(*nodes), piece);
            return next != 0 && descend(&next, 1, at + 1);
        }
        std::vector<uint32_t> next;
        for (size_t i = 0; i < count; ++i) {
            if (const uint32_t n = table_.fixed_child(node(nodes[i]), piece)) next.push_back(n);
        }
        return !next.empty() && descend(next.data(), next.size(), at + 1);
    }
    bool patterns(const uint32_t* nodes, size_t count, size_t at, std::string_view piece) const {
        if (count == 1 && node(*nodes).patterns.empty()) return false;
        std::vector<uint32_t> next;
        for (size_t i = 0; i < count; ++i) {
            for (const auto& [matcher, n] : node(nodes[i]).patterns) {
                if (segment_matches(*matcher, piece)) next.push_back(n);
            }
        }
        return !next.empty() && descend(next.data(), next.size(), at + 1);
    }
    bool parameters(const uint32_t* nodes, size_t count, size_t at) const {
        if (count == 1) {
            const uint32_t next = node(*nodes).parameter;
            return next != 0 && descend(&next, 1, at + 1);
        }
        std::vector<uint32_t> next;
        for (size_t i = 0; i < count; ++i) {
            if (const uint32_t n = node(nodes[i]).parameter) next.push_back(n);
        }
        return !next.empty() && descend(next.data(), next.size(), at + 1);
    }
    bool offer(const uint32_t* nodes, size_t count, std::vector<uint32_t> Node::*list) const {
        if (count == 1) {
            for (const uint32_t e : node(*nodes).*list) {
                if (f_(table_.entries_[e])) return true;
            }
            return false;
        }
        std::vector<uint32_t> all;
        for (size_t i = 0; i < count; ++i) all.insert(all.end(), (node(nodes[i]).*list).begin(), (node(nodes[i]).*list).end());
        std::ranges::sort(all, [&](uint32_t a, uint32_t b) {
            return table_.conditions_before(table_.entries_[a].route, table_.entries_[b].route);
        });
        for (const uint32_t e : all) {
            if (f_(table_.entries_[e])) return true;
        }
        return false;
    }

    const RouteTable& table_;
    const Cut& cut_;
    F& f_;
};

std::span<const RouteTable::Entry> RouteTable::ways_of(uint32_t route) const {
    const auto found = std::ranges::equal_range(entries_, route, {}, &Entry::route);
    return {found.begin(), found.end()};
}

bool RouteTable::host_matches(std::string_view pattern, std::string_view host) {
    if (pattern.empty()) return true;
    if (!pattern.starts_with("*.")) return pattern == host;
    const std::string_view tail = pattern.substr(1);
    return host.size() > tail.size() && host.ends_with(tail);
}

bool RouteTable::conditions_before(uint32_t a, uint32_t b) const {
    const auto rank = [&](uint32_t r) {
        const Rule& rule = rules_[r];
        return std::make_tuple(!rule.conditions.methods.any(), rule.conditions.scheme != config::Scheme::any, rule.conditions.headers.size(), rule.conditions.query.size(), rule.tie_break);
    };
    const auto [method_a, scheme_a, headers_a, query_a, tie_a] = rank(a);
    const auto [method_b, scheme_b, headers_b, query_b, tie_b] = rank(b);
    if (method_a != method_b) return method_a;
    if (scheme_a != scheme_b) return scheme_a;
    if (headers_a != headers_b) return headers_a > headers_b;
    if (query_a != query_b) return query_a > query_b;
    return tie_a > tie_b;
}

uint32_t RouteTable::fixed_child(const Node& node, std::string_view text) const {
    if (!node.many.empty()) {
        const auto found = node.many.find(text);
        return found == node.many.end() ? 0 : found->second;
    }
    for (const auto& [name, next] : node.few) {
        if (name == text) return next;
    }
    return 0;
}

uint32_t RouteTable::child(uint32_t at, const PathSegment& segment) {
    const auto fresh = [&] {
        nodes_.emplace_back();
        return static_cast<uint32_t>(nodes_.size() - 1);
    };
    switch (segment.kind) {
        case PathSegment::Kind::fixed: {
            if (const uint32_t found = fixed_child(nodes_[at], segment.text)) return found;
            const uint32_t made = fresh();
            Node& node = nodes_[at];
            if (node.many.empty() && node.few.size() < kFew) {
                node.few.emplace_back(segment.text, made);
            } else {
                node.many.insert(node.few.begin(), node.few.end());
                node.few.clear();
                node.many.emplace(segment.text, made);
            }
            return made;
        }
        case PathSegment::Kind::pattern: {
            const Node& node = nodes_[at];
            for (size_t i = 0; i < node.patterns.size(); ++i) {
                if (node.pattern_texts[i] == segment.regex) return node.patterns[i].second;
            }
            const uint32_t made = fresh();
            nodes_[at].patterns.emplace_back(segment.matcher.get(), made);
            nodes_[at].pattern_texts.push_back(segment.regex);
            return made;
        }
        case PathSegment::Kind::parameter: {
            if (nodes_[at].parameter == 0) {
                const uint32_t made = fresh();
                nodes_[at].parameter = made;
            }
            return nodes_[at].parameter;
        }
    }
    return 0;
}

void RouteTable::add(uint32_t index) {
    const Entry& entry = entries_[index];
    uint32_t* root = &any_host_;
    if (entry.host.starts_with('*')) root = &wildcard_hosts_[entry.host.substr(1)];
    else if (!entry.host.empty()) root = &exact_hosts_[entry.host];
    if (*root == 0) {
        nodes_.emplace_back();
        *root = static_cast<uint32_t>(nodes_.size() - 1);
    }
    uint32_t at = *root;
    for (const PathSegment& s : entry.path.segments()) at = child(at, s);
    (entry.path.open() ? nodes_[at].opens : nodes_[at].ends).push_back(index);
    depth_ = std::max(depth_, entry.path.segments().size());
}

void RouteTable::sort_leaves() {
    const auto before = [&](uint32_t a, uint32_t b) { return conditions_before(entries_[a].route, entries_[b].route); };
    for (Node& node : nodes_) {
        std::ranges::sort(node.ends, before);
        std::ranges::sort(node.opens, before);
        patterns_ = std::max(patterns_, node.patterns.size());
        for (const std::vector<uint32_t>* routes : {&node.ends, &node.opens}) {
            conditioned_ = std::max(conditioned_, static_cast<size_t>(std::ranges::count_if(*routes, [&](uint32_t e) {
                const Conditions& of = rules_[entries_[e].route].conditions;
                return !of.headers.empty() || !of.query.empty();
            })));
        }
    }
}

bool RouteTable::takes_long(const RequestView& request) const {
    if (patterns_ <= kFewSideBySide && conditioned_ <= kFewSideBySide) return false;
    size_t text = request.query.size();
    for (const http::Field& field : *request.fields) text += field.value.size();
    return request.path.size() * patterns_ + text * conditioned_ > kMuchText;
}

RouteTable RouteTable::build(const config::Config& config, config::FaultList& faults) {
    RouteTable table;
    table.rules_.reserve(config.routes.size());
    table.entries_.reserve(config.routes.size());
    CompiledPatterns compiled;
    for (uint32_t r = 0; r < config.routes.size(); ++r) {
        const config::RouteConfig& route = config.routes[r];
        Rule& rule = table.rules_.emplace_back(Rule{Conditions(route.match), {}, route.tie_break, true});
        if (route.faulty) continue;
        std::vector<std::string> hosts;
        for (const config::Text& h : route.match.hosts) {
            if (auto host = host_pattern(h, r, faults)) hosts.push_back(std::move(*host));
        }
        if (route.match.hosts.empty()) hosts.emplace_back();
        for (const config::Text& text : route.match.paths) {
            std::string fault, hint;
            auto path = PathPattern::parse(text.value, fault, hint, &compiled);
            if (!path) {
                faults.error(text.mark, place(r) + ".path", "bad-path", fault, hint);
                continue;
            }
            if (!route.encoded_allow && path->holds_separator()) {
                faults.error(text.mark, place(r) + ".path", "bad-path",
                             "a request with an encoded / \\ ; ? or #, or a raw ;, in its path is answered 400 here: this route would never match",
                             "write encoded: allow on the route");
            }
            rule.any_path_open &= path->open();
            std::vector<uint8_t> slots;
            for (const PathSegment& s : path->segments()) {
                if (s.kind == PathSegment::Kind::fixed) continue;
                size_t slot = static_cast<size_t>(std::ranges::find(rule.parameters, s.name) - rule.parameters.begin());
                if (slot == rule.parameters.size()) rule.parameters.push_back(s.name);
                if (slot >= kMaxParameters) {
                    faults.error(text.mark, place(r) + ".path", "too-many-parameters",
                                 "a route has at most " + std::to_string(kMaxParameters) + " parameters");
                    slot = 0;
                }
                slots.push_back(static_cast<uint8_t>(slot));
            }
            for (const std::string& host : hosts) {
                table.entries_.push_back({r, host, *path, slots, text.mark});
            }
        }
    }
    // The tree's views are into the entries, which stay where they are from now on.
    for (uint32_t e = 0; e < table.entries_.size(); ++e) table.add(e);
    table.sort_leaves();
    check_overlaps(table, config, faults);
    return table;
}

template <class F>
bool RouteTable::each_root(std::string_view host, F&& f) const {
    if (!host.empty() && !exact_hosts_.empty()) {
        const auto found = exact_hosts_.find(std::string(host));
        if (found != exact_hosts_.end() && f(found->second)) return true;
    }
    if (!host.empty() && !wildcard_hosts_.empty()) {
        for (size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
            if (dot == 0) continue;
            const auto found = wildcard_hosts_.find(std::string(host.substr(dot)));
            if (found != wildcard_hosts_.end() && f(found->second)) return true;
        }
    }
    return any_host_ != 0 && f(any_host_);
}

template <class F>
bool RouteTable::each_candidate(const RequestView& request, F&& f, Cut& cut) const {
    cut.make(request.path, depth_);
    const Search<F> search(*this, cut, f);
    return each_root(request.host, [&](uint32_t root) { return search.descend(&root, 1, 0); });
}

void RouteTable::take(const Entry& entry, const RequestView& request, const Cut& cut, Match& out) const {
    out.route = entry.route;
    out.way = &entry;
    size_t parameter = 0;
    const auto& segments = entry.path.segments();
    // Those of its other paths hold nothing of this request, and views of an earlier one until here.
    const size_t all = rules_[entry.route].parameters.size();
    if (entry.slots.size() < all) std::fill_n(out.values.begin(), all, std::string_view{});
    for (size_t i = 0; i < segments.size(); ++i) {
        if (segments[i].kind != PathSegment::Kind::fixed) out.values[entry.slots[parameter++]] = cut.pieces[i];
    }
    out.rest = {};
    if (!entry.path.open() || cut.count == segments.size()) return;
    // What follows the last segment's slash.
    size_t at = 1;
    for (size_t i = 0; i < segments.size(); ++i) at += cut.pieces[i].size() + 1;
    out.rest = request.path.substr(at);
}

bool RouteTable::find(const RequestView& request, Match& out) const {
    Cut cut;
    std::optional<RequestValues> values;
    return each_candidate(
        request,
        [&](const Entry& entry) {
            const Conditions& c = rules_[entry.route].conditions;
            if (!c.method_holds(request) || !c.values_hold(request, values)) return false;
            take(entry, request, cut, out);
            return true;
        },
        cut);
}

std::vector<std::string> RouteTable::allowed_methods(const RequestView& request) const {
    std::vector<std::string> all;
    Cut cut;
    std::optional<RequestValues> values;
    each_candidate(
        request,
        [&](const Entry& entry) {
            const Conditions& c = rules_[entry.route].conditions;
            if (!c.method_holds(request) && c.values_hold(request, values)) c.methods.list(all);
            return false;
        },
        cut);
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

}  // namespace portico::gateway
