// The paths that a route can send to a service, as a pattern over what the route matches: to find, at load, requests that reach one
// path of a service by two routes (LANGUAGE.md §2.7). Pure; knows nothing of guards.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/route_table.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

class SentPath {
  public:
    // Who chooses the values of a path.
    enum class Choice : uint8_t {
        client,  // in what an example can show
        untold,  // a client may, but no example shows how: a value of the body, the address
        others,  // an issuer (a claim), or a service by its answer
    };

    // @param entry outlives it, as its table does
    // @param path  what the route sends in place of the path that came; nullptr: that one
    static SentPath of(const RouteTable::Entry& entry, const Template* path);

    // The template has this text. @returns false where it cannot have it
    bool bind(const Template& value, const std::string& text);
    // The text of the first segment, where there is but one; empty where there may be several.
    std::string first() const { return pieces_.empty() || !pieces_[0].values.empty() ? std::string() : pieces_[0].texts[0]; }
    // The worst of its values.
    Choice choice() const;

    // A request's path, with the headers (Cookie among them), query pairs and host of which the route makes what it sends.
    struct Request {
        std::string path, host;  // host: empty where it is of no account
        std::vector<std::pair<std::string, std::string>> headers, query;
    };
    struct Meeting {
        std::string sent;
        Request a, b;
    };
    // Calls f with two requests of which a service is sent one and the same path, and then with others, shallow and deep, until it returns
    // true. @returns whether it did
    // @param allowance of steps, which it spends; where none are left nothing more is found
    static bool meet(const SentPath& a, const SentPath& b, size_t& allowance, const std::function<bool(const Meeting&)>& f);

  private:
    struct Value {
        Source source = Source::parameter;
        std::string name;                      // of a parameter, header, query pair or cookie; of another: as messages name it
        uint32_t slot = 0;                     // of a parameter
        const PathSegment* segment = nullptr;  // of a parameter: what it matches
        Choice choice = Choice::client;
        std::optional<std::string> text{};     // what it is bound to, encoded
        bool may_be_empty = false;             // the last segment of {**}
        std::shared_ptr<const std::vector<std::string>> samples{};  // of a pattern: texts that it may match
    };
    // A segment: texts[0], values[0], texts[1], … one text more than values.
    struct Piece {
        std::vector<std::string> texts{std::string()};
        std::vector<size_t> values{};  // by their places; kRest: {**}
    };
    static constexpr size_t kRest = SIZE_MAX;
    class Filling;

    explicit SentPath(const RouteTable::Entry& entry) : entry_(&entry) {}
    size_t value_of(const TemplatePart& part);
    void add_literal(std::string_view text);
    void add(const std::vector<TemplatePart>& parts);
    bool open() const { return rest_piece_ < pieces_.size(); }
    // How many segments it has where {**} has so many.
    size_t size(size_t rest) const;
    // How many {**} may have, for the whole to have `size`: none, one or two answers.
    std::vector<size_t> rests_for(size_t size) const;
    bool accepts(const Value& value, std::string_view text) const;
    // What comes of a client's request of those values, the last `rest` of which are {**}'s.
    Request request(const std::vector<Value>& values, size_t rest) const;

    const RouteTable::Entry* entry_;
    std::vector<Piece> pieces_;
    size_t rest_piece_ = SIZE_MAX;  // the piece with {**}
    bool as_it_came_ = false;       // "/x" is in /x/**: an empty {**} takes its slash along
    std::vector<Value> values_;
};

}  // namespace portico::gateway
