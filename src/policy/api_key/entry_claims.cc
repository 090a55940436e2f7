#include "policy/api_key/entry_claims.h"

#include "config/read.h"
#include "json/writer.h"

namespace portico::policy::api_key {
namespace {

using config::Node;
using config::NodeKind;
using config::Scope;

constexpr unsigned kDeepest = 16;

void write(const Scope& scope, const Node& node, json::Writer& w, unsigned depth) {
    if (depth == kDeepest) {
        scope.error(node.mark, "too-deep", "claims are at most " + std::to_string(kDeepest) + " levels deep");
        w.null();
        return;
    }
    switch (node.kind) {
        case NodeKind::null: w.null(); return;
        case NodeKind::boolean: w.value(config::read_bool(scope, node).value_or(false)); return;
        case NodeKind::string:
            config::check_no_braces(scope, node);
            w.value(node.text);
            return;
        case NodeKind::number: {
            const auto number = json::Document::parse(node.text);
            const bool good = number && number->root().is_number();
            if (!good) scope.error(node.mark, "bad-number", node.text + " is a number that JSON cannot spell");
            w.raw(good ? std::string_view(node.text) : "null");
            return;
        }
        case NodeKind::sequence:
            w.begin_array();
            for (size_t i = 0; i < node.items.size(); ++i) write(Scope(scope, i), *node.items[i], w, depth + 1);
            w.end_array();
            return;
        case NodeKind::mapping:
            w.begin_object();
            for (const config::Entry& e : node.entries) {
                w.key(e.key);
                write(Scope(scope, e.key), *e.value, w, depth + 1);
            }
            w.end_object();
            return;
    }
}

}  // namespace

json::Document entry_claims(const Scope& scope, std::string_view name, const Node* claims) {
    std::string text;
    json::Writer w(text);
    w.begin_object().key("sub").value(name);
    if (claims != nullptr && !claims->is_mapping()) scope.expected(*claims, "claims by name", "write { plan: gold }");
    if (claims != nullptr && claims->is_mapping()) {
        for (const config::Entry& e : claims->entries) {
            const Scope at(scope, e.key);
            if (e.key == "sub") {
                at.error(e.key_mark, "fixed-claim", "the claim sub is the entry's name", "name the entry as it should be known");
                continue;
            }
            w.key(e.key);
            write(at, *e.value, w, 1);
        }
    }
    w.end_object();
    auto document = json::Document::parse(text);
    if (document) return std::move(*document);
    scope.error(claims == nullptr ? config::Mark{} : claims->mark, "bad-claims", "these are no claims: " + std::string(document.error().what()));
    return {};
}

}  // namespace portico::policy::api_key
