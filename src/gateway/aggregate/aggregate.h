// The action `aggregate`: named calls of services, each made as soon as what it names is there, and one answer made of what they
// gave. The action is judged and compiled at load (aggregate_compile.cc) and used by every worker at once; an Aggregation
// (aggregation.h) serves one request with it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "gateway/templates/body_template.h"
#include "gateway/templates/text_body.h"
#include "gateway/aggregate/call_graph.h"
#include "gateway/managed_headers.h"
#include "gateway/rewrite.h"
#include "http/fields.h"
#include "http/message.h"
#include "io/task.h"

namespace portico::gateway {

class Exchange;

// A pair of a call's query, beside those of its path.
struct CallPair {
    std::string name;  // as it is sent
    Template text;     // or:
    std::unique_ptr<const BodyTemplate> values;  // a pair for each
};

struct AggregateCall {
    std::string name;
    int32_t service = -1;
    http::Method method = http::Method::get;
    std::string method_text;
    TargetTemplate path;
    std::vector<CallPair> query;
    std::vector<std::pair<std::string, Template>> headers;  // Accept and Content-Type among them
    std::unique_ptr<const BodyTemplate> json;  // the body; or:
    TextBody text;
    bool has_body = false;
    config::EffectiveTimeouts timeouts;  // total: the call's own, kForever where it has none
    std::unique_ptr<const DocumentCondition> when;
    std::unique_ptr<const BodyTemplate> for_each;  // renders {"v": …}, whose v is the list
    bool item_of_client = false;  // its values come from the client's body
    uint32_t concurrency = 8, max_items = 100;
    std::optional<uint32_t> limit;
    bool optional = false;
    std::unique_ptr<const BodyTemplate> fallback;
    std::vector<int> accept, pass;
    uint32_t max_body = 1 << 20;
    bool asks_documents = false;  // its request is made of what paths find in documents

    bool accepts(int status) const;
    bool passes(int status) const;
};

struct StatusRule {
    std::unique_ptr<const DocumentCondition> when;  // nullptr: always
    int status = 200;
};

struct AggregateAction {
    // Roots of the calls' templates, by place: the calls, the client's body (`$`), the call's own for_each variable.
    std::vector<AggregateCall> calls;
    CallGraph graph{0};
    Duration timeout{};
    std::vector<StatusRule> status;
    std::vector<std::pair<std::string, Template>> headers;
    std::unique_ptr<const BodyTemplate> body;
    std::string errors;  // empty: no such member
    bool server_timing = false;
    bool etag = true;
    bool reads_body = false;  // some call names `$`
    std::vector<std::string> varies_by;  // the client's headers that some template names
    bool keeps_heads = false; // somebody names a call's status or its header fields
    uint32_t max_body = 1 << 20;

    size_t body_root() const { return calls.size(); }
    size_t item_root() const { return calls.size() + 1; }

    // @param writes takes the headers that calls write (LANGUAGE.md §6)
    // @returns nullptr exactly after a fault
    static std::unique_ptr<const AggregateAction> compile(const config::Scope& scope, const config::AggregateConfig& from, const TemplatePlace& place,
                                                          const config::Config& config, const std::unordered_map<std::string, int32_t>& services,
                                                          HeaderWrites& writes);
};

// The request of a call that waits for no other, as it would be written, for `explain`: the head, and the body behind it.
// @errors those for which it would not be made
Result<std::string> describe_call(Exchange& x, const AggregateAction& action, uint32_t call, std::string_view authority);

// Serves the exchange with it, to its end.
io::Task<void> aggregate(Exchange& x, const AggregateAction& action);

}  // namespace portico::gateway
