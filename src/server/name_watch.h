// The names of endpoints and what they resolve to: asked for anew at their time to live, kept when the resolver fails
// (stale-if-error), told of when they change. Control thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "io/dns.h"
#include "io/loop.h"

namespace portico::server {

class NameWatch {
  public:
    // As many addresses of a name are used: more are taken for a mistake, or for an attack by the name's server on who follows it.
    static constexpr size_t kMostAddresses = 64;

    // `changed` is told the name whose addresses are others now, or that has none for another reason; `too_many` a name that has more than are used, and how many, once
    // for as long as it has.
    NameWatch(io::Loop& loop, std::unique_ptr<io::Resolver> resolver, std::function<void(const std::string&)> changed,
              std::function<void(const std::string&, size_t)> too_many);
    ~NameWatch();

    // The names of a configuration; those that stay keep what is known of them.
    void set_names(const std::vector<std::string>& names, const config::DnsConfig& dns);
    // Empty: not known (yet).
    const std::vector<IpAddress>& addresses(const std::string& name) const;
    // Why a watched name has no addresses, or only those that it had before. Empty: all is well, or it was not asked for yet.
    std::string trouble(const std::string& name) const;
    // One lookup beside the watched names.
    void resolve(const std::string& name, io::Resolver::Callback done) { resolver_->resolve(name, std::move(done)); }
    // True once each name has had its first answer, good or bad.
    bool settled() const;

  private:
    class Name;
    io::Loop& loop_;
    std::unique_ptr<io::Resolver> resolver_;
    std::function<void(const std::string&)> changed_;
    std::function<void(const std::string&, size_t)> too_many_;
    config::DnsConfig dns_;
    std::map<std::string, std::shared_ptr<Name>> names_;
};

}  // namespace portico::server
