// From what a service's `tls` or a store's `ca` names to what its connections are made with: reads the files, judges them, says
// what is wrong where it is written. Used while a Snapshot is built.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/model.h"
#include "config/schema.h"
#include "io/tls_client.h"

namespace portico::gateway {

class UpstreamTls {
  public:
    // Services of equal settings share one.
    // @returns nullptr for a service without https endpoints, or after a fault
    std::shared_ptr<const io::TlsClient> client_of(const config::ServiceConfig& service, config::FaultList& faults);

  private:
    std::map<std::string, std::shared_ptr<const io::TlsClient>> made_;  // by their settings, spelt out
};

// Of a store that is reached over TLS.
// @returns nullptr after a fault
std::shared_ptr<const io::TlsClient> store_tls(const config::StoreConfig& store, const config::Scope& scope);

}  // namespace portico::gateway
