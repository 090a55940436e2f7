// Which headers of requests only the gateway may set, beyond those that policies name by themselves (LANGUAGE.md §6): what rules
// write from an identity, and what they rename or copy from such a header. Judged once over the whole file, at load, because a
// rule may stand before what makes its source one.
#pragma once

#include <string>
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

}  // namespace portico::gateway
