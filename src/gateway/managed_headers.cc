#include "gateway/managed_headers.h"

#include <algorithm>

#include "config/read.h"

namespace portico::gateway {
namespace {

// What a client cannot choose: who it is by its connection and its identity, and what the gateway has made up.
bool is_of_client(const TemplatePart& part) {
    switch (part.source) {
        case Source::literal:
        case Source::claim:
        case Source::client_ip:
        case Source::request_scheme:
        case Source::request_id: return false;
        default: return blame_of(part) == Fault::value_refused;
    }
}

}  // namespace

HeaderWrite written_by(std::string name, const Template& text, config::Mark mark) {
    HeaderWrite write{std::move(name), {}, text.names_claims(), std::ranges::any_of(text.parts(), is_of_client), mark};
    return write;
}

void HeaderWrites::settle(http::NameSet& managed, config::FaultList& faults) const {
    for (bool more = true; more;) {
        more = false;
        for (const auto& [write, path] : all_) {
            const bool of_identity = write.from.empty() ? write.of_claims && config::is_manageable_header(write.name) : managed.contains(write.from);
            if (!of_identity || managed.contains(write.name)) continue;
            if (!config::is_manageable_header(write.name)) {
                faults.error(write.mark, path, "unmanageable-header",
                             write.from + " bears an identity, and " + write.name + " cannot be managed: it is the client's own, or part of the message's form");
                return;
            }
            managed.insert(write.name);
            more = true;
        }
    }
    for (const auto& [write, path] : all_) {
        if (!managed.contains(write.name)) continue;
        if (write.from.empty() ? !write.of_client : managed.contains(write.from)) continue;
        faults.warning(write.mark, path, "client-identity",
                       "services take " + write.name + " for the gateway's word, and here a client chooses what it says" +
                           (write.from.empty() ? std::string() : ": it comes from " + write.from),
                       "give it another name, or a value of {claims.…}");
    }
}

}  // namespace portico::gateway
