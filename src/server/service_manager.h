// Tells the service manager (systemd, Type=notify) how far this process is, by the datagram socket that NOTIFY_SOCKET names, as
// sd_notify(3) describes. Without the variable nothing is sent. Never waits: a manager that does not listen misses a line. Control thread only.
#pragma once

#include <string>

namespace portico::server {

class ServiceManager {
  public:
    // Looks NOTIFY_SOCKET up: "/path", or "@name" for an abstract socket.
    ServiceManager();
    ~ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    void ready() const { send("READY=1"); }
    // Until ready(), which also follows a reload that is refused.
    void reloading() const;
    void stopping() const { send("STOPPING=1"); }

  private:
    void send(const std::string& state) const;

    std::string address_;  // as connect() wants it; empty: nobody listens
    int fd_ = -1;
};

}  // namespace portico::server
