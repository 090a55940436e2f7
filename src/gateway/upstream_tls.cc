#include "gateway/upstream_tls.h"

#include <algorithm>

#include "config/file_text.h"
#include "config/schema.h"

namespace portico::gateway {
namespace {

using config::Scope;
using config::Text;

// A file's content; empty after a fault, and where nothing was written.
std::string content(const Scope& scope, const Text& path) {
    if (!path.written) return {};
    auto text = config::read_file_text(path.value);
    if (!text) {
        scope.error(path.mark, "missing-file", "the file " + path.value + " cannot be read: " + text.error().context);
        return {};
    }
    if (text->empty()) scope.error(path.mark, "bad-pem", "the file " + path.value + " is empty");
    return std::move(*text);
}

}  // namespace

std::shared_ptr<const io::TlsClient> UpstreamTls::client_of(const config::ServiceConfig& service, config::FaultList& faults) {
    if (std::ranges::none_of(service.endpoints, &config::EndpointConfig::tls)) return nullptr;
    const config::UpstreamTlsConfig& c = service.tls;
    const Scope services(faults, "services"), at(services, service.name), scope(at, "tls");
    const size_t before = faults.errors();
    io::TlsClientSettings settings;
    settings.ca = content(Scope(scope, "ca"), c.ca);
    settings.server_name = c.server_name.value;
    settings.certificate = content(Scope(scope, "cert"), c.cert);
    settings.key = content(Scope(scope, "key"), c.key);
    settings.alpn = "http/1.1";
    settings.verify = c.verify;
    if (faults.errors() != before) return nullptr;

    std::string spelt = settings.verify ? "verify" : "believe";
    for (const std::string* part : {&settings.ca, &settings.server_name, &settings.certificate, &settings.key}) {
        spelt += '\n' + std::to_string(part->size()) + ':' + *part;
    }
    auto& client = made_[spelt];
    if (client != nullptr) return client;
    auto made = io::TlsClient::make(settings);
    if (made) return client = std::move(*made);
    const auto& [setting, what] = made.error();
    const bool ca = setting == io::TlsSetting::ca, cert = setting == io::TlsSetting::certificate;
    const Text& text = ca ? c.ca : cert ? c.cert : c.key;
    Scope(scope, ca ? "ca" : cert ? "cert" : "key").error(text.mark, "bad-pem", "the file " + text.value + " " + what);
    return nullptr;
}

std::shared_ptr<const io::TlsClient> store_tls(const config::StoreConfig& store, const Scope& scope) {
    const Scope at(scope, "ca");
    const size_t before = at.faults().errors();
    io::TlsClientSettings settings;
    settings.ca = content(at, store.ca);
    if (at.faults().errors() != before) return nullptr;
    auto made = io::TlsClient::make(settings);
    if (made) return std::move(*made);
    at.error(store.ca.mark, "bad-pem", "the file " + store.ca.value + " " + made.error().what);
    return nullptr;
}

}  // namespace portico::gateway
