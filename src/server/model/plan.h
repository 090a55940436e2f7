// What an episode's actors are to do, drawn at random: requests with their answers, and the manners of those who send them. For
// tests only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/sim/chance.h"
#include "server/model/message.h"

namespace portico::server::model {

using io::Chance;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Who has his say before he listens, for longer than the idle time: bytes go one way only, steadily. By turns: a client that
// sends no more while it hears something.
enum class First : uint8_t { nobody, clients, services, turns };

// What everybody in an episode may do.
struct Manners {
    bool lawful = true;          // each exchange must succeed; else only what must never happen is looked for
    bool idle_closes = false;    // services close connections that rest
    Duration pace{};             // the longest an actor takes between two of its steps
    uint64_t large_one_in = 12;  // bodies of up to `large` bytes
    uint64_t least_large = 60'000, large = 400'000;
    uint64_t long_heads_one_in = 5;
    uint64_t most_pad = 30'000;
    uint64_t expects_one_in = 4;
    bool uploads = false;        // mostly bodies, one behind the other
    int favourite = 0;           // the one wrong that services do; 0: each of them
    Duration stall = seconds(5);  // the longest that somebody does nothing
    bool prompt = false;         // nobody waits for what takes a second by itself
    bool reloads = false, drains = false, asks_first = false;
    First first = First::nobody;
    bool raised = false;                // the gateway's bound of a head
    bool small_answers = false, early_answers = false;
    bool greedy = false;                // everybody reads and sends all that there is, and clients wait for nothing
    bool deaf = false;                  // services that answer before they have heard all listen no further
    bool long_by_length = false;        // bodies that are chunked are short
    uint64_t chunked_one_in = 2;
    uint64_t together_one_in = 4;       // requests that follow one in the same piece, where they may
    uint64_t slow_to_begin_one_in = 8;  // services, unlawful ones
    bool speaks_at_rest = false;  // services send what nobody asked for
    bool holds = false;           // some requests' bodies are held by the gateway, and some answers read by it (Planned::is_held)
    bool narrow = false;          // connections hold little: whoever sends something has to wait for it to be read
    bool crowds = false;          // many little requests in one piece
    bool strays = false;          // to where there is no service: the gateway answers them all at once
};

enum class Frame : uint8_t { none, length, chunked, until_close };

struct Answer {
    int status = 200;
    Frame frame = Frame::length;
    uint64_t size = 0, pad = 0;
    uint32_t interim = 0;
    bool says_continue = true;   // where the request asks for it
    bool http10 = false, close = false, trailers = false;
    // When it begins: at the request's whole, its head, or its first line; `whole_early`: it does not wait for the rest either.
    enum class When : uint8_t { whole, head, line } when = When::whole;
    bool whole_early = false;
    // What is wrong with it.
    enum class Wrong : uint8_t { nothing, cut_close, cut_reset, cut_silent, excess, silent, closes_unsaid, leaves_unanswered, garbage } wrong = Wrong::nothing;
    uint64_t cut = 0;            // bytes that are sent, where it is cut
    // What a held request's answer says that it is. JSON, and a coding, that it is not: the gateway refuses it.
    enum class Type : uint8_t { plain, json, coded } type = Type::plain;
    bool deaf = false;           // reads nothing from when it answers, or has heard the first line, until a while after it has answered
};

// A request, and what became of it.
struct Planned {
    uint64_t id = 0;
    std::string method = "GET";
    std::string service;  // the first part of its path
    Frame frame = Frame::none;
    uint64_t size = 0, pad = 0;
    bool http10 = false, expect = false, close = false, trailers = false;
    Answer answer;

    std::string bytes() const;
    std::string body() const { return is_held() ? '"' + stuff(id, Stuff::request_body, size) + '"' : stuff(id, Stuff::request_body, size); }
    size_t head_size() const { return head_; }
    bool idempotent() const { return method != "POST" && method != "PATCH"; }
    bool to_head() const { return method == "HEAD"; }
    // The gateway reads its body as a document: it is a JSON string.
    bool is_held() const { return service == "h"; }
    uint64_t body_size() const { return size + (is_held() && frame != Frame::none ? 2 : 0); }

