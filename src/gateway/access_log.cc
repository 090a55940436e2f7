#include "gateway/access_log.h"

#include <cstdio>
#include <ctime>

#include "gateway/client_address.h"
#include "gateway/snapshot.h"
#include "json/writer.h"

namespace portico::gateway {
namespace {

// "2026-11-24T14:46:22.123Z"; the part up to the second is made once a second and thread.
std::string_view timestamp(WallTime wall) {
    thread_local int64_t written = -1;
    thread_local char text[32];
    const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count();
    if (ms / 1000 != written) {
        written = ms / 1000;
        const std::time_t seconds = static_cast<std::time_t>(written);
        std::tm parts{};
        ::gmtime_r(&seconds, &parts);
        std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    }
    const int64_t fraction = ms % 1000;
    text[20] = static_cast<char>('0' + fraction / 100);
    text[21] = static_cast<char>('0' + fraction / 10 % 10);
    text[22] = static_cast<char>('0' + fraction % 10);
    return {text, 24};
}

// Microseconds between two moments, where both happened.
void span(json::Writer& w, std::string_view key, Time from, Time to) {
    if (from == Time{} || to == Time{} || to < from) return;
    w.key(key).value(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

// What a client chose, or what tells of it: whoever writes long paths fills no log with them. A text that was cut has its length beside it.
void put(json::Writer& w, std::string_view key, std::string_view text) {
    if (text.size() <= kMostLogged) {
        w.key(key).value(text);
        return;
    }
    size_t end = kMostLogged;
    while (end > kMostLogged - 4 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
    w.key(key).value(text.substr(0, end));
    w.key(std::string(key) + "_bytes").value(text.size());
}

}  // namespace

void write_access_line(const Exchange& x, std::string& out) {
    const ExchangeRecord& r = x.record;
    const size_t begin = out.size();
    json::Writer w(out);
    w.begin_object();
    w.key("time").value(timestamp(x.context.loop.wall()));
    w.key("request_id").value(x.request_id);
    w.key("trace_id").value(x.traceparent.empty() ? std::string_view() : x.trace.trace());
    w.key("client").value(x.client_ip.empty() ? kNoAddress : x.client_ip);
    put(w, "method", x.request.method_text);
    put(w, "host", x.request.host);
    const Snapshot& snapshot = *x.epoch->snapshot;
    std::string redacted;
    put(w, "path", snapshot.redaction.shown(x.view.path, x.match, redacted));
    w.key("status").value(r.status);
    if (x.match.route != Match::kNone) w.key("route").value(snapshot.config.routes[x.match.route].name);
    if (r.service >= 0) w.key("service").value(snapshot.config.services[static_cast<size_t>(r.service)].name);
    if (!r.endpoint.empty()) w.key("endpoint").value(r.endpoint);
    if (!x.refused_by.empty()) w.key("refused_by").value(x.refused_by);
    if (!r.code.empty()) w.key("code").value(r.code);
    if (!r.detail.empty()) put(w, "detail", r.detail);
    // A number or a boolean by its text, as in headers: some issuers count their users.
    if (const json::Value subject = x.claims.root().find("sub"); !is_compound(subject)) {
        if (const auto text = claim_text(subject)) put(w, "subject", *text);
    }
    w.key("bytes_in").value(r.bytes_in);
    w.key("bytes_out").value(r.bytes_out);
    if (r.attempts > 0) w.key("attempts").value(r.attempts);
    if (!r.retry.empty()) w.key("retry").value(r.retry);
    if (!r.calls.empty()) w.key("calls").raw(r.calls);
    if (!x.shadowed.empty()) w.key("shadow").value(x.shadowed);
    if (!x.degraded.empty()) w.key("degraded").value(x.degraded);
    w.key("us").begin_object();
    span(w, "total", x.times.begin, x.times.end);
    span(w, "head", x.times.begin, x.times.head);
    span(w, "connect", x.times.head, x.times.connected);
    span(w, "first_byte", x.times.connected, x.times.first_byte);
    span(w, "body", x.times.first_byte, x.times.end);
    w.end_object().end_object();
    json::escape_hidden(out, begin);
    out += '\n';
}

}  // namespace portico::gateway
