#include "gateway/actions.h"

#include <algorithm>

#include "config/read.h"
#include "gateway/body_filtering.h"
#include "gateway/guarded_elsewhere.h"
#include "gateway/templates/field_value.h"
#include "gateway/reply.h"
#include "gateway/snapshot.h"
#include "http/uri.h"

namespace portico::gateway {
namespace {

using config::Scope;
using config::Text;

std::optional<Duration> nearest_of(std::optional<Duration> a, std::optional<Duration> b, std::optional<Duration> c) {
    return a ? a : b ? b : c;
}

// Where the fragment of a redirect's text begins: the first "#" outside of a `{…}`, in which it belongs to a name.
size_t fragment_of(const Text& to) {
    bool inside = false;
    for (size_t i = 0; i < to.value.size(); ++i) {
        const char c = to.value[i];
        if (c == '#' && !inside) return i;
        if (to.literal) continue;
        if (c == '{' && to.value.substr(i, 2) == "{{") ++i;
        else if (c == '{' || c == '}') inside = c == '{';
    }
    return std::string::npos;
}

// Takes the `#text` off the end of a redirect's text. @returns false after a fault
bool take_fragment(const Scope& scope, Text& to, std::string& into) {
    const size_t at = fragment_of(to);
    if (at == std::string::npos) return true;
    into = to.value.substr(at);
    to.value.resize(at);
    // RFC 3986 §3.5, and the sign of what is encoded.
    constexpr std::string_view kOthers = "-._~!$&'()*+,;=:@/?%";
    const auto is_good = [kOthers](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.contains(c); };
    if (std::ranges::all_of(std::string_view(into).substr(1), is_good)) return true;
    scope.error(to.mark, "bad-redirect", "\"" + into + "\" is no fragment: it is text that is sent as it stands, without values",
                into.find('{') == std::string::npos ? "encode other characters, such as %20 for a space or %23 for a \"#\"" : "values stand before the \"#\"");
    return false;
}

// Takes a literal `http(s)://authority` off the front of a redirect's text. @returns false after a fault
bool take_origin(const Scope& scope, Text& to, bool has_host_condition, RedirectAction& into) {
    std::string& text = to.value;
    if (text.starts_with('/')) return true;
    const size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
    if (scheme == 0) {
        scope.error(to.mark, "open-redirect", "a redirect begins with \"/\" or with a literal http(s)://authority/",
                    text.starts_with('{') ? "a value here would let a request choose where it is sent" : "");
        return false;
    }
    const size_t slash = text.find('/', scheme);
    const std::string authority = text.substr(scheme, slash == std::string::npos ? std::string::npos : slash - scheme);
    if (authority == "{request.host}") {
        if (!has_host_condition) {
            scope.error(to.mark, "open-redirect", "{request.host} may be the authority only on a route with a host condition",
                        "write the host, or add match: host");
            return false;
        }
        into.host_of_request = true;
        into.origin = text.substr(0, scheme);
    } else if (authority.find('{') != std::string::npos || slash == std::string::npos) {
        scope.error(to.mark, "open-redirect", "a redirect's authority is literal and ends with a \"/\": a value there could change the host",
                    slash == std::string::npos && authority.find('{') == std::string::npos ? "did you mean " + text + "/?" : "");
        return false;
    } else if (!http::is_valid_authority(authority)) {
        scope.error(to.mark, "bad-redirect", "\"" + authority + "\" is not a host");
        return false;
    } else {
        into.origin = text.substr(0, slash);
    }
    text = slash == std::string::npos ? "/" : text.substr(slash);
    return true;
}

}  // namespace

config::EffectiveTimeouts effective_timeouts(const config::Timeouts& route, const config::Timeouts& service, const config::Timeouts& file) {
    config::EffectiveTimeouts t;
    t.connect = nearest_of(route.connect, service.connect, file.connect).value_or(t.connect);
    t.first_byte = nearest_of(route.first_byte, service.first_byte, file.first_byte).value_or(t.first_byte);
    t.idle = nearest_of(route.idle, service.idle, file.idle).value_or(t.idle);
    t.total = nearest_of(route.total, service.total, file.total).value_or(t.total);
    return t;
}

RespondAction RespondAction::compile(const Scope& scope, const config::RespondConfig& from, const TemplatePlace& place) {
    RespondAction a;
    a.status = from.status;
    for (const auto& [name, value] : from.headers) {
        const Scope at(scope, "headers");
        a.headers.emplace_back(name.value, parse_field(at, value, place, ValuePlace::header));
    }
    if (from.body == nullptr || from.body->kind == config::NodeKind::null) return a;
    const Scope at(scope, "body");
    a.has_body = true;
    const auto type = std::ranges::find_if(a.headers, [](const auto& h) { return http::field_name(h.first) == http::FieldName::content_type; });
    if (from.body->is_scalar()) {
        a.text = TextBody::parse(at, config::text_of(*from.body), type == a.headers.end() ? nullptr : &type->second, place);
    } else {
        a.json = BodyTemplate::compile(at, *from.body, place);
        if (type != a.headers.end()) check_json_type(Scope(Scope(scope, "headers"), type->first), from.headers[static_cast<size_t>(type - a.headers.begin())].second.mark, type->second);
    }
    if (a.status == 204 || a.status == 205 || a.status == 304) {
        at.error(from.body->mark, "bad-body", "an answer with status " + std::to_string(a.status) + " has no body");
    }
    return a;
}

RedirectAction RedirectAction::compile(const Scope& scope, const config::RedirectConfig& from, const TemplatePlace& place,
                                       bool has_host_condition) {
    RedirectAction a;
    a.status = from.status;
    Text to = from.to;
    // In its notation: what is cut off below stands in both texts.
    if (!to.as_template.empty()) to.value = std::exchange(to.as_template, {}), to.literal = false;
    const Scope at(scope, "to");
    if (take_fragment(at, to, a.fragment) && take_origin(at, to, has_host_condition, a)) a.target = TargetTemplate::parse(at, to, place);
    return a;
}

ForwardAction ForwardAction::compile(const Scope& scope, const config::ForwardConfig& from, const TemplatePlace& place,
                                     const std::unordered_map<std::string, int32_t>& services, std::span<const RouteTable::Entry> ways) {
    ForwardAction a;
    a.timeouts = from.timeouts;
    const auto named = services.find(from.service.value);
    if (named != services.end()) a.service_index = named->second;
    else a.service = Template::parse(Scope(scope, "service"), from.service, place.of_path());
    a.raw = from.raw;
    a.has_path = from.path.written;
    if (a.has_path) a.path = TargetTemplate::parse(Scope(scope, "path"), from.path, place);
    a.locations = LocationMap(from.location, a.has_path ? &a.path : nullptr, ways);
    if (from.host.value == "client") {
        a.host_of_client = true;
    } else if (from.host.written) {
        a.host = from.host.value;
        if (!http::is_valid_authority(a.host)) {
            Scope(scope, "host").error(from.host.mark, "bad-host", "\"" + a.host + "\" is not a host[:port], nor \"client\"");
        }
    }
    return a;
}

Result<void> RespondAction::render_body(const Values& values, std::string& out) const {
    if (json != nullptr) return json->render(values, out);
    if (const TemplatePart* part = text.compound(values)) return fail(compound_error(*part));
    text.render(values, out);
    return {};
}

namespace {

// The answer's fields, values in the arena. @errors value_refused, claim_refused
Result<void> render_fields(Exchange& x, const RespondAction& action, http::FieldList& fields) {
    bool typed = false;
    for (const auto& [name, value] : action.headers) {
        const auto added = add_field(name, value, x.values(), fields, x.arena);
        if (!added) return fail(added.error());
        typed |= *added && http::field_name(name) == http::FieldName::content_type;
    }
    if (!typed && action.has_body) {
        fields.add("Content-Type", action.json != nullptr ? "application/json" : "text/plain; charset=utf-8");
    }
    return {};
}

}  // namespace

io::Task<void> respond(Exchange& x, const RespondAction& action) {
    x.response.clear();
    x.response.status = action.status;
    std::string body;
    auto made = render_fields(x, action, x.response.fields);
    if (made) made = action.render_body(x.values(), body);
    if (!made) {
        co_await reply_error(x, std::move(made).error());
        co_return;
    }
    co_await reply_answer(x, std::move(body));
}

Result<void> answer_call(Exchange& x, const RespondAction& action, upstream::CallAnswer& answer) {
    answer.head.status = action.status;
    if (auto made = render_fields(x, action, answer.head.fields); !made) return made;
    std::string body;
    if (auto made = action.render_body(x.values(), body); !made) return made;
    answer.body = x.arena.copy(body);
    return {};
}

Result<std::string> redirect_location(Exchange& x, const RedirectAction& action) {
    const RouteRules& rules = *x.rules;
    auto target = action.target.build(x.values(), rules.encoded_allow, x.arena);
    if (!target) return fail(std::move(target).error());
    std::string location = action.origin;
    if (action.host_of_request) location += x.view.host;
    location += target->path;
    if (target->has_query) {
        location += '?';
        location += target->query;
    }
    location += action.fragment;
    // Browsers read both as the beginning of another host.
    if (location.starts_with("//") || location.starts_with("/\\")) return fail(Fault::bad_rewrite, "it would leave this host");
    if (!http::is_field_value(location)) return fail(Fault::value_refused, "a value of the redirect");
    return location;
}

io::Task<void> redirect(Exchange& x, const RedirectAction& action) {
    auto location = redirect_location(x, action);
    if (!location) {
        co_await reply_error(x, std::move(location).error());
        co_return;
    }
    x.response.clear();
    x.response.status = action.status;
    x.response.fields.add("Location", *location);
    co_await reply_answer(x, {});
}

Result<int32_t> choose_service(Exchange& x, const ForwardAction& action) {
    if (action.service_index >= 0) return action.service_index;
    std::string name;
    action.service.render(x.values(), name);
    const Snapshot& snapshot = *x.epoch->snapshot;
    const auto found = snapshot.service_index.find(name);
    // An internal service is as good as absent: nothing tells the two apart.
    if (found == snapshot.service_index.end() || snapshot.config.services[static_cast<size_t>(found->second)].internal) {
        return fail(Fault::service_not_found);
    }
    return found->second;
}

Result<ForwardPlan> plan_forward(Exchange& x, const ForwardAction& action, int32_t index) {
    const Snapshot& snapshot = *x.epoch->snapshot;
    const auto i = static_cast<size_t>(index);
    TargetParts target{x.view.path, x.view.query, x.view.has_query};
    if (x.sent_target) {
        target = *x.sent_target;
    } else if (action.raw) {
        target.path = x.target.path;
    } else if (action.has_path) {
        auto built = action.path.build(x.values(), x.rules->encoded_allow, x.arena);
        if (!built) return fail(std::move(built).error());
        target = *built;
    }
    if (x.sent_target || action.has_path) {
        if (auto judged = judge_rewritten(x, {target, index, x.upstream_method(), x.upstream_method_text()}); !judged) return fail(std::move(judged).error());
    }
    ForwardPlan plan{*x.epoch->services[i], index, target.path, target.query, target.has_query, action.host,
                     effective_timeouts(action.timeouts, snapshot.config.services[i].timeouts, snapshot.config.timeouts)};
    if (action.host_of_client) plan.host = x.request.host;
    plan.rest_is_empty = !x.sent_target && action.has_path && action.path.ends_in_rest() && x.match.rest.empty();
    // A target that a policy has made leads back nowhere.
    if (!x.sent_target) plan.locations = &action.locations;
    return plan;
}

}  // namespace portico::gateway
