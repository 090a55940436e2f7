#include "gateway/upstream_request.h"

#include "gateway/connection_names.h"
#include "gateway/field_rules.h"
#include "gateway/rewrite.h"
#include "gateway/snapshot.h"

namespace portico::gateway {
namespace {

using http::FieldName;
using http::Framing;

// Request fields that the gateway writes itself, or that end here.
bool is_replaced(FieldName id) {
    switch (id) {
        case FieldName::host:
        case FieldName::content_length:
        case FieldName::expect:
        case FieldName::x_request_id:
        case FieldName::traceparent: return true;
        default: return http::is_hop_by_hop(id);
    }
}

void write_length(http::h1::Output& out, uint64_t length) {
    out.put("Content-Length: ");
    out.put_decimal(length);
    out.put("\r\n");
}

void write_framing(http::h1::Output& out, const Exchange& x) {
    if (x.request_body) return write_length(out, x.request_body->size());
    switch (x.request.body.framing) {
        case Framing::length: return write_length(out, x.request.body.length);
        case Framing::chunked: return out.put("Transfer-Encoding: chunked\r\n");
        case Framing::none:
        case Framing::until_close: break;
    }
    // A method that goes with a body, where the client's went without (RFC 9110 §8.6).
    if (!x.sent_method_text.empty() && http::expects_body(x.sent_method)) write_length(out, 0);
}

}  // namespace

void write_upstream_head(http::h1::Output& out, const Exchange& x, const ForwardPlan& plan, std::string_view authority,
                         bool expect) {
    const http::RequestHead& request = x.request;
    out.put(x.upstream_method_text());
    out.put(' ');
    out.put(plan.path);
    if (plan.has_query) {
        out.put('?');
        out.put(plan.query);
    }
    out.put(" HTTP/1.1\r\n");
    out.field("Host", plan.host.empty() ? authority : plan.host);
    // A tracestate without its traceparent says nothing (W3C Trace Context §3.3).
    const bool drop_state = x.traceparent.empty();
    for (const http::Field& f : request.fields) {
        if (f.id != FieldName::other) {
            if (is_replaced(f.id)) continue;
            if (f.id == FieldName::tracestate && drop_state) continue;
        }
        out.field(f.name, f.value);
        // It is written again, into more room.
        if (out.full()) return;
    }
    for (const http::Field& f : x.set_fields) out.field(f.name, f.value);
    out.field("X-Forwarded-For", x.forwarded_for);
    out.field("X-Forwarded-Proto", x.forwarded_proto);
    if (!x.forwarded_host.empty()) out.field("X-Forwarded-Host", x.forwarded_host);
    out.field("X-Forwarded-Port", x.forwarded_port);
    if (const std::string_view prefix = stripped_prefix(x.view.path, plan.path, plan.rest_is_empty); !prefix.empty()) out.field("X-Forwarded-Prefix", prefix);
    if (!x.client_ip.empty()) out.field("X-Real-IP", x.client_ip);
    // A further field line continues the list of the client's own (RFC 9110 §5.3).
    if (x.epoch->snapshot->config.forwarding.via) out.field("Via", kVia);
    out.field("X-Request-ID", x.request_id);
    if (!x.traceparent.empty()) out.field("traceparent", x.traceparent);
    if (expect) out.put("Expect: 100-continue\r\n");
    write_framing(out, x);
    out.put("\r\n");
}

void take_upstream_head(Exchange& x, const http::ResponseHead& head) {
    ResponseOut& out = x.response;
    out.clear();
    out.status = head.status;
    out.reason = head.reason;
    out.body = head.body;
    const bool bodiless = http::never_has_body(head.status, x.request.method);
    const ConnectionNames named(head.connection);
    for (const http::Field& f : head.fields) {
        if (f.id != FieldName::other) {
            if (http::is_hop_by_hop(f.id) || f.id == FieldName::x_request_id) continue;
            // Where there is no body the length is only a statement about one, and passes as it is (RFC 9110 §8.6); but
            // never with 1xx and 204.
            if (f.id == FieldName::content_length && (!bodiless || head.status < 200 || head.status == 204)) continue;
        }
        if (named.contains(f.name)) continue;
        out.fields.add(f);
    }
    if (x.epoch->snapshot->config.forwarding.via) out.fields.add("Via", kVia, FieldName::via);
}

void take_interim_head(Exchange& x, const http::ResponseHead& head) {
    take_upstream_head(x, head);
    clean_interim(x, x.response.fields);
}

std::string describe_upstream_request(Exchange& x, const ForwardPlan& plan, std::string_view authority) {
    std::string text;
    for (size_t size = 16 << 10;; size *= 4) {
        text.resize(size);
        http::h1::Output out(text.data(), text.size());
        write_upstream_head(out, x, plan, authority, x.request.expect_continue);
        if (out.full()) continue;
        text.resize(out.size());
        return text;
    }
}

}  // namespace portico::gateway
