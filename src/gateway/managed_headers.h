// Which headers of requests only the gateway may set, beyond those that policies name by themselves (LANGUAGE.md §6): what rules
// write from an identity, and what they rename or copy from such a header; and who reads them. Judged once over the whole file, at
// load, because a rule may stand before what makes its source one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/fault.h"
#include "gateway/templates/template_string.h"
#include "http/fields.h"

namespace portico::gateway {

// A header that a rule writes into a request to a service.
struct HeaderWrite {
    std::string name;
    std::string from;        // the header that it is renamed or copied from; empty: a template's text
    bool of_claims = false;  // the text names a claim
    bool of_client = false;  // the text is, in part, what a client has sent
    config::Mark mark;
};
HeaderWrite written_by(std::string name, const Template& text, config::Mark mark);

class HeaderWrites {
  public:
    // @param path where it stands: "policies.shape.transform"
    void add(HeaderWrite write, std::string path) { all_.push_back({std::move(write), std::move(path)}); }
    void add_names(http::NameSet& to) const {
        for (const Placed& p : all_) to.insert(p.write.name);
    }
    // Adds to `managed` what follows; warns where a managed header's value is the client's.
    void settle(http::NameSet& managed, config::FaultList& faults) const;

  private:
    struct Placed {
        HeaderWrite write;
        std::string path;
    };
    std::vector<Placed> all_;
};

// Where the file names a header of requests. Of a managed one there is what policies have set before, and nothing else: where none
// sets it, its name is a load error (LANGUAGE.md §6).
class HeaderReads {
  public:
    // What follows stands behind policies that have set these.
    void stand_behind(http::NameSet set) { set_ = std::move(set); }
    bool is_set(std::string_view name) const { return set_.contains(name); }
    // A template, a key or a condition of a policy.
    void add(std::string_view name, config::Mark mark, std::string path);
    // What is read of the client alone: `match`, and where a credential is looked for.
    void add_of_client(std::string_view name, config::Mark mark, std::string path);
    // A warning that holds where the header is the client's: not of a managed one, of which settle() says more.
    void warn_of_client(std::string_view name, config::Mark mark, std::string path, std::string_view code, std::string why, std::string_view hint);
    // @param client_ip_from the header in which trusted proxies name the client
    void settle(const http::NameSet& managed, std::string_view client_ip_from, config::FaultList& faults) const;

  private:
    struct Read {
        std::string name;
        config::Mark mark;
        std::string path;
        bool of_client = false;
    };
    struct Warning {
        Read of;
        std::string code, why, hint;
    };
    http::NameSet set_;
    std::vector<Read> all_;
    std::vector<Warning> warnings_;
};

}  // namespace portico::gateway
