#include "policy/api_key/settings.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/text_table.h"
#include "config/concealed.h"
#include "config/read.h"
#include "policy/api_key/entry_claims.h"

namespace portico::policy::api_key {
namespace {

using config::Field;
using config::Node;
using config::Scope;

struct KeyEntry {
    std::string name;
    std::vector<std::pair<Digest, config::Mark>> digests;
    const Node* claims = nullptr;
};

void read_digest(const Scope& scope, const Node& node, KeyEntry& into) {
    const auto text = config::read_secret(scope, node);
    if (!text) return;
    const auto digest = parse_digest(*text);
    if (!digest) {
        // Not shown: it may be the key itself.
        scope.error(node.mark, "bad-digest", "expected the 64 hexadecimal digits of the key's SHA-256, found something else (" + std::to_string(text->size()) + " bytes)",
                    config::looks_like_path(*text) ? "did you mean { file: … }?" : "printf %s 'the key' | sha256sum");
        return;
    }
    if (same_digest(*digest, sha256("")) || same_digest(*digest, sha256("\n"))) {
        scope.error(node.mark, "bad-digest", "this is the hash of an empty text", "printf %s 'the key' | sha256sum");
        return;
    }
    into.digests.emplace_back(*digest, node.mark);
}

constexpr Field<KeyEntry> kEntry[] = {
    {{"name", "text", "", "Who has the key: the claim `sub`.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, KeyEntry& e) {
         const auto name = config::read_string(s, n, "a name");
         if (name && name->empty()) s.error(n.mark, "bad-name", "an empty text names nobody");
         if (name) e.name = *name;
     }},
    {{"sha256", "64 hex digits, `{ file }`, or a list of them", "", "The SHA-256 of the key: `printf %s KEY | sha256sum`. Two while one replaces the other.", "{}", true, true},
     [](const Scope& s, const Node& n, KeyEntry& e) {
         if (!n.is_sequence()) return read_digest(s, n, e);
         if (n.items.empty()) s.error(n.mark, "empty-list", "the list is empty: nobody could use this entry");
         for (size_t i = 0; i < n.items.size(); ++i) read_digest(Scope(s, i), *n.items[i], e);
     }},
    {{"claims", "mapping", "none", "Further claims of who has the key.", R"({"type":"object"})"},
     [](const Scope&, const Node& n, KeyEntry& e) { e.claims = &n; }},
};

void read_key(const Scope& scope, const Node& node, TextSet& names, Settings& into) {
    KeyEntry entry;
    if (!config::read_object<KeyEntry>(scope, node, entry, "a key", kEntry)) return;
    if (!names.insert(entry.name).second) {
        scope.error(node.mark, "duplicate-name", "two keys have the name \"" + entry.name + "\"",
                    "while one key replaces another, write both in one entry: sha256: [old, new]");
    }
    const auto index = static_cast<uint32_t>(into.names.size());
    into.names.push_back(entry.name);
    into.claims.push_back(entry_claims(Scope(scope, "claims"), entry.name, entry.claims));
    for (const auto& [digest, mark] : entry.digests) {
        if (const auto other = into.keys.add(digest, index)) {
            scope.error(mark, "duplicate-key", "\"" + entry.name + "\" and \"" + into.names[*other] + "\" have the same key");
        }
    }
}

// What stands where an entry does, or a word of one, and is none is most likely a key itself: no message shows it.
void conceal_if_bare(const Scope& scope, const Node& item) {
    if (!item.is_mapping()) return config::conceal(scope.faults(), item);
    constexpr std::array<std::string_view, 3> kWords = {"name", "sha256", "claims"};
    for (const config::Entry& e : item.entries) {
        if (nearest(e.key, kWords.data(), kWords.size()).empty()) scope.faults().hide_source(e.key_mark, e.key_mark);
    }
}

// A key in these would change what the message is, or be taken for another policy's credential.
bool may_hold_key(std::string_view header) {
    constexpr std::string_view kNever[] = {"authorization", "connection", "cookie", "date", "expect", "host", "keep-alive", "te", "trailer",
                                           "transfer-encoding", "upgrade", "via"};
    const std::string lower = to_lower(header);
    return !lower.starts_with("content-") && !lower.starts_with("x-forwarded") && std::ranges::find(kNever, lower) == std::end(kNever);
}

constexpr Field<Place> kPlace[] = {
    {{"header", "header name", "X-API-Key", "The header that bears the key.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Place& p) {
         const auto name = config::read_string(s, n, "a header's name");
         if (!name) return;
         p.name = *name;
         if (!config::is_header_name(*name)) s.error(n.mark, "bad-header-name", "\"" + *name + "\" is not a header's name");
         else if (!may_hold_key(*name)) s.error(n.mark, "bad-header-name", *name + " cannot bear a key: it has a meaning of its own");
     }},
    {{"query", "parameter name", "", "The parameter of the query that bears it, in place of a header.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, Place& p) {
         const auto name = config::read_string(s, n, "a parameter's name");
         if (!name) return;
         p = {true, *name};
         if (name->empty() || !http::is_field_value(*name)) s.error(n.mark, "bad-name", "this cannot be a parameter's name");
     }},
};

constexpr Field<Settings> kFields[] = {
    {{"from", "`{ header: NAME }` or `{ query: NAME }`", "{ header: X-API-Key }", "Where the key is sent. What stands in a query is often logged on the way: prefer a header.",
      R"({"type":"object","minProperties":1,"maxProperties":1})"},
     [](const Scope& s, const Node& n, Settings& v) {
         config::read_object<Place>(s, n, v.from, "from", kPlace);
         if (n.is_mapping() && n.entries.size() != 1) s.error(n.mark, "one-place", "a key comes from one place: write header or query");
     }},
    {{"keys", "list of keys", "", "Each with `name`, `sha256` and, if wanted, `claims`.", R"({"type":"array","minItems":1,"items":{"type":"object"}})", true},
     [](const Scope& s, const Node& n, Settings& v) {
         // A key itself may stand there by mistake.
         if (!n.is_sequence()) {
             config::conceal(s.faults(), n);
             return s.expected(n, "a list of keys", "write [{ name: acme, sha256: ... }]");
         }
         for (const Node* item : n.items) conceal_if_bare(s, *item);
         if (n.items.empty()) s.error(n.mark, "empty-list", "there are no keys: nobody would pass");
         TextSet names;
        for (size_t i = 0; i < n.items.size(); ++i) read_key(Scope(s, i), *n.items[i], names, v);
     }},
    {{"claims_to_headers", "mapping of headers", "none", gateway::ClaimHeaders::kDoc, gateway::ClaimHeaders::kSchema},
     [](const Scope& s, const Node& n, Settings& v) { v.headers = gateway::ClaimHeaders::read(s, n); }},
    {{"forward_key", "boolean", "false", "Whether the service gets the key too.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, Settings& v) { v.forward_key = config::read_bool(s, n).value_or(false); }},
};

}  // namespace

std::span<const Field<Settings>> fields() { return kFields; }

}  // namespace portico::policy::api_key
