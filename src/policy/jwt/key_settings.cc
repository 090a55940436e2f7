#include "policy/jwt/key_settings.h"

#include <algorithm>

#include "config/concealed.h"
#include "config/file_text.h"
#include "config/read.h"
#include "gateway/fetch.h"
#include "policy/jwt/issuer_documents.h"
#include "policy/jwt/key_texts.h"

namespace portico::policy::jwt {
namespace {

using config::Field;
using config::Node;
using config::Scope;

struct RemoteDraft {
    explicit RemoteDraft(gateway::PolicyBuild& b) : build(b) {}
    gateway::PolicyBuild& build;
    RemoteKeySettings remote;
    bool has_url = false;
};

constexpr std::string_view kDuration = R"({"$ref":"#/$defs/duration"})";

void read_url(const Scope& scope, const Node& node, RemoteKeySettings& into) {
    const auto text = config::read_string(scope, node, "a URL such as https://issuer.example/keys");
    if (!text) return;
    if (text->contains('?')) config::conceal(scope.faults(), node);  // a query may hold a key of its own
    const auto url = gateway::FetchUrl::parse(*text);
    if (!url) return scope.error(node.mark, "bad-url", "\"" + text->substr(0, text->find('?')) + "\" is not a URL such as https://issuer.example/keys");
    if (!url->tls && !url->is_loopback()) {
        scope.warning(node.mark, "plain-issuer", "keys that are fetched over plain HTTP can be replaced on their way", "write https://");
    }
    into.url = *text;
}

template <bool kDiscovery>
constexpr std::array<Field<RemoteDraft>, 8> remote_rows() {
    return {{
    kDiscovery ? Field<RemoteDraft>{{"issuer", "URL", "", "The issuer, byte for byte as its document and its tokens name it.", R"({"type":"string"})", true},
     [](const Scope& s, const Node& n, RemoteDraft& d) {
         read_url(s, n, d.remote);
         d.remote.issuer = d.remote.url;
     }} : Field<RemoteDraft>{{"url", "URL", "", "Where the keys are.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RemoteDraft& d) { d.has_url = true; read_url(s, n, d.remote); }},
    {{"service", "name", "", "The service that has them, in place of a URL; it should be internal.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RemoteDraft& d) { d.remote.service = d.build.service(s, n); }},
    {{"path", "path", "", "Asked of the service.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RemoteDraft& d) {
         const auto path = config::read_string(s, n, "a path");
         if (!path) return;
         if (!path->starts_with('/')) return s.error(n.mark, "bad-path", "a path begins with \"/\"");
         d.remote.path = *path;
     }},
    {{"ca", "file", "the system's", "Whose certificates are believed.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RemoteDraft& d) {
         const auto path = config::read_file_name(s, n, "a file of certificates");
         if (!path) return;
         auto text = config::read_file_text(path->value);
         if (text) d.remote.ca = std::move(*text);
         else s.error(n.mark, "missing-file", "the file " + path->value + " cannot be read: " + text.error().context);
     }},
    {{"timeout", "duration", "5s", "The longest that a fetch takes.", kDuration},
     [](const Scope& s, const Node& n, RemoteDraft& d) { if (auto v = config::read_duration(s, n, false)) d.remote.timeout = *v; }},
    {{"cooldown", "duration", "30s", "Between two fetches because of keys that are not known, or of signatures that a known key has not made.", kDuration},
     [](const Scope& s, const Node& n, RemoteDraft& d) { if (auto v = config::read_duration(s, n, false)) d.remote.cooldown = *v; }},
    {{"refresh", "duration", "15m", "Until the next fetch, where the answer does not say how long it holds.", kDuration},
     [](const Scope& s, const Node& n, RemoteDraft& d) { if (auto v = config::read_duration(s, n, false)) d.remote.refresh = *v; }},
    {{"stale", "duration or none", "none", "How long keys serve after their last good fetch.", R"({"$ref":"#/$defs/durationOrNone"})"},
     [](const Scope& s, const Node& n, RemoteDraft& d) { if (auto v = config::read_duration(s, n, true)) d.remote.stale = *v; }},
    }};
}
constexpr auto kJwksRows = remote_rows<false>();
constexpr auto kOidcRows = remote_rows<true>();

std::string part(std::string_view text) { return std::to_string(text.size()) + ":" + std::string(text); }

// Where a service is and whom to believe there: a reload that points it elsewhere names another source.
std::string endpoints_of(const config::ServiceConfig& service) {
    std::string all;
    bool any_tls = false;
    for (const config::EndpointConfig& e : service.endpoints) {
        any_tls |= e.tls;
        all += part((e.tls ? "https://" : "http://") + e.host + "/" + std::to_string(e.port) + "/" + e.authority);
    }
    if (!any_tls) return all;
    io::TlsClientSettings tls;
    tls.server_name = service.tls.server_name.value;
    tls.verify = service.tls.verify;
    if (!service.tls.ca.value.empty()) tls.ca = config::read_file_text(service.tls.ca.value).value_or("");
    const auto client = io::TlsClient::make(tls);
    // One that cannot be made is told where the service is.
    return all + (client ? part((*client)->digest()) : "");
}

// Keys, or the document that names them, are asked of a service of the configuration.
void read_service(const Scope& scope, const Node& node, RemoteDraft& draft) {
    if (draft.remote.path.empty()) {
        return scope.error(node.mark, "missing-key", draft.remote.discovery ? "a service needs the path of the issuer's document: path: /.well-known/openid-configuration"
                                                                            : "a service needs the path of its keys: path: /.well-known/jwks.json");
    }
    const auto& service = draft.build.config().services[static_cast<size_t>(draft.remote.service)];
    draft.remote.endpoints = endpoints_of(service);
    draft.remote.url = "service " + service.name + " " + draft.remote.path;
    if (!service.internal) {
        scope.warning(node.mark, "reachable-issuer", "the service \"" + service.name + "\" issues keys and can be reached by name",
                      "write internal: true on it");
    }
}

}  // namespace

std::string RemoteKeySettings::identity() const {
    return (discovery ? "oidc " : "jwks ") + part(url) + part(issuer) + part(endpoints) + part(tls == nullptr ? "" : tls->digest()) +
           std::to_string(cooldown.count()) + " " + std::to_string(stale.count());
}

void read_secret_key(const Scope& scope, const Node& node, IssuerDraft& into) {
    ++into.key_kinds;
    const auto secret = config::read_secret(scope, node);
    if (!secret) return;
    if (const std::string hint = config::file_hint(node); !hint.empty()) {
        scope.warning(node.mark, "secret-is-path", "this text is the secret itself, and looks like the name of a file", "did you mean { file: … }?");
    }
    std::vector<std::string> notes;
    auto key = Key::from_secret(*secret, notes);
    if (!key) return scope.error(node.mark, "bad-key", key.error(), "such as ${JWT_SECRET}");
    for (const std::string& note : notes) scope.warning(node.mark, "weak-key", note);
    into.keys.push_back(std::move(*key));
}

void read_public_key(const Scope& scope, const Node& node, IssuerDraft& into) {
    ++into.key_kinds;
    const auto text = config::read_secret(scope, node);
    if (!text) return;
    auto keys = keys_from_pem(*text);
    if (!keys) return scope.error(node.mark, "bad-key", keys.error(), config::file_hint(node));
    into.keys = std::move(*keys);
}

void read_json_keys(const Scope& scope, const Node& node, IssuerDraft& into) {
    ++into.key_kinds;
    const auto text = config::read_secret(scope, node);
    if (!text) return;
    auto read = keys_from_json(*text, KeyOrigin::configured);
    if (!read) {
        const bool is_url = text->starts_with("https://") || text->starts_with("http://");
        return scope.error(node.mark, "bad-key", read.error(), is_url ? "keys at a URL are fetched by jwks: https://…" : config::file_hint(node));
    }
    for (const PassedOverKey& key : read->passed_over()) scope.warning(node.mark, "unused-key", "key \"" + key.name() + "\" passed over: " + key.why);
    into.keys = read->keys();
    into.passed_over = read->passed_over();
}

void read_remote_keys(const Scope& scope, const Node& node, IssuerDraft& into, bool discovery) {
    ++into.key_kinds;
    RemoteDraft draft(into.build);
    draft.remote.discovery = discovery;
    if (node.is_scalar()) {
        read_url(scope, node, draft.remote);
        if (discovery) draft.remote.issuer = draft.remote.url;
    } else {
        const auto& rows = discovery ? kOidcRows : kJwksRows;
        if (!config::read_object<RemoteDraft>(scope, node, draft, discovery ? "oidc" : "jwks", rows)) return;
        if (!discovery && draft.has_url == (draft.remote.service >= 0)) {
            return scope.error(node.mark, "jwt-keys", "either a URL or a service has the keys", "url: https://…, or service: NAME and path: /…");
        }
        if (draft.remote.service >= 0) read_service(scope, node, draft);
        else if (!draft.remote.path.empty()) scope.error(node.mark, "jwt-keys", "a path goes with a service: write it into the URL");
    }
    io::TlsClientSettings tls;
    tls.ca = draft.remote.ca;
    tls.alpn = "http/1.1";
    auto client = io::TlsClient::make(tls);
    if (!client) return scope.error(node.mark, "bad-ca", "ca " + client.error().what);
    draft.remote.tls = std::move(*client);
    if (discovery && into.issuer.rules.claims.issuers.empty()) into.issuer.rules.claims.issuers.push_back(draft.remote.issuer);
    into.issuer.remote = std::move(draft.remote);
}

void finish_issuer(const Scope& scope, IssuerDraft& into) {
    if (into.key_kinds != 1) {
        scope.error(into.mark, "jwt-keys",
                    into.key_kinds == 0 ? "no keys: one of secret, public_key, keys, jwks and oidc is needed"
                                        : "more than one of secret, public_key, keys, jwks and oidc: write issuers, each with its own");
        return;
    }
    const AlgorithmSet wanted = into.issuer.rules.algorithms;
    if (into.issuer.remote) {
        if (into.issuer.rules.claims.audiences.empty()) {
            scope.warning(into.mark, "any-audience", "every token that this issuer signs is accepted here, also those meant for other applications",
                          "name yours: audience: …");
        }
        if (!wanted.empty() && (wanted & kHmacAlgorithms) == wanted) {
            scope.error(into.algorithms_mark, "jwt-keys", "keys that everybody can fetch are no secret: HS256 and its kind need secret");
        }
        return;
    }
    if (into.keys.empty()) return;  // it was said why
    const bool some = std::ranges::any_of(into.keys, [&](const auto& k) { return !(k->algorithms() & wanted).empty(); });
    if (!some && !wanted.empty()) {
        scope.error(into.algorithms_mark, "jwt-keys", "no key here can verify one of these algorithms",
                    "HS* need secret, RS* and PS* an RSA key, ES* an EC key of their curve, EdDSA an Ed25519 key");
    }
    into.issuer.fixed = KeySet(std::move(into.keys), std::move(into.passed_over));
}

}  // namespace portico::policy::jwt
