// The extension point: a policy may pass, answer, change or observe an exchange. Each lives in one folder of src/policy/,
// which the build finds; this header is all that it needs to know of the gateway. See docs/policies.md.
//
// A Policy is built once for a snapshot, is immutable, and is used by every worker at once: what it remembers lives in
// structures of its own that are made for that.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/document.h"
#include "config/fault.h"
#include "gateway/client_side.h"
#include "io/task.h"

namespace portico::gateway {

class Exchange;

// What a policy decided. A policy that must wait returns `later` with a task; all others cost no coroutine frame.
struct Verdict {
    enum class Kind : uint8_t { proceed, fail, later } kind = Kind::proceed;
    Error error{Fault::internal};           // fail: the one table answers it (gateway/reply.cc)
    std::optional<io::Task<Verdict>> task;  // later

    static Verdict proceed() { return {}; }
    static Verdict refuse(Error e) {
        Verdict v;
        v.kind = Kind::fail;
        v.error = std::move(e);
        return v;
    }
    static Verdict wait(io::Task<Verdict> t) {
        Verdict v;
        v.kind = Kind::later;
        v.task.emplace(std::move(t));
        return v;
    }
};

class Policy {
  public:
    virtual ~Policy() = default;
    // On the way in, in the order of `use`.
    virtual Verdict on_request(Exchange&) const { return Verdict::proceed(); }
    // On the way out, backward, only for those whose on_request ran: before the head is sent.
    virtual void on_response(Exchange&, ResponseOut&) const {}
    // Once, after everything; cannot fail.
    virtual void on_complete(Exchange&) const noexcept {}
};

// What a folder offers: how its settings become a Policy.
struct PolicySettings {
    std::string_view name;         // for metrics and messages
    const config::Node& settings;  // what stands under the type's key
    std::string path;              // of that node: "policies.office.ip_access"
    bool shadow = false;
};
struct PolicyType {
    std::string_view name;
    std::string_view summary;  // one sentence, for the reference
    bool can_refuse = false;   // `mode: shadow` makes sense
    bool guarantees_identity = false;
    // Adds what is wrong to `faults`. @returns nullptr exactly when it added an error
    std::unique_ptr<const Policy> (*make)(const PolicySettings& settings, config::FaultList& faults) = nullptr;
    // The names of request headers that a policy of these settings sets: managed everywhere (LANGUAGE.md §6).
    std::vector<std::string> (*managed_headers)(const config::Node& settings) = nullptr;
};

}  // namespace portico::gateway
