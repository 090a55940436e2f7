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
    // `changed` is told the name whose addresses are others now.
    NameWatch(io::Loop& loop, std::unique_ptr<io::Resolver> resolver, std::function<void(const std::string&)> changed);
    ~NameWatch();

    // The names of a configuration; those that stay keep what is known of them.
    void set_names(const std::vector<std::string>& names, const config::DnsConfig& dns);
    // Empty: not known (yet).
    const std::vector<IpAddress>& addresses(const std::string& name) const;
    // One lookup beside the watched names.
    void resolve(const std::string& name, io::Resolver::Callback done) { resolver_->resolve(name, std::move(done)); }
    // True once each name has had its first answer, good or bad.
    bool settled() const;

  private:
    class Name;
    io::Loop& loop_;
    std::unique_ptr<io::Resolver> resolver_;
    std::function<void(const std::string&)> changed_;
    config::DnsConfig dns_;
    std::map<std::string, std::shared_ptr<Name>> names_;
};

}  // namespace portico::server
