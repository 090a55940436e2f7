// The small services behind `portico demo`: users, orders, products and legacy-users, with data made up. One thread, one loop, our
// own server; each on a loopback port that the system chooses.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace portico::cli {

class DemoServices {
  public:
    // @errors io
    static Result<std::unique_ptr<DemoServices>> start();
    ~DemoServices();

    const std::string& users() const { return users_; }  // host:port
    const std::string& orders() const { return orders_; }
    const std::string& products() const { return products_; }
    const std::string& legacy_users() const { return legacy_users_; }

  private:
    struct Thread;
    DemoServices() = default;
    std::string users_, orders_, products_, legacy_users_;
    std::unique_ptr<Thread> thread_;
};

}  // namespace portico::cli