    // By the service.
    struct Delivery {
        uint64_t connection = 0;
        bool reused = false;
        bool ended_by_service = false;
        bool body_came = false;
    };
    std::vector<Delivery> deliveries;
    bool answered = false;     // all of the answer was sent, its connection's end included where that ends it
    bool short_end = false;    // its end came before all of its body, in order
    bool excused = false;      // it may fail
    mutable size_t head_ = 0;
};

inline std::string pads(uint64_t id, Stuff what, uint64_t size, std::string_view name) {
    std::string out;
    for (uint64_t at = 0, n = 0; at < size; ++n) {
        const uint64_t part = std::min<uint64_t>(size - at, 7000);
        out.append(name).append(std::to_string(n)).append(": ").append(stuff(id, what, part, at)).append("\r\n");
        at += part;
    }
    return out;
}

inline std::string chunks(std::string body, uint64_t id, bool trailers) {
    Chance chance(id);
    std::string out;
    char size[24];
    for (size_t at = 0; at < body.size();) {
        const size_t n = std::min<size_t>(body.size() - at, chance.one_in(3) ? chance.between(1, 20) : chance.between(1, 70'000));
        out.append(size, static_cast<size_t>(std::snprintf(size, sizeof size, "%zx\r\n", n))).append(body, at, n).append("\r\n");
        at += n;
    }
    return out.append("0\r\n").append(trailers ? "X-Trailer: t\r\n\r\n" : "\r\n");
}

inline std::string Planned::bytes() const {
    std::string out = method + " /" + service + "/" + std::to_string(id) + " HTTP/1." + (http10 ? "0" : "1") + "\r\nHost: model\r\nX-Model-Id: " + std::to_string(id) + "\r\n";
    if (is_held()) out += "Content-Type: application/json\r\n";
    if (expect) out += "Expect: 100-continue\r\n";
    if (close) out += "Connection: close\r\n";
    else if (http10) out += "Connection: keep-alive\r\n";
    if (frame == Frame::length) out += "Content-Length: " + std::to_string(body_size()) + "\r\n";
    if (frame == Frame::chunked) out += "Transfer-Encoding: chunked\r\n";
    out += pads(id, Stuff::request_pad, pad, "X-Pad-") + "\r\n";
    head_ = out.size();
    if (frame == Frame::none) return out;
    return out + (frame == Frame::chunked ? chunks(body(), id, trailers) : body());
}

inline std::string head_of(const Answer& a, const Planned& p) {
    std::string out = "HTTP/1." + std::string(a.http10 ? "0" : "1") + " " + std::to_string(a.status) + " Said\r\nX-Model-Id: " + std::to_string(p.id) + "\r\n";
    if (p.is_held()) out += a.type == Answer::Type::plain ? "Content-Type: text/plain\r\n" : "Content-Type: application/json\r\n";
    if (a.type == Answer::Type::coded) out += "Content-Encoding: x-unknown\r\n";
    if (a.close) out += "Connection: close\r\n";
    else if (a.http10) out += "Connection: keep-alive\r\n";
    if (a.status != 204 && a.status != 304) {
        if (a.frame == Frame::length) out += "Content-Length: " + std::to_string(a.size) + "\r\n";
        if (a.frame == Frame::chunked) out += "Transfer-Encoding: chunked\r\n";
    }
    return out + pads(p.id, Stuff::response_pad, a.pad, "X-Pad-") + "\r\n";
}

// True where the answer's body does not go over the wire.
inline bool bodiless(const Answer& a, const Planned& p) { return p.to_head() || a.status == 204 || a.status == 304; }

inline std::string body_of(const Answer& a, const Planned& p) {
    if (bodiless(a, p)) return {};
    std::string body = stuff(p.id, Stuff::response_body, a.size);
    return a.frame == Frame::chunked ? chunks(std::move(body), p.id, a.trailers) : body;
}

inline uint64_t draw_size(Chance& c, const Manners& m) {
    if (m.narrow || m.crowds) return c.between(0, m.crowds || !c.one_in(4) ? 30 : 400);
    if (c.one_in(m.large_one_in)) return c.between(m.least_large, m.large);
    return c.one_in(4) ? c.between(0, 40'000) : c.between(0, 300);
}

inline uint64_t draw_pad(Chance& c, const Manners& m) {
    if (!c.one_in(m.long_heads_one_in)) return 0;
    // Where connections hold little, such that a body behind the head finds hardly any room in their buffer.
    return c.between(m.narrow && m.most_pad > 300 ? m.most_pad - 2000 : 0, m.most_pad);
}

inline Answer draw_answer(Chance& c, const Manners& m, const Planned& p) {
    Answer a;
    a.status = c.one_in(12) ? 204 : c.one_in(12) ? 304 : c.one_in(8) ? 404 : 200;
    a.frame = c.one_in(2) ? Frame::length : c.one_in(3) ? Frame::until_close : Frame::chunked;
    a.size = m.small_answers ? c.between(0, 300) : draw_size(c, m);
    a.pad = m.small_answers ? 0 : draw_pad(c, m);
    if (m.narrow && c.one_in(2)) a.frame = Frame::chunked;
    a.trailers = c.one_in(m.narrow ? 2 : 4);
    a.http10 = a.frame != Frame::chunked && c.one_in(8);
    a.interim = c.one_in(8) ? static_cast<uint32_t>(c.between(1, 3)) : 0;
    a.says_continue = !c.one_in(3) || m.prompt;
    if (a.frame == Frame::until_close && !bodiless(a, p)) a.close = true;
    else a.close = c.one_in(10);
    if (c.one_in(3) || m.early_answers) a.when = c.one_in(2) ? Answer::When::head : Answer::When::line;
    a.whole_early = a.when != Answer::When::whole && c.one_in(m.deaf ? 1 : 2);
    if (m.lawful) return a;
    if (p.is_held()) a.type = static_cast<Answer::Type>(c.below(3));
    a.deaf = m.deaf || c.one_in(a.when == Answer::When::line ? 2 : 6);
    if (m.deaf || !c.one_in(3)) return a;
    a.wrong = static_cast<Answer::Wrong>(m.favourite != 0 ? m.favourite : static_cast<int>(c.between(1, 8)));
    a.cut = c.between(0, head_of(a, p).size() + a.size);
    return a;
}

inline Planned draw_request(Chance& c, const Manners& m, uint64_t id) {
    Planned p;
    p.id = id;
    if (m.strays && !c.one_in(100)) {
        p.service = "none";
        p.excused = true;
        return p;
    }
    constexpr const char* kMethods[] = {"GET", "GET", "PUT", "POST", "POST", "HEAD", "DELETE", "PUT"};
    p.method = m.uploads && !c.one_in(3) ? (c.one_in(3) ? "POST" : "PUT") : kMethods[c.below(std::size(kMethods))];
    p.service = m.asks_first && c.one_in(2) ? "g" : m.holds && c.one_in(2) ? "h" : c.one_in(3) ? "b" : "a";
    p.http10 = c.one_in(8);
    if (p.method == "PUT" || p.method == "POST") p.frame = c.one_in(m.chunked_one_in) && !p.http10 ? Frame::chunked : Frame::length;
    if (p.frame != Frame::none) {
        p.size = p.is_held() && !c.one_in(20) ? c.between(0, c.one_in(3) ? 12'000 : 3000) : m.long_by_length && p.frame == Frame::chunked ? c.between(0, 300) : draw_size(c, m);
        p.expect = !p.http10 && c.one_in(m.expects_one_in);
    }
    p.trailers = c.one_in(4);
    p.pad = draw_pad(c, m);
    p.close = c.one_in(12);
    p.answer = draw_answer(c, m, p);
    return p;
}

}  // namespace portico::server::model
