#include "server/opened_addresses.h"

#include <unistd.h>

namespace portico::server {

OpenedAddresses::~OpenedAddresses() {
    for (const Listener& l : listeners) {
        for (const int fd : l.fds) ::close(fd);
    }
    for (const int fd : admin ? admin->fds : std::vector<int>{}) ::close(fd);
}

}  // namespace portico::server
