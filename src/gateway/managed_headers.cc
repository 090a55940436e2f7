#include "gateway/managed_headers.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "config/read.h"
#include "gateway/snapshot.h"

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

// What the header would say, as the gateway knows it.
struct Meaning {
    std::string_view header, value;
};
constexpr Meaning kMeanings[] = {
    {"x-forwarded-for", "client.ip"},     {"x-real-ip", "client.ip"},           {"forwarded", "client.ip"},          {"client-ip", "client.ip"},
    {"x-client-ip", "client.ip"},         {"true-client-ip", "client.ip"},      {"cf-connecting-ip", "client.ip"},   {"x-forwarded-proto", "request.scheme"},
    {"x-forwarded-scheme", "request.scheme"}, {"x-forwarded-ssl", "request.scheme"}, {"x-forwarded-host", "request.host"}, {"x-original-host", "request.host"},
    {"x-original-url", "request.path"},   {"x-rewrite-url", "request.path"},
};

template <class Read>
std::string meant_by(const Read& read, std::string_view client_ip_from) {
    const auto found = std::ranges::find_if(kMeanings, [&](const Meaning& m) { return http::is_same_name(m.header, read.name); });
    if (found == std::end(kMeanings)) {
        if (is_forwarding_header(read.name)) return "no client can be asked for it: leave it out";
        return read.of_client ? "to ask who the client is, use authorize, or {claims.…}" : "name {claims.…}, or put the policy that sets it before this one";
    }
    const std::string value(found->value);
    if (value == "client.ip") {
        const std::string told = http::is_same_name(client_ip_from, read.name) ? std::string() : ", with forwarding: { client_ip_from: " + read.name + " }";
        return read.of_client ? "for rules by the client's address there is ip_access" + told : "did you mean client.ip" + told + "?";
    }
    if (read.of_client && value == "request.scheme") return "did you mean match: { scheme: https }?";
    if (read.of_client) return "did you mean match: { " + value.substr(value.find('.') + 1) + ": … }?";
    return "did you mean " + value + "?";
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

void HeaderReads::add(std::string_view name, config::Mark mark, std::string path) {
    if (!set_.contains(name)) all_.push_back({std::string(name), mark, std::move(path)});
}

void HeaderReads::add_of_client(std::string_view name, config::Mark mark, std::string path) {
    all_.push_back({std::string(name), mark, std::move(path), true});
}

void HeaderReads::warn_of_client(std::string_view name, config::Mark mark, std::string path, std::string_view code, std::string why, std::string_view hint) {
    warnings_.push_back({{std::string(name), mark, std::move(path)}, std::string(code), std::move(why), std::string(hint)});
}

void HeaderReads::settle(const http::NameSet& managed, std::string_view client_ip_from, config::FaultList& faults) const {
    std::set<std::tuple<uint32_t, uint32_t, std::string_view>> told;  // a policy may stand on many routes
    for (const Read& r : all_) {
        if (!managed.contains(r.name) && !is_forwarding_header(r.name)) continue;
        if (!told.emplace(r.mark.line, r.mark.column, r.name).second) continue;
        faults.error(r.mark, r.path, "managed-header",
                     r.name + " is taken off every request before anything reads it" +
                         (r.of_client ? ", and no policy has run yet" : ", and no policy before this place sets it"),
                     meant_by(r, client_ip_from));
    }
    for (const Warning& w : warnings_) {
        if (!managed.contains(w.of.name)) faults.warning(w.of.mark, w.of.path, w.code, w.why, w.hint);
    }
}

}  // namespace portico::gateway
