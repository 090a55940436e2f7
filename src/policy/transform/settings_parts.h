// How the parts of a transform's settings are read: private to this folder. Faults go to the scope.
#pragma once

#include "config/schema.h"
#include "policy/transform/settings.h"

namespace portico::policy::transform {

enum class MessageKind : uint8_t {
    request,
    response,
    line,  // of a response whose head has left
};

// What templates of that kind may name: the request, and `$`.
const gateway::TemplatePlace& place_of(MessageKind kind);

void read_headers(const config::Scope& scope, const config::Node& node, MessageKind kind, Rules& into);
void read_query(const config::Scope& scope, const config::Node& node, Rules& into);
void read_cookies(const config::Scope& scope, const config::Node& node, MessageKind kind, CookieRules& into);
void read_condition(const config::Scope& scope, const config::Node& node, MessageKind kind, Condition& into);
void read_shape(const config::Scope& scope, const config::Node& node, MessageKind kind, BodyChange& into);
void read_edit(const config::Scope& scope, const config::Node& node, MessageKind kind, BodyChange& into);
void read_request(const config::Scope& scope, const config::Node& node, RequestRules& into);
void read_response(const config::Scope& scope, const config::Node& node, std::vector<AnswerCase>& into);

// The tables of the parts, for the reference.
config::ObjectText describe_rules();
config::ObjectText describe_cookies();
std::vector<config::ObjectText> describe_messages();

}  // namespace portico::policy::transform
