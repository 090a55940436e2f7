// The documents of the language, made of its own tables: what is read is what is described.
#include <algorithm>

#include "base/text.h"
#include "config/load.h"
#include "config/objects.h"
#include "json/writer.h"

namespace portico::config {
namespace {

constexpr std::string_view kPreface = R"(# Configuration reference

Made by `portico schema --markdown` from the tables that read the file; a test keeps it current. `docs/policies.md` describes the
policies, `README.md` shows the whole in use.

- **Durations** carry a unit: `250ms`, `60s`, `5m` (`us ms s m h d`). **Sizes** too: `64KiB`, `10MB` (`B KiB MiB GiB KB MB GB`).
  `none` lifts a limit where the table says so; `0` is an error.
- `${NAME}` and `${NAME:-default}` in any value are replaced from the environment. `$${` is a plain `${`.
  Where a number or a boolean is wanted, quotes make no difference to a value of variables alone: `{ workers: "${WORKERS}" }`.
- Keys that begin with `x-` at the top of the file hold YAML anchors and nothing else. Merge keys (`<<`) work.
- A key that is not listed here is an error, and so is the same key twice.

)";

// What other gateways take and this one does not, whatever its configuration says.
constexpr std::string_view kRefusedOnPurpose = R"(## What is refused on purpose

| refused | why | in its place |
|---|---|---|
| `secret` beside `public_key`, `keys`, `jwks` or `oidc` in one `jwt`, or in one of its `issuers` | A public key is known to everybody. Where one token may be judged by either, a forger signs with the public key as if it were the secret, and the token says that it is `HS256` (RFC 8725 §2.1). | `issuers`, each with its own keys: `iss` chooses, and only that issuer's are tried |
| a token without `exp` | It would be good for ever: once it has leaked, nothing ends it but other keys for everybody. | an issuer that writes `exp`; for credentials without an end `api_key` |
| `cors` with `origins: "*"` and `credentials: true` | Every page that somebody visits while signed in could read the answers meant for that person. Browsers refuse the pair too (Fetch §3.2.5). | the origins by name, or `https://*.example.com` |
| a `Host`, or an authority in the target, with another character than letters, digits and `- . _ ~` (400) | RFC 3986 §3.2.2 allows `! $ & ' ( ) * + , ; =` and percent-encoded bytes there, and no DNS name has them. Services and caches that cut at one of them see another host than the one by which the route was chosen. | the name as DNS has it; international names in their `xn--` form |
)";

// A definition of a unit or of a shape that several rows share.
constexpr std::string_view kSharedSchema = R"("duration":{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d)$"},
"durationOrNone":{"oneOf":[{"$ref":"#/$defs/duration"},{"const":"none"}]},
"size":{"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|KB|MB|GB)$"},
"sizeOrNone":{"oneOf":[{"$ref":"#/$defs/size"},{"const":"none"}]},
"textOrList":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]})";

template <class T>
void add(std::vector<ObjectText>& all, std::string_view name, std::string_view anchor, std::string_view doc, std::span<const Field<T>> fields) {
    ObjectText text{name, anchor, doc, {}};
    for (const Field<T>& f : fields) {
        if (f.read != nullptr) text.fields.push_back(f);
    }
    all.push_back(std::move(text));
}

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += "\\|";
        else out += c;
    }
    return out;
}

void add_with_parts(const ObjectText& object, std::vector<ObjectText>& all) {
    all.push_back(object);
    for (const ObjectText& part : object.parts) add_with_parts(part, all);
}

// The properties of an object, without its braces.
void write_object(std::string& out, const ObjectText& object, bool extensions) {
    out += R"("type":"object","additionalProperties":false)";
    if (extensions) out += R"(,"patternProperties":{"^x-":{}})";
    out += R"(,"properties":{)";
    std::string required;
    for (size_t i = 0; i < object.fields.size(); ++i) {
        const FieldText& f = object.fields[i];
        if (i > 0) out += ",\n";
        json::append_string(out, f.key);
        out += R"(:{"description":)";
        json::append_string(out, f.doc);
        // The row's own schema is an object: its members follow the description.
        const std::string_view inner = f.schema.substr(1, f.schema.size() - 2);
        if (!inner.empty()) out.append(",").append(inner);
        if (f.secret) out += R"(,"writeOnly":true)";
        out += '}';
        if (!f.required) continue;
        required += required.empty() ? "" : ",";
        json::append_string(required, f.key);
    }
    out += '}';
    if (!required.empty()) out += R"(,"required":[)" + required + "]";
}

}  // namespace

