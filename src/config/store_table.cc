#include "config/objects.h"
#include "config/read.h"

namespace portico::config {
namespace {

constexpr Field<StoreConfig> kStore[] = {
    {{"redis", "URL, or `{ file }`", "", "`redis://[[user]:password@]host[:6379][/db]`, `rediss://` over TLS; `redis+sentinel://host,host/master` and `redis+cluster://host,host`, each also as `rediss+…`. "
      "The user and the password are percent-decoded: a `%` in them is written `%25`, and so are `@`, `/` and their like. `{ file: /run/secrets/redis-url }` reads the whole URL from a file.",
      R"({"oneOf":[{"type":"string"},{"type":"object"}]})", true},
     [](const Scope& s, const Node& n, StoreConfig& c) {
         if (n.text.contains('@') || !n.is_scalar()) conceal(s.faults(), n);  // a password stands before it
         c.redis.mark = n.mark;
         if (auto t = read_secret(s, n)) c.redis = {std::move(*t), n.mark, true, true};
     }},
    {{"timeout", "duration", "5ms", "What the store has for a question, from its sending on; one that is slower counts as failed.", R"({"$ref":"#/$defs/duration"})"},
     [](const Scope& s, const Node& n, StoreConfig& c) { if (auto d = read_duration(s, n, false)) c.timeout = *d; }},
    {{"ca", "file", "the system's", "Whose certificates are believed with `rediss://`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, StoreConfig& c) { if (auto t = read_file_name(s, n, "a file of certificates")) c.ca = *t; }},
};

}  // namespace

std::span<const Field<StoreConfig>> store_fields() { return kStore; }

void read_stores(const Scope& scope, const Node& node, Draft& into) {
    if (!node.is_mapping()) return scope.expected(node, "stores by name");
    for (const Entry& e : node.entries) {
        const Scope at(scope, e.key);
        StoreConfig store;
        store.name = e.key;
        store.mark = e.key_mark;
        if (e.value->is_scalar()) {
            if (e.value->text != "memory") {
                at.expected(*e.value, "memory, or a store such as { redis: \"redis://127.0.0.1:6379\" }",
                            e.value->text.find("://") == std::string::npos ? "" : "did you mean { redis: \"" + e.value->text + "\" }?");
            }
        } else {
            read_object<StoreConfig>(at, *e.value, store, "a store", store_fields());
        }
        into.config.stores.push_back(std::move(store));
    }
}

}  // namespace portico::config
