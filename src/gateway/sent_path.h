// The paths that a route can send to a service, as a pattern over what the route matches: to find, at load, requests that reach one
// path of a service by two routes (LANGUAGE.md §2.7). Pure; knows nothing of guards.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/route_table.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

class SentPath {
  public:
    // @param entry outlives it, as its table does
    // @param path  what the route sends in place of the path that came; nullptr: that one
    // @returns none where nobody can tell: a value of it is no client's to choose (a claim, a service's answer), or two stand in one segment
    static std::optional<SentPath> of(const RouteTable::Entry& entry, const Template* path);

    // The parameter of that place in Match::values has this text alone. @returns false where it cannot have it
    bool bind(uint32_t slot, const std::string& text);
    // The text of the first segment, where there is but one; empty where there may be several.
    std::string first() const { return pieces_.empty() || pieces_[0].value >= 0 ? std::string() : pieces_[0].before; }

    // A request's path, with the headers and query pairs of which the route makes what it sends.
    struct Request {
        std::string path;
        std::vector<std::pair<std::string, std::string>> headers, query;
    };
    struct Meeting {
        std::string sent;
        Request a, b;
    };
    // Two requests of which a service is sent one and the same path, or none where no example was found.
    static std::optional<Meeting> meeting(const SentPath& a, const SentPath& b);

  private:
    struct Value {
        Source source = Source::parameter;
        std::string name;                    // of a header or query pair
        uint32_t slot = 0;                   // of a parameter
        const PathSegment* segment = nullptr;  // what it matches; nullptr: any text
        std::optional<std::string> text{};   // what it is bound to
    };
    struct Piece {  // a segment: text, or text around one value
        std::string before, after;
        int value = -1;
    };
    class Filling;

    explicit SentPath(const RouteTable::Entry& entry) : entry_(&entry) {}
    int value_of(const TemplatePart& part);
    bool add(const std::vector<TemplatePart>& parts);
    Request request(const std::vector<Value>& values, const std::string& rest) const;

    const RouteTable::Entry* entry_;
    std::vector<Piece> pieces_;
    bool open_ = false;  // {**} follows
    std::vector<Value> values_;
};

}  // namespace portico::gateway