std::vector<ObjectText> describe_language() {
    std::vector<ObjectText> all;
    add<Draft>(all, "the file", "file", "The whole configuration.", file_fields());
    add<ListenerConfig>(all, "listeners: a listener", "listener", "An address on which clients come in.", listener_fields());
    add<AdminConfig>(all, "admin", "admin", "The admin listener: `/live`, `/ready`, `/metrics`.", admin_fields());
    add<ServiceConfig>(all, "services: a service", "service", "Short form: its one endpoint, `users: http://users:8080`.", service_fields());
    add<StoreConfig>(all, "stores: a store", "store", "`shared: memory` counts in this process's memory.", store_fields());
    add<UpstreamTlsConfig>(all, "tls of a service", "upstreamTls",
                           "How its https endpoints are spoken to: TLS 1.2 or 1.3, their certificate verified. The files are read when the configuration is loaded.",
                           upstream_tls_fields());
    add<ResponseLimits>(all, "limits of a service", "responseLimits", "What the head of a response may be at most (502 `upstream.head_too_large` beyond it; the log's detail says which).", response_limit_fields());
    add<RouteConfig>(all, "routes: a route", "route", "Which requests, which policies, which action. Exactly one action.", route_fields());
    add<MatchConfig>(all, "match", "match", "Short form: the path alone.", match_fields());
    add<ForwardConfig>(all, "forward", "forward", "Sends the request to a service and its answer back.", forward_fields());
    add<AggregateConfig>(all, "aggregate", "aggregate", "Several calls, one answer: `docs/aggregation.md`.", aggregate_fields());
    add<CallConfig>(all, "calls: a call", "call",
                    "Its name, which others use as `$name`, is made of letters, digits and `_`. It gets only what it names, beside the request's id, trace and managed headers.",
                    call_fields());
    add<RespondConfig>(all, "respond", "respond", "A fixed answer.", respond_fields());
    add<RedirectConfig>(all, "redirect", "redirect", "Sends the client elsewhere.", redirect_fields());
    add<Limits>(all, "limits", "limits", "What a request may be at most.", limit_fields());
    add<FileTimeouts>(all, "timeouts", "fileTimeouts", "Of the whole file.", file_timeout_fields());
    add<Timeouts>(all, "timeouts of a service or a forward", "timeouts", "The nearest wins: forward, service, file.", timeout_fields());
    add<LogConfig>(all, "log", "log", "The access log: one JSON line an exchange.", log_fields());
    add<PathsConfig>(all, "paths", "paths", "How the path of a request is read, before it is matched and forwarded.", paths_fields());
    add<ForwardingConfig>(all, "forwarding", "forwarding", "What services are told of the client, and what is learnt of it from `trusted_proxies`.", forwarding_fields());
    add<DnsConfig>(all, "dns", "dns", "How names of endpoints are resolved.", dns_fields());
    return all;
}

std::string json_schema(std::span<const ObjectText> policies) {
    auto objects = describe_language();
    for (const ObjectText& p : policies) add_with_parts(p, objects);
    std::string out = R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Portico's configuration",)";
    out += '\n';
    write_object(out, objects.front(), true);
    out += ",\n\"required\":[\"listeners\",\"routes\"],\n\"$defs\":{";
    out += kSharedSchema;
    for (size_t i = 1; i < objects.size(); ++i) {
        out += ",\n";
        json::append_string(out, objects[i].anchor);
        out += ":{";
        const std::string_view short_form = objects[i].anchor == "service" ? R"({"type":"string"})"
                                            : objects[i].anchor == "store" ? R"({"const":"memory"})"
                                                                           : "";
        if (!short_form.empty()) out.append(R"("oneOf":[)").append(short_form).append(",{");
        write_object(out, objects[i], false);
        if (!short_form.empty()) out += "}]";
        out += '}';
    }
    out += ",\n\"policy\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"mode\":{\"enum\":[\"enforce\",\"shadow\"]}";
    for (const ObjectText& p : policies) out.append(",\n\"").append(p.name).append("\":{\"$ref\":\"#/$defs/").append(p.anchor).append("\"}");
    out += "}}}}\n";
    return out;
}

std::string markdown_reference(std::span<const ObjectText> policies) {
    std::string out(kPreface);
    auto objects = describe_language();
    const size_t own = objects.size();
    for (const ObjectText& p : policies) add_with_parts(p, objects);
    for (size_t i = 0; i < objects.size(); ++i) {
        const ObjectText& object = objects[i];
        const bool is_policy = std::ranges::any_of(policies, [&](const ObjectText& p) { return p.anchor == object.anchor; });
        out += i < own ? "## " + std::string(object.name) : is_policy ? "## policy: `" + std::string(object.name) + "`" : "### " + std::string(object.name);
        out += "\n\n" + std::string(object.doc) + "\n\n";
        out += "| key | value | default | meaning |\n|---|---|---|---|\n";
        for (const FieldText& f : object.fields) {
            const std::string fallback = f.required ? "required" : f.fallback.empty() ? "" : cell(f.fallback);
            out += "| `" + std::string(f.key) + "` | " + cell(f.type) + " | " + fallback + " | " + cell(f.doc) + " |\n";
        }
        out += '\n';
    }
    return out.append(kRefusedOnPurpose);
}

}  // namespace portico::config
